"""What the profession knows: working rows that supervisors edit, and the releases made of them."""

from triage.models.cases import Vignette, VignetteKind
from triage.models.content import Confidence, ContentState, KnowledgeItem
from triage.models.guidelines import Guideline, GuidelineRelease, GuidelineReleaseRemark, TriageLevel
from triage.models.skin import (
    Category,
    Condition,
    ConditionProfile,
    DifferentialScoring,
    Finding,
    Frequency,
    SafetyQuestion,
)

__all__ = [
    "Category",
    "Condition",
    "ConditionProfile",
    "Confidence",
    "ContentState",
    "DifferentialScoring",
    "Finding",
    "Frequency",
    "Guideline",
    "GuidelineRelease",
    "GuidelineReleaseRemark",
    "KnowledgeItem",
    "SafetyQuestion",
    "TriageLevel",
    "Vignette",
    "VignetteKind",
]
