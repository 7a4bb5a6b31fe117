"""Examples of the API document, cut from the starter content."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_RELEASE: dict[str, Any] = {
    "next": None,
    "previous": None,
    "release": "1-9f86d081",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "review_state": "starter_unreviewed",
}
_PROVENANCE: dict[str, Any] = {
    "confidence": "partial",
    "unverified_fields": [],
    "sources": [{"id": "who-mpox", "document": "WHO mpox surveillance case definition", "edition": "2024"}],
}

GUIDELINES = OpenApiExample(
    "Published rules",
    value={
        **_RELEASE,
        "results": [
            {
                "id": "ur-mpox-contact",
                **_PROVENANCE,
                "title": "Any rash after mpox contact or travel",
                "level": "refer_urgent",
                "priority": 39,
                "timeframe": "same day",
                "when": {"fact": "travel_or_contact_mpox", "op": "eq", "value": True},
                "unless": {"fact": "condition", "op": "eq", "value": "healthy-skin"},
                "plain_words": {
                    "when": "There was mpox contact or travel in the last 21 days",
                    "unless": "Diagnosis is Healthy skin",
                },
                "jsonlogic": {
                    "and": [
                        {"==": [{"var": "travel_or_contact_mpox"}, True]},
                        {"!": [{"==": [{"var": "condition"}, "healthy-skin"]}]},
                    ]
                },
                "rationale": "Any new skin change within 21 days of mpox contact is mpox until tested.",
                "advice": "Wear a mask, cover all sores, and go to the designated facility today.",
                "notify": "mpox - district disease surveillance officer (same day)",
                "test_cases": {
                    "match": {"travel_or_contact_mpox": True},
                    "no_match": {"travel_or_contact_mpox": True, "condition": "healthy-skin"},
                },
            }
        ],
    },
    response_only=True,
)

CONDITIONS = OpenApiExample(
    "Published conditions",
    value={
        **_RELEASE,
        "results": [
            {
                "id": "tinea-corporis",
                **_PROVENANCE,
                "name": "Tinea corporis",
                "synonyms": ["ringworm of the body"],
                "icd10": "B35.4",
                "icd11": "1F28.Y",
                "icd11_confidence": "unverified",
                "category": "fungal",
                "contagious": True,
                "notifiable": False,
                "notifiable_source": "not found on any Ghana priority list opened here",
                "notifiable_confidence": "unverified",
                "serious": False,
                "pharmacy_manageable": True,
                "default_triage": "pharmacy_treatment",
                "default_triage_note": "",
                "key_features": ["Itchy round or oval scaly patch that grows outwards"],
                "look_alikes": ["pityriasis-rosea", "atopic-eczema", "leprosy"],
                "red_flags": ["Loss of feeling in the patch"],
                "self_care": ["Dry skin well after bathing."],
            }
        ],
    },
    response_only=True,
)

FINDINGS = OpenApiExample(
    "Published findings",
    value={
        **_RELEASE,
        "results": [
            {
                "id": "itchy",
                **_PROVENANCE,
                "name": "Itchy",
                "group": "symptom",
                "question": "Does it itch?",
                "help": "Ask also about sleep: itch that wakes the patient counts.",
                "background": "sometimes",
                "cluster": "itch",
                "excludes": [],
                "implies": [],
                "ask": True,
                "ask_age_min": None,
                "ask_age_max": None,
                "fact": "itch_score",
                "fact_test": {"fact": "itch_score", "op": "gte", "value": 3},
            }
        ],
    },
    response_only=True,
)

ASSESS_REQUEST = OpenApiExample(
    "A child with a ring on the trunk",
    value={
        "facts": {
            "age_months": 84,
            "sex": "female",
            "duration_days": 14,
            "body_sites": ["trunk"],
            "itch_score": 6,
            "fever": False,
            "condition": "tinea-corporis",
        },
        "plausible": [],
    },
    request_only=True,
)

ASSESS_RESPONSE = OpenApiExample(
    "Treatable in the pharmacy, while one answer could raise it",
    value={
        "level": "pharmacy_treatment",
        "timeframe": "now",
        "provisional": True,
        "rules": [
            {
                "id": "ph-superficial-fungal",
                "title": "Limited ringworm, yeast or versicolor",
                "because": ["Diagnosis: Tinea corporis", "Age is 7 years (3 months or more counts here)"],
                "advice": "Use as long as told. Return if no better in 2-4 weeks, numbness, pus or fever.",
            }
        ],
        "ask": [
            {
                "fact": "difficulty_breathing",
                "question": "Is breathing difficult, noisy or tight?",
                "could_raise_to": "emergency",
            }
        ],
        "notify": None,
        "guidelines_release": "1-9f86d081",
        "review_state": "starter_unreviewed",
    },
    response_only=True,
    status_codes=["200"],
)
