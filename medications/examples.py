"""Examples for the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_SUMMARY: dict[str, Any] = {
    "id": "clotrimazole-1-cream",
    "name": "Clotrimazole 1% cream",
    "generic_name": "clotrimazole",
    "brands": ["Canesten", "Candid"],
    "atc": "D01AC01",
    "form": "cream",
    "strength": "1%",
    "route": "topical",
    "legal_class": "otc",
    "pharmacological_class": "Imidazole antifungal",
    "ingredients": ["clotrimazole"],
    "allergy_classes": ["imidazoles"],
    "aware_group": None,
    "age_min_months": 0,
    "pregnancy": {"status": "allowed", "note": "Minimal skin absorption; usual choice"},
    "lactation": {"status": "allowed", "note": "Keep off nipple"},
    "indications": [{"condition": "tinea-corporis", "name": "Tinea corporis", "line": "first"}],
    "confidence": "confirmed",
    "review_state": "starter_unreviewed",
}
_SOURCE = {
    "id": "nhs-gram-tinea",
    "document": "NHS Grampian primary-care guidance - dermatophyte skin infection",
    "edition": "current page",
    "access": "excerpt",
}
_DETAIL: dict[str, Any] = {
    **_SUMMARY,
    "allergy_note": None,
    "contraindications": ["Allergy to clotrimazole or other imidazoles"],
    "cautions": ["Under 3 months: assess first"],
    "interactions": [
        {
            "with": "latex-barrier-contraceptives",
            "with_kind": "class",
            "severity": "minor",
            "effect": "genital use may weaken latex",
        }
    ],
    "body_site_restrictions": ["mouth", "eyelids"],
    "application_limits": ["Keep out of the eyes"],
    "max_duration_days": 28,
    "counselling_points": ["Apply thinly to the rash and about 2 cm beyond."],
    "adverse_effects": ["Stinging, redness, contact allergy"],
    "storage": "Below 25 C, dry, out of reach of children",
    "nhis": {"listed": True, "code": "CLOTRICR1", "level": "A"},
    "who_may_supply": None,
    "treatments": [
        {
            "id": "tinea-corporis--clotrimazole-1-cream",
            "condition": "tinea-corporis",
            "name": "Tinea corporis",
            "line": "first",
            "regimens": [
                {
                    "population": {
                        "age_min_months": 3,
                        "age_max_months": None,
                        "weight_min_kg": None,
                        "weight_max_kg": None,
                        "severity": None,
                    },
                    "dose": "thin layer",
                    "frequency": "2-3 times daily",
                    "duration_days": 28,
                    "instructions": "Cover edge plus 2 cm; carry on 14 days after clear, review at 4 weeks.",
                    "max_dose": None,
                }
            ],
            "conditions_of_use": ["Under 10% of skin"],
            "stop_and_refer_if": ["No better after the stated course"],
            "confidence": "confirmed",
            "sources": [_SOURCE],
        }
    ],
    "legal_class_confidence": "partial",
    "unverified_fields": ["latex note from memory"],
    "sources": [_SOURCE],
    "release": {
        "id": "1-9f86d081",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "review_state": "starter_unreviewed",
        "activated_at": "2026-01-31T08:00:00Z",
    },
}
_HIT = {
    **_SUMMARY,
    "score": 65.62,
    "matched": {"field": "brand", "value": "Canesten", "how": "similar"},
}


def _answer(name: str, value: dict[str, Any]) -> list[OpenApiExample]:
    return [OpenApiExample(name, value=value, response_only=True, status_codes=["200"])]


LIST = _answer("One antifungal", {"next": None, "previous": None, "results": [_SUMMARY]})
DETAIL = _answer("Clotrimazole cream", _DETAIL)
SEARCH = _answer("canestn, a slip", {"next": None, "previous": None, "results": [_HIT]})
