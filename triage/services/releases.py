"""From working rows to a release: build, check, propose, approve, roll back."""

from typing import Any

from django.db import transaction

from accounts.audit import Action, Purpose, record
from accounts.models import User
from accounts.policy import Permission, require
from dermatech.core import releases
from dermatech.core.errors import Conflict, FieldError, Unprocessable
from dermatech.core.releases import ReleaseState, ReviewState
from triage.checks import Fault, check
from triage.engine.criteria import CriteriaError
from triage.models import (
    Condition,
    ConditionProfile,
    ContentState,
    DifferentialScoring,
    Finding,
    Guideline,
    GuidelineRelease,
    SafetyQuestion,
    Vignette,
)
from triage.snapshot import WorkingRows, compose

MAX_FAULTS = 50  # of the faults found, how many an error repeats


def working_rows() -> WorkingRows:
    """Every working row, in eight queries."""
    scoring = DifferentialScoring.objects.first()
    if scoring is None:
        raise Unprocessable("There is no knowledge to release yet; load it first.", code="no_knowledge")
    return WorkingRows(
        conditions=list(Condition.objects.all()),
        findings=list(Finding.objects.all()),
        profiles=list(ConditionProfile.objects.all()),
        scoring=scoring,
        safety_questions=list(SafetyQuestion.objects.all()),
        guidelines=list(Guideline.objects.all()),
        vignettes=list(Vignette.objects.all()),
    )


def build_snapshot() -> dict[str, Any]:
    """The canonical snapshot of the working rows. Raises CriteriaError, Unprocessable."""
    return compose(working_rows())


def check_working_rows() -> list[Fault]:
    """Everything that stands against releasing the working rows as they are."""
    return _built_and_checked()[1]


def publish_release(*, actor: User | None, title: str) -> GuidelineRelease:
    """Starter content into force at once, marked as not reviewed. Raises Unprocessable with the faults."""
    snapshot = _checked_snapshot()
    with transaction.atomic():
        release = releases.publish(GuidelineRelease, snapshot=snapshot, title=title)
        _audit(actor, Action.RELEASE_APPROVED, release)
    return release


def propose_release(*, actor: User, title: str) -> GuidelineRelease:
    """A release for a second supervisor to approve. Raises Forbidden, Unprocessable with the faults."""
    require(actor, Permission.RELEASE_PROPOSE)
    snapshot = _checked_snapshot()
    with transaction.atomic():
        release = releases.propose(GuidelineRelease, snapshot=snapshot, actor=actor, title=title)
        _audit(actor, Action.RELEASE_PROPOSED, release)
    return release


def approve_release(*, actor: User, release: GuidelineRelease) -> GuidelineRelease:
    """Put a proposed release into force. Raises Forbidden (own proposal), Conflict (decided already).

    Working rows that still are what was released count as reviewed from then on.
    """
    require(actor, Permission.RELEASE_APPROVE)
    if release.state != ReleaseState.PROPOSED:
        raise Conflict("This release is not waiting for approval.", code="release_decided")
    with transaction.atomic():
        approved = releases.activate(release, actor=actor)
        if approved.review_state == ReviewState.REVIEWED:
            _mark_reviewed(approved)
        _audit(actor, Action.RELEASE_APPROVED, approved)
    return approved


def roll_back(*, actor: User, release: GuidelineRelease) -> GuidelineRelease:
    """Bring an archived release back into force. Raises Forbidden, Conflict."""
    require(actor, Permission.RELEASE_APPROVE)
    if release.state != ReleaseState.ARCHIVED:
        raise Conflict("Only an archived release can be brought back.", code="release_not_archived")
    with transaction.atomic():
        restored = releases.activate(release, actor=actor)
        _audit(actor, Action.RELEASE_ROLLED_BACK, restored)
    return restored


def _built_and_checked() -> tuple[dict[str, Any], list[Fault]]:
    try:
        snapshot = build_snapshot()
    except CriteriaError as wrong:
        return {}, [Fault(f"guidelines.{wrong.path}", wrong.message)]
    return snapshot, check(snapshot)


def _checked_snapshot() -> dict[str, Any]:
    snapshot, faults = _built_and_checked()
    if faults:
        error = Unprocessable(
            f"The knowledge cannot be released: {len(faults)} faults, the first at {faults[0].place}: "
            f"{faults[0].message}",
            code="release_checks_failed",
        )
        error.errors = tuple(
            FieldError(fault.place, "release_check_failed", fault.message) for fault in faults[:MAX_FAULTS]
        )
        raise error
    return snapshot


def _mark_reviewed(release: GuidelineRelease) -> None:
    """Rows edited after the proposal keep saying so."""
    for model in (
        Condition, Finding, ConditionProfile, DifferentialScoring, SafetyQuestion, Guideline, Vignette,
    ):  # fmt: skip
        model._default_manager.filter(updated_at__lte=release.created_at).update(
            content_state=ContentState.REVIEWED
        )


def _audit(actor: User | None, action: Action, release: GuidelineRelease) -> None:
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
        },
    )
