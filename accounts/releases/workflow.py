"""Check, propose, replay, approve, schedule, reject, roll back."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.audit import Action, Purpose, record
from accounts.models import User
from accounts.policy import Permission, require
from accounts.releases import review as reviewing
from accounts.releases.review import Review, Weakened
from dermatech.core import releases, replays
from dermatech.core.errors import Conflict, FieldError, NotFound, Unprocessable, ValidationFailed
from dermatech.core.releases import Fault, Release, ReleaseState, RemarkKind, ReviewState
from dermatech.core.replays import Progress

R = TypeVar("R", bound=Release)
Snapshot = Mapping[str, Any]
MAX_FAULTS = 50  # of the faults found, how many an error repeats
_LONGEST: Final = 4000  # characters of a remark


@dataclass(frozen=True, slots=True)
class Preview:
    """What proposing the working rows now would find. `replay` is a ReplayReport as JSON, if any."""

    faults: tuple[Fault, ...]
    replay: dict[str, Any] | None
    weakened: tuple[Weakened, ...]


@dataclass(frozen=True)
class Workflow(Generic[R]):
    """The way of one kind of release.

    `build` composes the snapshot of the working rows and finds what is to be said about it; `rows` are
    the models whose rows count as reviewed once what they say is approved; `called` names it in errors.
    `check` looks at a snapshot again before it is approved; `weakened(old, new)` names what needs two
    approvals.
    """

    model: type[R]
    called: str
    build: Callable[[], tuple[dict[str, Any], Sequence[Fault]]]
    rows: Iterable[type[models.Model]]
    reviewed_state: str
    check: Callable[[Snapshot], Sequence[Fault]] | None = None
    weakened: Callable[[Snapshot, Snapshot], Sequence[Weakened]] | None = None

    def __post_init__(self) -> None:
        _workflows[self.model._meta.label_lower] = self

    # --- proposing -----------------------------------------------------------------------------
    def publish_release(self, *, actor: User | None, title: str) -> R:
        """Starter content into force at once, marked as not reviewed. Raises Unprocessable."""
        snapshot, _ = self._built()
        with transaction.atomic():
            release = releases.publish(self.model, snapshot=snapshot, title=title)
            _audit(actor, Action.RELEASE_APPROVED, release)
        return release

    def preview(self, *, actor: User, last: int | None = None, progress: Progress | None = None) -> Preview:
        """What proposing now would find; changes nothing. The replay waits for blocking faults to go."""
        require(actor, Permission.RELEASE_PROPOSE)
        snapshot, faults = self.build()
        if any(fault.blocks for fault in faults):
            return Preview(tuple(faults), None, ())
        report = replays.replay(self.model, snapshot, last=last, progress=progress)
        kept = None if report is None else report.as_dict()
        return Preview(tuple(faults), kept, self._weakened(snapshot))

    def propose_release(
        self,
        *,
        actor: User,
        title: str,
        progress: Progress | None = None,
        kept: Callable[[R], None] | None = None,
    ) -> R:
        """A release for a second supervisor to approve, with what the checks and the replay found. `kept`
        is called in the transaction that writes it. Raises Forbidden, Unprocessable with the faults."""
        require(actor, Permission.RELEASE_PROPOSE)
        snapshot, warnings = self._built()
        report = replays.replay(self.model, snapshot, progress=progress)
        with transaction.atomic():
            release = releases.propose(
                self.model,
                snapshot=snapshot,
                actor=actor,
                title=title,
                checks=warnings,
                replay=None if report is None else report.as_dict(),
            )
            _audit(actor, Action.RELEASE_PROPOSED, release, warnings=len(warnings), **_figures(release))
            if kept is not None:
                kept(release)
        return release

    def replay_again(self, *, actor: User, release: R, progress: Progress | None = None) -> R:
        """Replay a proposal against the release in force now. Raises Forbidden, Conflict."""
        require(actor, Permission.RELEASE_PROPOSE)
        _require_state(release, ReleaseState.PROPOSED)
        return self._replayed(release, progress=progress)

    # --- deciding ------------------------------------------------------------------------------
    def approve_release(self, *, actor: User, release: R, at: dt.datetime | None = None) -> R:
        """Approve a proposal: it is in force then, or, with `at`, from that moment on.

        Where an emergency rule would say less, the first approval is only noted (the release stays
        proposed) and the second one decides. Raises Forbidden (own proposal), Conflict (decided already),
        Unprocessable (checks fail now; a past case would be judged milder and nobody said why).
        Working rows that still are what was released count as reviewed once it is in force.
        """
        require(actor, Permission.RELEASE_APPROVE)
        _require_state(release, ReleaseState.PROPOSED)
        if release.review_state == ReviewState.REVIEWED:
            releases.require_other(release, actor=actor)
        if at is not None and at <= timezone.now():
            raise ValidationFailed.of("at", "not_in_future", "Choose a time that has not passed yet.")
        self._require_sound(release)
        if self.replay_is_old(release):
            release = self._replayed(release)
        with transaction.atomic():
            # Of two who approve at the same moment the second waits here and then sees the first.
            locked: R = self.model._default_manager.select_for_update().get(pk=release.pk)
            _require_state(locked, ReleaseState.PROPOSED)
            needed = self._note_approval(actor, locked)
            if needed:
                _audit(actor, Action.RELEASE_APPROVED, locked, approvals=1, needed=needed)
                return locked
            if at is not None:
                releases.transition(locked, to=ReleaseState.SCHEDULED, scheduled_for=at, approved_by=actor)
                _audit(actor, Action.RELEASE_APPROVED, locked, scheduled_for=at.isoformat())
                return locked
            approved = releases.activate(locked, actor=actor)
            self._count_as_reviewed(approved)
            _audit(actor, Action.RELEASE_APPROVED, approved)
        return approved

    def roll_back(self, *, actor: User, release: R) -> R:
        """Bring an archived release back into force. Raises Forbidden, Conflict."""
        require(actor, Permission.RELEASE_APPROVE)
        if release.state != ReleaseState.ARCHIVED:
            raise Conflict("Only an archived release can be brought back.", code="release_not_archived")
        with transaction.atomic():
            restored = releases.activate(release, actor=actor)
            _audit(actor, Action.RELEASE_ROLLED_BACK, restored)
        return restored

    def reject_release(self, *, actor: User, release: R, reason: str) -> R:
        """Close a proposal, or call off what waits for its day; its author may, too. Raises Forbidden,
        Conflict, ValidationFailed."""
        require(actor, Permission.RELEASE_PROPOSE)
        _require_state(release, ReleaseState.PROPOSED, ReleaseState.SCHEDULED)
        return self._rejected(release, actor=actor, reason=_said(reason, "reason"))

    def _rejected(self, release: R, *, actor: User | None, reason: str) -> R:
        with transaction.atomic():
            rejected = releases.transition(release, to=ReleaseState.REJECTED, archived_at=timezone.now())
            _remark(rejected, actor, RemarkKind.COMMENT, reason)
            _audit(actor, Action.RELEASE_REJECTED, rejected)
        return rejected

    def activate_due(self, *, now: dt.datetime) -> list[R]:
        """Put into force what was approved for a moment that has come. What was approved when another
        release was in force is closed instead: it would undo that one unseen."""
        due = self.model._default_manager.filter(state=ReleaseState.SCHEDULED, scheduled_for__lte=now)
        done = []
        for release in due.order_by("scheduled_for"):
            with suppress(Conflict):  # another worker was faster
                done.append(self._activate_scheduled(release))
        return [release for release in done if release.state == ReleaseState.ACTIVE]

    def _activate_scheduled(self, release: R) -> R:
        if self.replay_is_old(release):
            reason = "Another release came into force after this one was approved. Propose it again."
            return self._rejected(release, actor=None, reason=reason)
        with transaction.atomic():
            active = releases.activate(release, actor=None)
            self._count_as_reviewed(active)
            _audit(None, Action.RELEASE_APPROVED, active, scheduled=True)
        return active

    # --- saying --------------------------------------------------------------------------------
    def comment(self, *, actor: User, release: R, text: str, about: str = "") -> Any:
        """Say something about a release, or about a place of it. Raises Forbidden, ValidationFailed."""
        require(actor, Permission.RELEASE_PROPOSE)
        with transaction.atomic():
            remark = _remark(release, actor, RemarkKind.COMMENT, _said(text, "text"), about)
            _audit(actor, Action.KNOWLEDGE_EDITED, release, change="comment")
        return remark

    def explain_downgrades(self, *, actor: User, release: R, keys: Sequence[str], reason: str) -> int:
        """Say why these milder outcomes are right; how many were explained. Raises Forbidden, Conflict,
        ValidationFailed (a key that names no milder outcome of the replay)."""
        require(actor, Permission.RELEASE_PROPOSE)
        _require_state(release, ReleaseState.PROPOSED)
        text = _said(reason, "reason")
        milder = {case["key"] for case in (release.replay or {"changed": ()})["changed"] if case["downgrade"]}
        unknown = sorted(set(keys) - milder)
        if unknown or not keys:
            named = unknown[0][:60] if unknown else "nothing"
            raise ValidationFailed.of(
                "keys", "unknown_case", f"{named!r} is no milder outcome of the replay."
            )
        with transaction.atomic():
            for key in dict.fromkeys(keys):
                _remark(release, actor, RemarkKind.REASON, text, key)
            _audit(actor, Action.KNOWLEDGE_EDITED, release, change="reason", cases=len(set(keys)))
        return len(set(keys))

    def review(self, release: R) -> Review:
        """What people need to see before they decide."""
        return reviewing.review(release, weakened=self._weakened_by(release))

    # --- inside --------------------------------------------------------------------------------
    def _built(self) -> tuple[dict[str, Any], list[Fault]]:
        """The snapshot of the working rows and its warnings. Raises Unprocessable."""
        snapshot, faults = self.build()
        self._refuse([fault for fault in faults if fault.blocks])
        return snapshot, list(faults)

    def _require_sound(self, release: R) -> None:
        kept = [Fault.from_dict(each) for each in release.checks or ()]
        found = self.check(json.loads(release.snapshot)) if self.check is not None else ()
        self._refuse([fault for fault in dict.fromkeys((*kept, *found)) if fault.blocks])

    def _refuse(self, faults: Sequence[Fault]) -> None:
        if faults:
            raise Unprocessable(
                f"The {self.called} cannot be released: {len(faults)} "
                f"{'fault' if len(faults) == 1 else 'faults'}, the first at "
                f"{faults[0].place}: {faults[0].message}",
                code="release_checks_failed",
                errors=[
                    FieldError(fault.place, "release_check_failed", fault.message)
                    for fault in faults[:MAX_FAULTS]
                ],
            )

    def _note_approval(self, actor: User, release: R) -> int:
        """Note it; 0 when that is enough, else how many are needed. Raises Unprocessable, Conflict."""
        weakened = self._weakened_by(release)
        remarks = list(reviewing.remarks_of(release))
        _require_explained(reviewing.unexplained(reviewing.with_reasons(release.replay, remarks)))
        given = {each.author_id for each in remarks if each.kind == RemarkKind.APPROVAL}
        if actor.pk in given:
            raise Conflict(
                "You have approved it already; a second supervisor must, too.", code="approved_already"
            )
        try:
            with transaction.atomic():
                _remark(release, actor, RemarkKind.APPROVAL, "")
        except IntegrityError as twice:
            raise Conflict("You have approved it already.", code="approved_already") from twice
        needed = reviewing.approvals_needed(weakened)
        return 0 if len(given) + 1 >= needed else needed

    def _weakened_by(self, release: R) -> tuple[Weakened, ...]:
        if self.weakened is None or release.state not in (ReleaseState.PROPOSED, ReleaseState.SCHEDULED):
            return ()
        return self._weakened(json.loads(release.snapshot))

    def _weakened(self, snapshot: Snapshot) -> tuple[Weakened, ...]:
        active = releases.active(self.model)
        if self.weakened is None or active is None:
            return ()
        return tuple(self.weakened(json.loads(active.snapshot), snapshot))

    def replay_is_old(self, release: R) -> bool:
        """Whether it was not replayed yet, or against a release that is not in force any more."""
        active = releases.active(self.model)
        if release.review_state != ReviewState.REVIEWED:
            return False
        if release.replay is None:
            return replays.known(self.model)
        return bool(release.replay["base"] != (active and active.label))

    def _replayed(self, release: R, progress: Progress | None = None) -> R:
        report = replays.replay(self.model, json.loads(release.snapshot), progress=progress)
        if report is not None:
            releases.transition(release, to=ReleaseState.PROPOSED, replay=report.as_dict())
        return release

    def _count_as_reviewed(self, release: R) -> None:
        if release.review_state == ReviewState.REVIEWED:
            for model in self.rows:  # rows edited after the proposal keep saying so
                model._default_manager.filter(updated_at__lte=release.created_at).update(
                    content_state=self.reviewed_state
                )


_workflows: dict[str, Workflow[Any]] = {}


def workflow_of(model: type[Release]) -> Workflow[Any]:
    """The workflow of a kind of release. Raises NotFound."""
    try:
        return _workflows[model._meta.label_lower]
    except KeyError:
        raise NotFound from None


def activate_due(*, now: dt.datetime | None = None) -> list[Release]:
    """Of every kind: what was approved for a moment that has come."""
    moment = now or timezone.now()
    return [release for workflow in _workflows.values() for release in workflow.activate_due(now=moment)]


def _require_state(release: Release, *states: ReleaseState) -> None:
    if release.state not in states:
        raise Conflict("This release is not waiting for approval.", code="release_decided")


def _require_explained(cases: Sequence[Mapping[str, Any]]) -> None:
    if cases:
        raise Unprocessable(
            f"{len(cases)} past cases would be judged milder and nobody said why, the first: "
            f"{cases[0]['consultation']} ({'; '.join(cases[0]['what'])})",
            code="downgrades_unexplained",
            errors=[
                FieldError(f"replay.{case['consultation']}", "downgrade_unexplained", "; ".join(case["what"]))
                for case in cases[:MAX_FAULTS]
            ],
        )


def _said(text: str, field: str) -> str:
    stripped = text.strip()
    if not stripped or len(stripped) > _LONGEST:
        raise ValidationFailed.of(field, "required", f"Say it in 1 to {_LONGEST} characters.")
    return stripped


def _remark(release: Any, author: User | None, kind: RemarkKind, text: str, about: str = "") -> Any:
    return release.remarks.create(kind=kind, author=author, text=text, about=about[:200])


def _figures(release: Release) -> dict[str, int]:
    """What the audit log keeps of a replay."""
    if release.replay is None:
        return {}
    changed = release.replay["changed"]
    return {
        "replayed": release.replay["considered"],
        "changed": len(changed),
        "milder": sum(case["downgrade"] for case in changed),
    }


def _audit(actor: User | None, action: Action, release: Release, **detail: str | int | bool | None) -> None:
    record(
        actor=actor,
        action=action,
        entity=release,
        purpose=Purpose.OPERATIONS,
        detail={
            "release": release.label,
            "title": release.title,
            "sha256": release.content_hash,
            "review_state": release.review_state,
            **detail,
        },
    )
