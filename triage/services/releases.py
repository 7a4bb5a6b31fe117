"""From working rows to a release: build, check, propose, replay, approve, roll back."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from accounts.releases import Workflow
from dermatech.core.differences import Diff
from dermatech.core.errors import Unprocessable
from dermatech.core.releases import Fault, canonical_json
from triage.checks import examine
from triage.engine.criteria import CriteriaError
from triage.linter import weakened_emergencies
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
from triage.selectors import diff_with
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
    return [fault for fault in review_working_rows() if fault.blocks]


def review_working_rows() -> list[Fault]:
    """Everything there is to say about the working rows, blocking or not."""
    return _built_and_examined()[1]


def diff_with_working_rows(older: GuidelineRelease) -> Diff:
    """What a release of the working rows would say otherwise. Raises CriteriaError, Unprocessable."""
    return diff_with(older, build_snapshot(), label="working rows")


def _built_and_examined() -> tuple[dict[str, Any], list[Fault]]:
    try:
        snapshot = build_snapshot()
    except CriteriaError as wrong:
        return {}, [Fault(f"guidelines.{wrong.path}", wrong.message, "unreadable")]
    return snapshot, list(_examined(canonical_json(snapshot)))


@lru_cache(maxsize=4)
def _examined(content: bytes) -> tuple[Fault, ...]:
    """The checks of a snapshot in its one spelling: a form, a proposal and an approval ask one after the
    other."""
    return tuple(examine(json.loads(content)))


def _checked_again(snapshot: Mapping[str, Any]) -> tuple[Fault, ...]:
    return _examined(canonical_json(snapshot))


workflow = Workflow(
    model=GuidelineRelease,
    called="knowledge",
    build=_built_and_examined,
    rows=(Condition, Finding, ConditionProfile, DifferentialScoring, SafetyQuestion, Guideline, Vignette),
    reviewed_state=ContentState.REVIEWED,
    check=_checked_again,
    weakened=weakened_emergencies,
)
publish_release = workflow.publish_release
propose_release = workflow.propose_release
approve_release = workflow.approve_release
roll_back = workflow.roll_back
preview = workflow.preview
reject_release = workflow.reject_release
replay_again = workflow.replay_again
explain_downgrades = workflow.explain_downgrades
comment = workflow.comment
