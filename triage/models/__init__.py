"""What the profession knows: working rows that supervisors edit, and the releases made of them."""

from triage.models.cases import Vignette, VignetteKind
from triage.models.content import Confidence, ContentState, KnowledgeItem
from triage.models.guidelines import Guideline, GuidelineRelease, TriageLevel
from triage.models.skin import (
    Condition,
    ConditionProfile,
    DifferentialScoring,
    Finding,
    Frequency,
    SafetyQuestion,
)

__all__ = [
    "Condition",
    "ConditionProfile",
    "Confidence",
    "ContentState",
    "DifferentialScoring",
    "Finding",
    "Frequency",
    "Guideline",
    "GuidelineRelease",
    "KnowledgeItem",
    "SafetyQuestion",
    "TriageLevel",
    "Vignette",
    "VignetteKind",
]
