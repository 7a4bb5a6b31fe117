"""The tables of this app."""

from consultations.models.analysis import FINISHED, LIVE, Analysis, Status
from consultations.models.consultation import (
    URGENT_LEVELS,
    Consultation,
    GivenBy,
    Presentation,
    Sex,
    State,
    TriageLevel,
)
from consultations.models.modelversion import ModelVersion
from consultations.models.photo import Format, Photo
from consultations.models.recommendation import Recommendation

__all__ = [
    "FINISHED",
    "LIVE",
    "URGENT_LEVELS",
    "Analysis",
    "Consultation",
    "Format",
    "GivenBy",
    "ModelVersion",
    "Photo",
    "Presentation",
    "Recommendation",
    "Sex",
    "State",
    "Status",
    "TriageLevel",
]
