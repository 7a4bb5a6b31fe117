"""A case as the engines see it: everything that decides the answer, nothing that names a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from consultations.inference.answers import told_to_model
from consultations.models import Consultation
from medications.engine import Patient
from triage.engine import Findings, ImageEvidence


@dataclass(frozen=True, slots=True)
class Case:
    """Patient, facts, findings and image evidence at one moment. `cadre` is of whoever would
    supply; `working_diagnosis` is empty until a person confirmed one."""

    patient: Mapping[str, Any]
    facts: Mapping[str, Any]
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    presentation: str = "other"
    working_diagnosis: str = ""
    cadre: str = ""
    evidence: Mapping[str, Any] | None = None
    photos: tuple[str, ...] = field(default=())  # SHA-256 as stored, for the replay

    @property
    def all_facts(self) -> dict[str, Any]:
        """What rules test: the facts, and those about the person."""
        shared = {name: self.patient.get(name) for name in SHARED_WITH_RULES}
        return {**self.facts, **{name: value for name, value in shared.items() if value is not None}}

    @property
    def model_facts(self) -> dict[str, Any]:
        """What an image model is told beside the photo."""
        return told_to_model(self.all_facts, self.present, self.absent)

    @property
    def findings(self) -> Findings:
        """The findings as the differential takes them."""
        return Findings(present=frozenset(self.present), absent=frozenset(self.absent))

    @property
    def image_evidence(self) -> ImageEvidence | None:
        """What the image model said, as the differential takes it."""
        if self.evidence is None:
            return None
        return ImageEvidence(
            likelihoods=dict(self.evidence["likelihoods"]),
            label=self.evidence["label"],
            suspicious_score=self.evidence["suspicious_score"],
            threshold=self.evidence["threshold"],
        )

    @property
    def image_flag(self) -> bool:
        """Whether an image model raised its flag."""
        return bool(self.evidence and self.evidence.get("flag"))

    def as_patient(self) -> Patient:
        """The person as the formulary takes them."""
        return Patient.from_mapping(self.patient)

    def as_dict(self) -> dict[str, Any]:
        """JSON, for the replay; `from_dict` reads it back."""
        return {
            "patient": dict(self.patient),
            "facts": dict(self.facts),
            "present": sorted(self.present),
            "absent": sorted(self.absent),
            "presentation": self.presentation,
            "working_diagnosis": self.working_diagnosis,
            "cadre": self.cadre,
            "evidence": dict(self.evidence) if self.evidence else None,
            "photos": list(self.photos),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The case behind `as_dict`."""
        return cls(
            patient=stored["patient"],
            facts=stored["facts"],
            present=tuple(stored["present"]),
            absent=tuple(stored["absent"]),
            presentation=stored["presentation"],
            working_diagnosis=stored["working_diagnosis"],
            cadre=stored["cadre"],
            evidence=stored["evidence"],
            photos=tuple(stored["photos"]),
        )


SHARED_WITH_RULES = ("age_months", "sex", "pregnant", "breastfeeding")


def case_of(
    consultation: Consultation,
    *,
    cadre: str,
    evidence: Mapping[str, Any] | None,
    photos: tuple[str, ...] = (),
) -> Case:
    """The case of a consultation as it stands."""
    weight = consultation.weight_kg
    patient = {
        **consultation.patient_facts,
        "weight_kg": None if weight is None else format(Decimal(weight).normalize(), "f"),
        "allergies": list(consultation.allergies),
        "current_medicines": list(consultation.current_medicines),
        "conditions": list(consultation.conditions),
    }
    return Case(
        patient=patient,
        facts=consultation.facts,
        present=tuple(sorted(consultation.findings_present)),
        absent=tuple(sorted(consultation.findings_absent)),
        presentation=consultation.presentation,
        working_diagnosis=consultation.working_diagnosis,
        cadre=cadre,
        evidence=evidence,
        photos=photos,
    )
