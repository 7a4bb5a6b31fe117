"""From working rows to a release: build, check, propose, approve, roll back."""

from typing import Any

from accounts.releases import Workflow
from dermatech.core.errors import Unprocessable
from dermatech.core.releases import Fault
from triage.checks import check
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


def _built_and_checked() -> tuple[dict[str, Any], list[Fault]]:
    try:
        snapshot = build_snapshot()
    except CriteriaError as wrong:
        return {}, [Fault(f"guidelines.{wrong.path}", wrong.message)]
    return snapshot, check(snapshot)


workflow = Workflow(
    model=GuidelineRelease,
    called="knowledge",
    build=_built_and_checked,
    rows=(Condition, Finding, ConditionProfile, DifferentialScoring, SafetyQuestion, Guideline, Vignette),
    reviewed_state=ContentState.REVIEWED,
)
publish_release = workflow.publish_release
propose_release = workflow.propose_release
approve_release = workflow.approve_release
roll_back = workflow.roll_back
