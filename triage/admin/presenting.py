"""What the pages of a release show, arranged for the people who decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from accounts.releases import Preview
from dermatech.core import releases
from dermatech.core.differences import Diff, Line, RowChange, compare
from dermatech.core.errors import DomainError
from dermatech.core.releases import Fault, Release, ReleaseState
from triage.admin.base import actor_of
from triage.engine.criteria import CriteriaError
from triage.models import TriageLevel

COMPARED_WITH = 30  # releases offered to compare with
CONTEXT = 1  # unchanged lines shown around a change
CRITERIA = ("when", "unless", "fact_test")
_LEVELS: Mapping[str, str] = dict(TriageLevel.choices)


@dataclass(frozen=True, slots=True)
class Case:
    """A test case of a release and how it went."""

    id: str
    description: str
    problems: Sequence[str]
    shortfall: str
    expects: str


@dataclass(frozen=True, slots=True)
class Cases:
    """All test cases of a release."""

    cases: Sequence[Case]

    @property
    def agreeing(self) -> int:
        return sum(not case.problems for case in self.cases)

    @property
    def failed(self) -> list[Case]:
        """Disagree without a reason why they may."""
        return [case for case in self.cases if case.problems and not case.shortfall]

    @property
    def excused(self) -> list[Case]:
        return [case for case in self.cases if case.problems and case.shortfall]


@dataclass(slots=True)
class Group:
    """Past cases that change in the same way; one reason serves them all."""

    what: Sequence[str]
    downgrade: bool
    before: str
    after: str
    before_level: str
    after_level: str
    reason: Mapping[str, str] | None
    cases: list[dict[str, Any]] = field(default_factory=list)

    @property
    def keys(self) -> str:
        return "\n".join(case["key"] for case in self.cases)


def page(model_admin: Any, request: HttpRequest, release: Any) -> dict[str, Any]:
    """Everything about one release."""
    actor = actor_of(request)
    review = model_admin.workflow.review(release)
    base = _base(model_admin, request, release)
    held = type(model_admin).document(release)
    proposed = release.state == ReleaseState.PROPOSED
    cases = model_admin.cases(release) if model_admin.cases else None
    return {
        "release": release,
        "original": release,
        "state": ReleaseState(release.state),
        "proposer": model_admin.proposer(release),
        "approver": model_admin.approver(release),
        "holds": ", ".join(f"{len(held.get(name, ()))} {what}" for name, what in model_admin.parts.items()),
        "review": review,
        "waits": proposed or release.state == ReleaseState.SCHEDULED,
        "proposed": proposed,
        "archived": release.state == ReleaseState.ARCHIVED,
        "obstacles": review.obstacles(actor) if proposed else [],
        "faults": _faults(model_admin, [*review.blocking, *review.warnings]),
        "checked": release.checks is not None,
        "cases": cases,
        "replay": _replayed(request, review.replay),
        "weakened": review.weakened,
        "diff": _diff(model_admin, base, release),
        "base": base,
        "snapshot_url": model_admin.address("snapshot", release),
        "bring_back_url": model_admin.address("bring_back", release),
        "others": _others(model_admin, release),
    }


def proposal(model_admin: Any, request: HttpRequest, preview: Preview | None) -> dict[str, Any]:
    """What the working rows would release, and what stands against it; `preview` with past cases."""
    context: dict[str, Any] = {"checks": model_admin.checks}
    base = releases.active(model_admin.model)
    faults: Sequence[Fault]
    if preview is not None:
        faults, context["previewed"] = preview.faults, True
        context |= {"replay": _replayed(request, preview.replay), "weakened": preview.weakened}
    else:
        faults = _built_faults(model_admin)
    blocking = [fault for fault in faults if fault.blocks]
    working = model_admin.compare_working
    return context | {
        "faults": _faults(model_admin, faults),
        "blocking": len(blocking),
        "base": base,
        "diff": _working_diff(working, base)
        if working and base is not None and not _unbuilt(blocking)
        else None,
    }


def _built_faults(model_admin: Any) -> Sequence[Fault]:
    try:
        return list(model_admin.workflow.build()[1])
    except DomainError as refused:
        return [Fault("", refused.detail)]


def _unbuilt(blocking: Sequence[Fault]) -> bool:
    """Whether rows cannot even be read, so that nothing can be compared."""
    return any(fault.rule == "unreadable" or not fault.place for fault in blocking)


def _working_diff(working: Any, base: Release) -> Diff | None:
    try:
        return _folded(working(base))
    except (CriteriaError, DomainError):
        return None


def roll_back(model_admin: Any, release: Any) -> dict[str, Any]:
    """What bringing `release` back would change."""
    active = releases.active(model_admin.model)
    return {
        "release": release,
        "page_url": model_admin.address("change", release),
        "base": active,
        "diff": _diff(model_admin, active, release) if active is not None else None,
    }


# --- Differences ------------------------------------------------------------------------------------
def _base(model_admin: Any, request: HttpRequest, release: Any) -> Any:
    """What the release is compared with: as asked, else the one in force or the one before it."""
    others = model_admin.get_queryset(request).exclude(pk=release.pk)
    asked = request.GET.get("against", "")
    if asked.isdecimal() and (chosen := others.filter(number=int(asked)).first()):
        return chosen
    if release.state in (ReleaseState.PROPOSED, ReleaseState.SCHEDULED):
        return others.filter(state=ReleaseState.ACTIVE).first()
    before = others.filter(number__lt=release.number).exclude(state=ReleaseState.REJECTED)
    return before.order_by("-number").first()


def _others(model_admin: Any, release: Any) -> list[Any]:
    rows = model_admin.model._default_manager.defer("snapshot").exclude(pk=release.pk)
    return list(rows.order_by("-number")[:COMPARED_WITH])


def _diff(model_admin: Any, older: Any, newer: Any) -> Diff | None:
    if older is None:
        return None
    if model_admin.compare is not None:
        return _folded(model_admin.compare(older, newer))
    document = type(model_admin).document
    labels = (older.label, newer.label)
    return _folded(
        compare(document(older), document(newer), labels=labels, names=model_admin.parts, words=_no_words)
    )


def _no_words(kind: str, name: str, row: Mapping[str, Any]) -> None:
    return None


def _folded(diff: Diff) -> Diff:
    """The same difference with long stretches of unchanged lines left out; criteria stay whole, since a
    line of theirs means nothing without those around it."""

    def row(change: RowChange) -> RowChange:
        return replace(
            change,
            fields=tuple(
                each if each.field in CRITERIA else replace(each, lines=fold(each.lines))
                for each in change.fields
            ),
        )

    sections = (replace(each, changed=tuple(map(row, each.changed))) for each in diff.sections)
    return replace(diff, sections=tuple(sections))


def fold(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Unchanged lines only within CONTEXT of a change."""
    near = {
        at + step
        for at, line in enumerate(lines)
        if line.sign != " "
        for step in range(-CONTEXT, CONTEXT + 1)
    }
    kept: list[Line] = []
    for at, line in enumerate(lines):
        if at in near or line.sign != " ":
            kept.append(line)
        elif not kept or kept[-1].sign != "~":
            kept.append(Line("~", "..."))
    return tuple(kept)


# --- Checks -----------------------------------------------------------------------------------------
def _faults(model_admin: Any, faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """Each with a link to the row it speaks of."""
    rows = _rows(model_admin, [fault.place for fault in faults])
    ordered = sorted(faults, key=lambda fault: not fault.blocks)
    return [_fault(fault, rows) for fault in ordered]


def _fault(fault: Fault, rows: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    kind, _, rest = fault.place.partition(".")
    code, _, inside = rest.partition(".")
    link, called = rows.get(f"{kind}.{code}", ("", ""))
    return {
        "blocks": fault.blocks,
        "place": fault.place,
        "link": link,
        "called": called,
        "inside": inside.replace("_", " "),
        "message": fault.message,
        "rule": fault.rule.replace("_", " "),
    }


def _rows(model_admin: Any, places: Sequence[str]) -> dict[str, tuple[str, str]]:
    """`<list>.<code>` -> the page of the working row and what it is called; one query per list."""
    wanted: dict[str, set[str]] = {}
    for place in places:
        kind, _, rest = place.partition(".")
        wanted.setdefault(kind, set()).add(rest.split(".")[0])
    found = {}
    for kind, codes in wanted.items():
        model = model_admin.rows.get(kind)
        if model is None:
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        for row in model._default_manager.filter(code__in=codes):
            called = getattr(row, "title", "") or getattr(row, "name", "") or str(row)
            found[f"{kind}.{row.code}"] = (reverse(name, args=[row.pk]), called)
    return found


# --- Replay -----------------------------------------------------------------------------------------
def _replayed(request: HttpRequest, replay: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The report with its changed cases in groups, milder outcomes without a reason first."""
    if replay is None:
        return None
    groups: dict[Any, Group] = {}
    for case in replay["changed"]:
        reason = case.get("reason")
        what = tuple(in_words(text) for text in case["what"])
        key = (
            what,
            case["downgrade"],
            case["before"]["level"],
            case["after"]["level"],
            reason and reason["text"],
        )
        if key not in groups:
            groups[key] = _group(what, case, reason)
        groups[key].cases.append({**case, "link": _consultation(case["consultation"])})
    ordered = sorted(groups.values(), key=lambda group: (not group.downgrade, group.reason is not None))
    downgrades = sum(case["downgrade"] for case in replay["changed"])
    return {**replay, "groups": ordered, "downgrades": downgrades, "count": len(replay["changed"])}


def _group(what: Sequence[str], case: Mapping[str, Any], reason: Mapping[str, str] | None) -> Group:
    before, after = case["before"]["level"], case["after"]["level"]
    return Group(
        what=what, downgrade=case["downgrade"], reason=reason,
        before=_LEVELS.get(before, before), after=_LEVELS.get(after, after),
        before_level=before.replace("_", "-"), after_level=after.replace("_", "-"),
    )  # fmt: skip


def in_words(text: str) -> str:
    """A change as people read it: levels by their names, an arrow."""
    if text.startswith("Level: "):
        for level, label in _LEVELS.items():
            text = text.replace(level.replace("_", " "), label)
    return text.replace(" -> ", " \N{RIGHTWARDS ARROW} ")


def _consultation(key: str) -> str | None:
    try:
        return reverse("admin:consultations_consultation_change", args=[key])
    except NoReverseMatch:
        return None
