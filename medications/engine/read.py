"""Readers of single snapshot items. Each raises ValueError, KeyError or TypeError on a bad one."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from medications.engine.model import (
    AllergyClass,
    Concept,
    Interaction,
    InteractionSeverity,
    LegalClass,
    LifeStage,
    LifeStatus,
    Line,
    Medication,
    Pack,
    Population,
    Regimen,
    Route,
    Span,
    Strength,
    Treatment,
    UseLimit,
)
from medications.engine.strength import display_name, parse_strength

Json = Mapping[str, Any]


def medication(raw: Json) -> Medication:
    """One entry of `medications`."""
    form, strength = raw["form"], raw["strength"]
    return Medication(
        id=raw["id"],
        generic_name=raw["generic_name"],
        brands=_texts(raw, "brand_examples"),
        atc=raw["atc"],
        form=form,
        strength_text=strength,
        strength=_strength(raw.get("strength_quantity")) or parse_strength(strength, form),
        route=Route(raw["route"]),
        legal_class=LegalClass(raw["legal_class"]["value"]),
        pharmacological_class=raw["pharmacological_class"],
        ingredients=_texts(raw, "ingredients"),
        allergy_classes=_texts(raw, "allergy_classes"),
        allergy_note=raw.get("allergy_note"),
        aware_group=raw.get("aware_group"),
        age_min_months=raw["age_min_months"],
        pregnancy=_life(raw["pregnancy"]),
        lactation=_life(raw["lactation"]),
        contraindications=_texts(raw, "contraindications"),
        cautions=_texts(raw, "cautions"),
        interactions=tuple(_interaction(item) for item in raw.get("interactions") or ()),
        body_site_restrictions=_texts(raw, "body_site_restrictions"),
        application_limits=_texts(raw, "application_limits"),
        max_duration_days=raw.get("max_duration_days"),
        max_weekly_grams=_decimal(raw.get("max_weekly_grams")),
        scored=raw.get("scored"),
        counselling_points=_texts(raw, "counselling_points"),
        confidence=raw.get("confidence", "unverified"),
        pack=_pack(raw.get("pack")),
        name=display_name(raw["generic_name"], strength, form),
    )


def treatment(raw: Json) -> Treatment:
    """One entry of `treatments`."""
    return Treatment(
        id=raw["id"],
        condition=raw["condition"],
        medication=raw["medication"],
        line=Line(raw["line"]),
        regimens=tuple(regimen(item) for item in raw["regimen"]),
        conditions_of_use=_texts(raw, "conditions_of_use"),
        stop_and_refer_if=_texts(raw, "stop_and_refer_if"),
        confidence=raw.get("confidence", "unverified"),
    )


def regimen(raw: Json) -> Regimen:
    """One regimen of a treatment; `*_range` fields stand in for their empty plain fields."""
    people = raw.get("population") or {}
    return Regimen(
        population=Population(
            age_min_months=people.get("age_min_months"),
            age_max_months=people.get("age_max_months"),
            weight_min_kg=_decimal(people.get("weight_min_kg")),
            weight_max_kg=_decimal(people.get("weight_max_kg")),
            severity=people.get("severity"),
        ),
        dose=raw["dose"],
        frequency=raw["frequency"],
        duration_days=raw.get("duration_days"),
        instructions=raw.get("instructions") or "",
        mg_per_kg=_span(raw, "mg_per_kg"),
        max_dose=raw.get("max_dose"),
        dose_mg=_span(raw, "dose_mg"),
        units=_span(raw, "dose_unit_count"),
        dose_ml=_span(raw, "dose_ml"),
        doses_per_day=_span(raw, "doses_per_day"),
        doses_per_week=_decimal(raw.get("doses_per_week")),
        max_doses_per_day=_decimal(raw.get("max_doses_per_day")),
        max_single_mg=_decimal(raw.get("max_single_mg")),
        max_daily_mg=_decimal(raw.get("max_daily_mg")),
        max_daily_mg_per_kg=_decimal(raw.get("max_daily_mg_per_kg")),
        grams_per_application=_decimal(raw.get("grams_per_application")),
    )


def allergy_class(raw: Json) -> AllergyClass:
    return AllergyClass(
        id=raw["id"],
        name=raw["name"],
        synonyms=_texts(raw, "synonyms"),
        members=_texts(raw, "members"),
        cross_reacts=_texts(raw, "cross_reacts"),
    )


def concept(raw: Json) -> Concept:
    return Concept(
        id=raw["id"],
        name=raw["name"],
        patient_terms=_texts(raw, "patient_terms"),
        record_terms=_texts(raw, "record_terms"),
        facts=_texts(raw, "facts"),
        conditions=_texts(raw, "conditions"),
    )


def use_limit(raw: Json) -> UseLimit:
    return UseLimit(
        id=raw["id"],
        phrase=raw["phrase"],
        concepts=_texts(raw, "concepts"),
        facts=_texts(raw, "facts"),
        not_sites=_texts(raw, "not_sites"),
        only_sites=_texts(raw, "only_sites"),
        severities=_texts(raw, "severities"),
        not_pregnant=bool(raw.get("not_pregnant", False)),
        not_breastfeeding=bool(raw.get("not_breastfeeding", False)),
        max_area_percent=_decimal(raw.get("max_area_percent")),
        max_duration_days=_decimal(raw.get("max_duration_days")),
        min_age_months=_decimal(raw.get("min_age_months")),
        min_weight_kg=_decimal(raw.get("min_weight_kg")),
    )


def _texts(raw: Json, key: str) -> tuple[str, ...]:
    value = raw.get(key) or ()
    if isinstance(value, str):
        raise ValueError(f"{key} must be a list")
    return tuple(str(item) for item in value)


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _span(raw: Json, key: str) -> Span | None:
    value = raw.get(key)
    if raw.get(f"{key}_range") is not None:
        value = raw[f"{key}_range"]
    if value is None:
        return None
    low, high = value if isinstance(value, list | tuple) else (value, value)
    span = Span(Decimal(str(low)), Decimal(str(high)))
    if not 0 < span.low <= span.high:
        raise ValueError(f"{key} {low} to {high} is not a range above zero")
    return span


def _life(raw: Json) -> LifeStage:
    return LifeStage(LifeStatus(raw["status"]), raw.get("note") or "")


def _interaction(raw: Json) -> Interaction:
    return Interaction(
        other=raw["with"],
        is_class=raw["with_kind"] == "class",
        severity=InteractionSeverity(raw["severity"]),
        effect=raw["effect"],
    )


def _strength(raw: Json | None) -> Strength | None:
    if raw is None:
        return None
    return Strength(Decimal(str(raw["mg"])), Decimal(str(raw["per"])), raw["unit"])


def _pack(raw: Json | None) -> Pack | None:
    return None if raw is None else Pack(Decimal(str(raw["size"])), raw["unit"])
