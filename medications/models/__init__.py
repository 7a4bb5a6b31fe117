"""What may be supplied: working rows that supervisors edit, and the releases made of them."""

from medications.models.medication import (
    AwareGroup,
    Form,
    Interaction,
    LegalClass,
    LifeStatus,
    Medication,
    Route,
)
from medications.models.release import FormularyRelease, FormularyReleaseRemark
from medications.models.treatment import Line, Regimen, Severity, Treatment
from medications.models.vocabulary import (
    AllergyClass,
    HealthConcept,
    InteractionClass,
    MedicineName,
    UseLimit,
)

__all__ = [
    "AllergyClass",
    "AwareGroup",
    "Form",
    "FormularyRelease",
    "FormularyReleaseRemark",
    "HealthConcept",
    "Interaction",
    "InteractionClass",
    "LegalClass",
    "LifeStatus",
    "Line",
    "Medication",
    "MedicineName",
    "Regimen",
    "Route",
    "Severity",
    "Treatment",
    "UseLimit",
]
