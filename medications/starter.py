"""The starter content of `medications/data/`, as values for the models. Pure reading and renaming."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

Row = dict[str, Any]
_STATE = "starter_unreviewed"
_INTERACTION_CLASSES_UNVERIFIED = ["the whole list, written from memory"]


@dataclass(frozen=True, slots=True)
class Family:
    """A row and the rows that belong to it."""

    row: Row
    members: list[Row]


def read(name: str) -> Any:
    """A file of the starter content."""
    text = resources.files("medications").joinpath(f"data/{name}.json").read_text(encoding="utf-8")
    return json.loads(text)


def _provenance(item: Mapping[str, Any]) -> Row:
    return {
        "code": item["id"],
        "confidence": item.get("confidence", "unverified"),
        "unverified_fields": item.get("unverified_fields", []),
        "sources": item.get("sources", []),
        "content_state": _STATE,
    }


def medications() -> list[Family]:
    """Medicines, each with its interactions."""
    packs = read("vocabulary")["packs"]
    return [
        Family(
            _medication(item, packs),
            [
                {"position": place, "other": entry["with"], "kind": entry["with_kind"],
                 "severity": entry["severity"], "effect": entry["effect"]}
                for place, entry in enumerate(item["interactions"])
            ],
        )
        for item in read("medications")["items"]
    ]  # fmt: skip


def _medication(item: Mapping[str, Any], packs: Mapping[str, Any]) -> Row:
    same = (
        "generic_name", "brand_examples", "atc", "form", "strength", "route", "pharmacological_class",
        "ingredients", "allergy_classes", "age_min_months", "contraindications", "cautions", "eml_ghana",
        "body_site_restrictions", "application_limits", "max_duration_days", "counselling_points",
        "adverse_effects", "storage",
    )  # fmt: skip
    size, unit = packs["by_medication"].get(item["id"]) or packs["by_form"].get(item["form"]) or (None, "")
    nhis = item["nhis_2025"]
    return {
        **_provenance(item),
        **{name: item[name] for name in same},
        "legal_class": item["legal_class"]["value"],
        "legal_class_confidence": item["legal_class"]["confidence"],
        "allergy_note": item["allergy_note"] or "",
        "aware_group": item["aware_group"] or "",
        "pregnancy": item["pregnancy"]["status"],
        "pregnancy_note": item["pregnancy"]["note"],
        "lactation": item["lactation"]["status"],
        "lactation_note": item["lactation"]["note"],
        "max_weekly_grams": packs["max_weekly_grams"].get(item["id"]),
        "pack_size": size,
        "pack_unit": unit,
        "nhis_listed": nhis["listed"],
        "nhis_code": nhis["code"] or "",
        "nhis_level": nhis["level"] or "",
        "nhis_note": nhis.get("note", ""),
    }


def treatments() -> list[Family]:
    """Treatments, each with its regimens. `medication` is the medicine's code here."""
    return [
        Family(
            {
                **_provenance(item),
                "condition": item["condition"],
                "medication": item["medication"],
                "line": item["line"],
                "conditions_of_use": item["conditions_of_use"],
                "stop_and_refer_if": item["stop_and_refer_if"],
                "reviewer_notes": item["reviewer_notes"] or "",
            },
            [_regimen(regimen, place) for place, regimen in enumerate(item["regimen"])],
        )
        for item in read("treatments")["items"]
    ]


def _regimen(item: Mapping[str, Any], place: int) -> Row:
    people = item["population"]
    same = (
        "dose", "frequency", "duration_days", "doses_per_week", "max_doses_per_day", "max_single_mg",
        "max_daily_mg", "max_daily_mg_per_kg", "grams_per_application", "grams_per_application_max",
    )  # fmt: skip
    ranges = (
        ("mg_per_kg", "mg_per_kg"), ("dose_mg", "dose_mg"), ("units", "dose_unit_count"),
        ("dose_ml", "dose_ml"), ("doses_per_day", "doses_per_day"),
    )  # fmt: skip
    row: Row = {
        "position": place,
        **{
            name: people[name]
            for name in ("age_min_months", "age_max_months", "weight_min_kg", "weight_max_kg")
        },
        "severity": people["severity"] or "",
        "instructions": item["instructions"] or "",
        "max_dose": item["max_dose"] or "",
        **{name: item.get(name) for name in same},
    }
    for field, key in ranges:
        value = item.get(f"{key}_range") or item[key]
        low, high = value if isinstance(value, list) else (value, value)
        row |= {f"{field}_low": low, f"{field}_high": high}
    return row


def interaction_classes() -> list[Row]:
    meta = read("medications")["meta"]["interaction_classes"]
    return [
        {
            **_provenance({"id": code, "confidence": meta["confidence"], "sources": meta["sources"]}),
            "unverified_fields": _INTERACTION_CLASSES_UNVERIFIED,
            "members": members,
        }
        for code, members in read("interaction_classes").items()
    ]


def vocabulary(kind: str, same: tuple[str, ...], titled: bool = False) -> list[Row]:
    """The rows of one list of vocabulary.json; its `name` becomes the model's `title`."""
    return [
        {
            **_provenance(item),
            **{name: item[name] for name in same if name in item},
            **({"title": item["name"]} if titled else {}),
        }
        for item in read("vocabulary")[kind]
    ]


def allergy_classes() -> list[Row]:
    return vocabulary("allergy_classes", ("synonyms", "members", "cross_reacts"), titled=True)


def medicine_names() -> list[Row]:
    return vocabulary("medicine_names", ("synonyms",))


def health_concepts() -> list[Row]:
    return vocabulary(
        "health_concepts", ("patient_terms", "record_terms", "facts", "conditions"), titled=True
    )


def use_limits() -> list[Row]:
    return vocabulary(
        "use_limits",
        (
            "phrase", "concepts", "facts", "not_sites", "only_sites", "severities", "not_pregnant",
            "not_breastfeeding", "max_area_percent", "max_duration_days", "min_age_months", "min_weight_kg",
        ),
    )  # fmt: skip
