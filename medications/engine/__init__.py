"""The pure part of recommending: frozen values in, frozen values out. No Django, settings or clock."""

from medications.engine.formulary import Formulary
from medications.engine.parse import FormularyError, parse_formulary
from medications.engine.recommend import LEVELS, recommend
from medications.engine.results import (
    Code,
    Excluded,
    Patient,
    Proposed,
    Quantity,
    Recommendations,
    Unrecognised,
)

__all__ = [
    "LEVELS",
    "Code",
    "Excluded",
    "Formulary",
    "FormularyError",
    "Patient",
    "Proposed",
    "Quantity",
    "Recommendations",
    "Unrecognised",
    "parse_formulary",
    "recommend",
]
