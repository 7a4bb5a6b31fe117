"""What a release would have changed for the patients seen last: each case under both, compared.

Inputs are those of the case as it stands; both sides are evaluated now, so that nothing but the release
makes a difference.
"""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from consultations import selectors
from consultations.models import Analysis, Consultation, Status
from consultations.services import results
from consultations.services.case import Case, case_of
from consultations.services.evaluation import Evaluation, evaluate, leading, plausible, triaged
from dermatech.core import replays
from dermatech.core.errors import Unavailable, Unprocessable
from dermatech.core.releases import canonical_json, content_hash
from dermatech.core.replays import ChangedCase, Outcome, Progress, ReplayReport
from medications.engine import Formulary, parse_formulary
from medications.models import FormularyRelease
from triage.engine import (
    ContradictoryFindings,
    Differential,
    Knowledge,
    Level,
    TriageResult,
    differential,
    parse_knowledge,
    raised_by,
)
from triage.engine.assessment import hours
from triage.models import GuidelineRelease
from triage.selectors import snapshot_of

_BATCH: Final = 500
# The parts of a snapshot that the differential reads; where they are the same, so is the ranking.
_MATRIX: Final = ("conditions", "findings", "profiles", "scoring", "safety_questions")
_NOTHING_YET: Final = "Nothing is in force yet that it could be compared with."


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of the comparison goes by. `matrix` is equal where the ranking must be."""

    knowledge: Knowledge
    formulary: Formulary | None
    matrix: str


@dataclass(frozen=True, slots=True)
class _Quick:
    """What decides the medicines, without computing them."""

    result: TriageResult
    condition: str
    plausible: tuple[str, ...]

    @property
    def decides(self) -> tuple[Any, ...]:
        result = self.result
        return (
            result.level,
            result.timeframe,
            result.provisional,
            tuple(fired.rule.id for fired in result.rules),
            result.notify,
            self.condition,
            self.plausible,
        )


@dataclass(slots=True)
class _Rehearsal:
    """One pass over cases."""

    before: Side
    after: Side
    changed: list[ChangedCase] = field(default_factory=list)
    skipped: list[Mapping[str, str]] = field(default_factory=list)
    unchanged: int = 0

    def see(self, row: Consultation, evidence: Mapping[str, Any] | None) -> None:
        case = case_of(row, cadre=row.pharmacist.cadre, evidence=evidence)
        try:
            outcomes = self._outcomes(case)
        except (ContradictoryFindings, Unprocessable) as outdated:
            self.skipped.append({"consultation": str(row.pk), "why": str(outdated)[:300]})
            return
        what = () if outcomes is None else differences(*outcomes)
        if outcomes is None or not what:
            self.unchanged += 1
            return
        before, after = outcomes
        self.changed.append(
            ChangedCase(
                key=replays.key_of(str(row.pk), what),
                consultation=str(row.pk),
                date=row.created_at.date().isoformat(),
                before=before,
                after=after,
                downgrade=is_downgrade(before, after),
                what=what,
            )
        )

    def _outcomes(self, case: Case) -> tuple[Outcome, Outcome] | None:
        """Before and after; None when nothing can have changed."""
        one, other = self.before, self.after
        if one.formulary is other.formulary:
            rankings = _ranked(case, one.knowledge)
            same = rankings if one.matrix == other.matrix else _ranked(case, other.knowledge)
            quick = _quick(case, one.knowledge, rankings), _quick(case, other.knowledge, same)
            if quick[0].decides == quick[1].decides:
                return None
        pair = (evaluate(case, knowledge=side.knowledge, formulary=side.formulary) for side in (one, other))
        first, second = (_outcome(evaluation) for evaluation in pair)
        return first, second


def rehearse_guidelines(
    snapshot: Mapping[str, Any], *, last: int | None = None, progress: Progress | None = None
) -> ReplayReport:
    """The last cases under guidelines that would be released."""
    return _rehearse(GuidelineRelease, snapshot, last=last, progress=progress)


def rehearse_formulary(
    snapshot: Mapping[str, Any], *, last: int | None = None, progress: Progress | None = None
) -> ReplayReport:
    """The last cases under a formulary that would be released."""
    return _rehearse(FormularyRelease, snapshot, last=last, progress=progress)


def waiting(limit: int | None = None) -> int:
    """How many cases a rehearsal goes through, counted no further than that."""
    most = settings.RELEASE_REPLAY_LAST if limit is None else limit
    return Consultation.objects.order_by()[:most].count()


def _rehearse(
    model: type[GuidelineRelease] | type[FormularyRelease],
    snapshot: Mapping[str, Any],
    *,
    last: int | None,
    progress: Progress | None,
) -> ReplayReport:
    limit = settings.RELEASE_REPLAY_LAST if last is None else last
    began = time.monotonic()
    try:
        known = results.published()
    except Unavailable:
        return _report(None, limit, None, began, _NOTHING_YET)
    matrix = _matrix(snapshot_of(known.guidelines))
    before = Side(known.knowledge, known.formulary, matrix)
    base: str | None
    if model is GuidelineRelease:
        base = known.guidelines.label
        after = Side(parse_knowledge(snapshot), known.formulary, _matrix(snapshot))
    else:
        base = known.formulary_release.label if known.formulary_release else None
        after = Side(known.knowledge, parse_formulary(snapshot), matrix)
    rehearsal = _Rehearsal(before, after)
    total = waiting(limit)
    for done, (row, evidence) in enumerate(_cases(limit), start=1):
        rehearsal.see(row, evidence)
        if progress is not None and (done % 100 == 0 or done == total):
            progress(done, total)
    return _report(base, limit, rehearsal, began, "")


def _cases(limit: int) -> Iterator[tuple[Consultation, Mapping[str, Any] | None]]:
    """The newest consultations with their image evidence, two queries for every 500."""
    ids = list(Consultation.objects.order_by("-created_at", "-id").values_list("pk", flat=True)[:limit])
    for start in range(0, len(ids), _BATCH):
        wanted = ids[start : start + _BATCH]
        rows = (
            Consultation.objects.filter(pk__in=wanted)
            .select_related("pharmacist")
            # Encrypted or large, and nothing that decides.
            .defer("initials", "notes", "triage", "assessment", "decision", "outcome")
            .in_bulk()
        )
        evidence = _evidence(wanted)
        yield from ((rows[id_], evidence.get(id_)) for id_ in wanted if id_ in rows)


def _evidence(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Mapping[str, Any]]:
    """What image models said of each patient, as `selectors.image_evidence` chooses it."""
    spoken: dict[uuid.UUID, list[dict[str, Any]]] = {}
    found = (
        Analysis.objects.filter(consultation__in=ids, status=Status.SUCCEEDED, evidence__isnull=False)
        .order_by("-created_at", "-id")
        .values_list("consultation_id", "evidence")
    )
    for id_, evidence in found:
        if evidence:
            spoken.setdefault(id_, []).append(evidence)
    return {id_: _most_suspicious(said) for id_, said in spoken.items()}


def _most_suspicious(said: list[dict[str, Any]]) -> dict[str, Any]:
    return max(said, key=selectors.suspicion)


# --- One case -----------------------------------------------------------------------------------------
def _ranked(case: Case, knowledge: Knowledge) -> tuple[Differential, Differential]:
    """Without the image, and with it."""
    facts = case.all_facts
    plain = differential(case.findings, facts, None, knowledge, explained=False)
    if case.image_evidence is None:
        return plain, plain
    return plain, differential(case.findings, facts, case.image_evidence, knowledge, explained=False)


def _quick(case: Case, knowledge: Knowledge, rankings: tuple[Differential, Differential]) -> _Quick:
    plain, ranking = rankings
    facts = raised_by(case.findings, case.all_facts, knowledge)
    result = triaged(case, facts=facts, knowledge=knowledge, plain=plain, ranking=ranking)
    confirmed = case.working_diagnosis or str(facts.get("condition") or "")
    return _Quick(result, confirmed or leading(ranking), plausible(plain, ranking))


def _outcome(evaluation: Evaluation) -> Outcome:
    triage = evaluation.triage
    return Outcome(
        level=str(evaluation.level),
        timeframe=triage["timeframe"],
        provisional=triage["provisional"],
        rules=tuple(rule["id"] for rule in triage["rules"]),
        conditions=tuple(
            each["condition"] for each in evaluation.assessment["conditions"] if each["band"] != "unlikely"
        ),
        medicines=tuple(row["medication"] for row in evaluation.proposed),
        excluded=tuple(f"{row['medication']}: {row['code']}" for row in evaluation.excluded),
        notify=triage["notify"],
    )


_COMPARED: Final = (
    ("level", "Level"),
    ("timeframe", "When"),
    ("provisional", "Provisional"),
    ("rules", "Rules"),
    ("conditions", "Possible conditions"),
    ("medicines", "Medicines proposed"),
    ("excluded", "Medicines excluded"),
    ("notify", "To notify"),
)


def differences(before: Outcome, after: Outcome) -> tuple[str, ...]:
    """What changed, in sentences."""
    return tuple(
        f"{said}: {_said(old)} -> {_said(new)}"
        for name, said in _COMPARED
        if (old := getattr(before, name)) != (new := getattr(after, name))
    )


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value or "nobody").replace("_", " ")


def is_downgrade(before: Outcome, after: Outcome) -> bool:
    """Whether the patient is judged milder, later, or less safely than before."""
    old, new = Level(before.level), Level(after.level)
    if old is not new:
        return old.worse_than(new)
    if hours(after.timeframe) > hours(before.timeframe):
        return True
    if set(filter(None, (before.notify or "").split("; "))) - set((after.notify or "").split("; ")):
        return True
    barred = {line.split(": ")[0] for line in before.excluded} - set(before.medicines)
    return bool(barred & set(after.medicines))


def _matrix(snapshot: Mapping[str, Any]) -> str:
    return content_hash(canonical_json([snapshot[name] for name in _MATRIX]))


def _report(
    base: str | None, limit: int, rehearsal: _Rehearsal | None, began: float, note: str
) -> ReplayReport:
    changed = rehearsal.changed if rehearsal else []
    skipped = rehearsal.skipped if rehearsal else []
    unchanged = rehearsal.unchanged if rehearsal else 0
    return ReplayReport(
        base=base,
        limit=limit,
        considered=unchanged + len(changed) + len(skipped),
        unchanged=unchanged,
        changed=tuple(sorted(changed, key=lambda case: not case.downgrade)),
        skipped=tuple(skipped),
        ran_at=timezone.now().isoformat(),
        took_ms=round(1000 * (time.monotonic() - began)),
        note=note,
    )


def register() -> None:
    """Called once at start-up: the release workflow may ask what a release would change."""
    replays.register(GuidelineRelease._meta.label_lower, rehearse_guidelines, size=waiting)
    replays.register(FormularyRelease._meta.label_lower, rehearse_formulary, size=waiting)
