"""The canonical snapshot of working rows: what a release pins, the engine parses and phones read.

Lists are in a fixed order, so the same formulary always has the same bytes. Items have the shape of
the starter files; amounts are JSON numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from medications.models import (
    AllergyClass,
    HealthConcept,
    Interaction,
    InteractionClass,
    Medication,
    MedicineName,
    Regimen,
    Treatment,
    UseLimit,
)
from triage.models import Condition, KnowledgeItem

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class WorkingRows:
    """Everything a snapshot is made of; children come with their parent's code."""

    medications: Sequence[Medication]
    interactions: Mapping[str, Sequence[Interaction]]
    treatments: Sequence[Treatment]
    regimens: Mapping[str, Sequence[Regimen]]
    interaction_classes: Sequence[InteractionClass]
    allergy_classes: Sequence[AllergyClass]
    medicine_names: Sequence[MedicineName]
    health_concepts: Sequence[HealthConcept]
    use_limits: Sequence[UseLimit]
    conditions: Sequence[Condition]


def compose(rows: WorkingRows) -> dict[str, Any]:
    """The snapshot of `rows`."""
    return {
        "schema": SCHEMA_VERSION,
        "medications": [
            _medication(row, rows.interactions.get(row.code, ())) for row in _sorted(rows.medications)
        ],
        "treatments": [_treatment(row, rows.regimens.get(row.code, ())) for row in _sorted(rows.treatments)],
        "interaction_classes": {row.code: sorted(row.members) for row in _sorted(rows.interaction_classes)},
        "vocabulary": {
            "allergy_classes": [
                _named(row, "synonyms", "members", "cross_reacts") for row in _sorted(rows.allergy_classes)
            ],
            "medicine_names": [
                {**_provenance(row), "synonyms": row.synonyms} for row in _sorted(rows.medicine_names)
            ],
            "health_concepts": [
                _named(row, "patient_terms", "record_terms", "facts", "conditions")
                for row in _sorted(rows.health_concepts)
            ],
            "use_limits": [_use_limit(row) for row in _sorted(rows.use_limits)],
        },
        "conditions": [
            {
                "id": row.code,
                "name": row.name,
                "synonyms": row.synonyms,
                "self_care": row.self_care,
                "red_flags": row.red_flags,
            }
            for row in _sorted(rows.conditions)
        ],
    }


def _sorted(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: row.code)


def _provenance(row: KnowledgeItem) -> dict[str, Any]:
    return {
        "id": row.code,
        "confidence": row.confidence,
        "unverified_fields": row.unverified_fields,
        "sources": row.sources,
    }


def _named(row: AllergyClass | HealthConcept, *fields: str) -> dict[str, Any]:
    return {**_provenance(row), "name": row.title, **{field: getattr(row, field) for field in fields}}


def _medication(row: Medication, interactions: Sequence[Interaction]) -> dict[str, Any]:
    same = (
        "generic_name", "brand_examples", "atc", "form", "strength", "route", "pharmacological_class",
        "ingredients", "allergy_classes", "age_min_months", "contraindications", "cautions",
        "body_site_restrictions", "application_limits", "max_duration_days", "scored", "counselling_points",
        "adverse_effects", "storage", "eml_ghana",
    )  # fmt: skip
    unit = "mL" if row.form.startswith("oral") else row.form
    return {
        **_provenance(row),
        **{name: getattr(row, name) for name in same},
        "strength_quantity": None
        if row.strength_mg is None or row.strength_per is None
        else {"mg": _number(row.strength_mg), "per": _number(row.strength_per), "unit": unit},
        "legal_class": {"value": row.legal_class, "confidence": row.legal_class_confidence},
        "allergy_note": row.allergy_note or None,
        "aware_group": row.aware_group or None,
        "pregnancy": {"status": row.pregnancy, "note": row.pregnancy_note},
        "lactation": {"status": row.lactation, "note": row.lactation_note},
        "interactions": [
            {"with": entry.other, "with_kind": entry.kind, "severity": entry.severity, "effect": entry.effect}
            for entry in sorted(interactions, key=lambda entry: (entry.position, entry.other))
        ],
        "max_weekly_grams": _number(row.max_weekly_grams),
        "pack": None if row.pack_size is None else {"size": _number(row.pack_size), "unit": row.pack_unit},
        "nhis_2025": {
            "listed": row.nhis_listed, "code": row.nhis_code or None, "level": row.nhis_level or None,
            "note": row.nhis_note or None,
        },
    }  # fmt: skip


def _treatment(row: Treatment, regimens: Sequence[Regimen]) -> dict[str, Any]:
    return {
        **_provenance(row),
        "condition": row.condition,
        "medication": row.medication.code,
        "line": row.line,
        "regimen": [
            _regimen(regimen)
            for regimen in sorted(
                regimens, key=lambda each: (each.position, each.age_min_months or 0, str(each.pk))
            )
        ],
        "conditions_of_use": row.conditions_of_use,
        "stop_and_refer_if": row.stop_and_refer_if,
    }


def _regimen(row: Regimen) -> dict[str, Any]:
    numbers = (
        "doses_per_week", "max_doses_per_day", "max_single_mg", "max_daily_mg", "max_daily_mg_per_kg",
        "grams_per_application", "grams_per_application_max",
    )  # fmt: skip
    return {
        "population": {
            "age_min_months": row.age_min_months,
            "age_max_months": row.age_max_months,
            "weight_min_kg": _number(row.weight_min_kg),
            "weight_max_kg": _number(row.weight_max_kg),
            "severity": row.severity or None,
        },
        "dose": row.dose,
        "frequency": row.frequency,
        "route": row.treatment.medication.route,
        "duration_days": row.duration_days,
        "instructions": row.instructions,
        "max_dose": row.max_dose or None,
        **_range("mg_per_kg", row.mg_per_kg_low, row.mg_per_kg_high),
        **_range("dose_mg", row.dose_mg_low, row.dose_mg_high),
        **_range("dose_unit_count", row.units_low, row.units_high),
        **_range("dose_ml", row.dose_ml_low, row.dose_ml_high),
        **_range("doses_per_day", row.doses_per_day_low, row.doses_per_day_high),
        **{name: _number(getattr(row, name)) for name in numbers},
    }


def _use_limit(row: UseLimit) -> dict[str, Any]:
    same = (
        "phrase", "concepts", "facts", "not_sites", "only_sites", "severities", "not_pregnant",
        "not_breastfeeding", "max_area_percent", "max_duration_days", "min_age_months", "min_weight_kg",
    )  # fmt: skip
    return {**_provenance(row), **{name: getattr(row, name) for name in same}}


def _range(name: str, low: Any, high: Any) -> dict[str, Any]:
    """One number as `name`, two different ones as `name_range`."""
    first, last = _number(low if low is not None else high), _number(high if high is not None else low)
    if first == last:
        return {name: last, f"{name}_range": None}
    return {name: None, f"{name}_range": [first, last]}


def _number(value: Any) -> int | float | None:
    if value is None:
        return None
    exact = Decimal(str(value))
    return int(exact) if exact == exact.to_integral_value() else float(exact)
