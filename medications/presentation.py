"""A release's entries in the shapes of the API."""

from collections.abc import Mapping
from typing import Any

from medications.engine.search import Hit
from medications.models import FormularyRelease
from medications.selectors import Catalogue

Json = dict[str, Any]
_SAME = (
    "id", "generic_name", "atc", "form", "strength", "route", "pharmacological_class", "ingredients",
    "allergy_classes", "aware_group", "age_min_months", "pregnancy", "lactation", "confidence",
)  # fmt: skip
_DETAILS = (
    "allergy_note", "contraindications", "cautions", "interactions", "body_site_restrictions",
    "application_limits", "max_duration_days", "counselling_points", "adverse_effects", "storage",
    "unverified_fields", "sources",
)  # fmt: skip
_REGIMEN = ("population", "dose", "frequency", "duration_days", "instructions", "max_dose")
_LINES = ("first", "second", "adjunct")


def summary(catalogue: Catalogue, key: str, release: FormularyRelease) -> Json:
    """One medicine as lists show it."""
    item = catalogue.medications[key]
    treatments = sorted(
        catalogue.treatments.get(key, ()), key=lambda each: (_LINES.index(each["line"]), each["condition"])
    )
    return {
        **{name: item[name] for name in _SAME},
        "name": catalogue.names[key],
        "brands": item["brand_examples"],
        "legal_class": item["legal_class"]["value"],
        "indications": [
            {
                "condition": each["condition"],
                "name": catalogue.conditions[each["condition"]],
                "line": each["line"],
            }
            for each in treatments
        ],
        "review_state": release.review_state,
    }


def detail(catalogue: Catalogue, key: str, release: FormularyRelease, *, hidden: str | None = None) -> Json:
    """One medicine with everything the release says of it; without its treatments where they
    are `hidden`, which says who may supply it."""
    item = catalogue.medications[key]
    nhis = item["nhis_2025"]
    return {
        **summary(catalogue, key, release),
        **{name: item[name] for name in _DETAILS},
        "legal_class_confidence": item["legal_class"]["confidence"],
        "nhis": {name: nhis[name] for name in ("listed", "code", "level")},
        "treatments": []
        if hidden
        else [_treatment(catalogue, each) for each in catalogue.treatments.get(key, ())],
        "who_may_supply": hidden,
        "release": release.as_dict(),
    }


def found(catalogue: Catalogue, hit: Hit, release: FormularyRelease) -> Json:
    """One search hit: the medicine, and what matched."""
    match = hit.match
    return {
        **summary(catalogue, hit.medication, release),
        "score": hit.score,
        "matched": {"field": match.field, "value": match.value, "how": match.how},
    }


def _treatment(catalogue: Catalogue, item: Mapping[str, Any]) -> Json:
    same = ("id", "condition", "line", "conditions_of_use", "stop_and_refer_if", "confidence", "sources")
    return {
        **{name: item[name] for name in same},
        "name": catalogue.conditions[item["condition"]],
        "regimens": [{name: regimen[name] for name in _REGIMEN} for regimen in item["regimen"]],
    }
