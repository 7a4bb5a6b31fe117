"""Examples for the OpenAPI document, one for every body; people in them are invented."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_CASE = "0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10"
_IMAGE = "0199e2b4-6c20-7b11-8e02-5d8c7a914f33"
_ANALYSIS = "0199e2b4-6c21-7f60-a4d7-91be02c35a78"
_MODEL = {
    "name": "lesion-reference",
    "version": "1.0.0",
    "sha256": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    "clinical_use": False,
    "scope": ["lesion"],
}
_RELEASE = {
    "id": "1-9f86d081",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "review_state": "starter_unreviewed",
    "activated_at": "2026-01-31T08:00:00Z",
}
_RELEASES = {"guidelines": _RELEASE, "formulary": _RELEASE, "model": None}
_SENT: dict[str, Any] = {
    "client_reference": "phone-7/2026-01-31/3",
    "patient": {
        "age_months": 84,
        "sex": "female",
        "weight_kg": 22.5,
        "pregnant": False,
        "breastfeeding": False,
        "allergies": ["penicillins"],
        "current_medicines": [],
        "conditions": ["asthma"],
        "initials": "AB",
    },
    "consent": {"photo": True, "data_use": True, "given_by": "parent", "language": "en"},
    "presentation": "rash",
    "facts": {"duration_days": 14, "body_sites": ["trunk"], "itch_score": 6, "fever": False},
    "findings": {"present": ["ring_shaped", "scaly_edge"], "absent": ["numb_patch"]},
    "working_diagnosis": None,
    "notes": "",
}
_QUALITY = {
    "usable": True,
    "problems": [],
    "sharpness": 0.81,
    "exposure": 0.64,
    "glare": 0.01,
    "score": 0.81,
    "skin_fraction": 0.72,
    "skin_tone": {"ita_degrees": -12.4, "group": "brown"},
}
_PHOTO = {
    "id": _IMAGE,
    "url": f"/api/v1/consultations/{_CASE}/images/{_IMAGE}",
    "thumbnail_url": f"/api/v1/consultations/{_CASE}/images/{_IMAGE}?size=thumbnail",
    "width": 2016,
    "height": 1512,
    "bytes": 412_305,
    "format": "jpeg",
    "ssim": 0.97,
    "ssim_full": 0.95,
    "quality": _QUALITY,
    "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "created_at": "2026-01-31T09:12:44.120000Z",
}
_TRIAGE = {
    "level": "pharmacy_treatment",
    "timeframe": "now",
    "provisional": True,
    "rules": [
        {
            "id": "ph-superficial-fungal",
            "title": "Superficial fungal infection",
            "because": ["The diagnosis is not confirmed, and this holds if it is Tinea corporis"],
            "advice": "Treat for four weeks; come back if it is not clearly better after two.",
        }
    ],
    "ask": [
        {
            "fact": "immunocompromised",
            "question": "Is the immune system weakened?",
            "could_raise_to": "refer_routine",
        }
    ],
    "notify": None,
    "guidelines_release": "1-9f86d081",
    "review_state": "starter_unreviewed",
}
_TOO_YOUNG = "The patient is 7 years old; Terbinafine 1% cream is only for 12 years and over."
_ASSESSED: dict[str, Any] = {
    "conditions": [
        {
            "condition": "tinea-corporis",
            "name": "Tinea corporis",
            "icd10": "B35.4",
            "probability": 0.61,
            "band": "likely",
            "evidence": [{"source": "findings", "text": "Ring shaped", "weight": 1.3}],
            "look_alikes": ["pityriasis-rosea"],
        }
    ],
    "abstained": False,
    "abstain_reason": None,
    "next_question": {
        "finding": "central_clearing",
        "question": "Is the middle clearer than the edge?",
        "help": "Look in daylight.",
        "reason": "It tells the conditions still in question apart.",
        "fact": None,
    },
    "recommended_for": "tinea-corporis",
    "recommendations": [
        {
            "treatment": "tinea-corporis--clotrimazole-1-cream",
            "medication": "clotrimazole-1-cream",
            "name": "Clotrimazole 1% cream",
            "line": "first",
            "dose": "A thin layer on the patch and 2 cm around it",
            "frequency": "twice a day",
            "route": "topical",
            "duration_days": 28,
            "quantity": {
                "amount": 40,
                "unit": "g",
                "how": "0.9 fingertip units for 2 % of the skin = 0.5 g x 3 a day x 28 days = 34.1 g: "
                "2 tubes of 20 g",
                "packs": {"count": 2, "size": 20, "unit": "g", "container": "tubes"},
                "per_use": 0.5,
                "fingertip_units": 0.9,
            },
            "maxima": ["Not longer than 28 days without a review."],
            "counselling": ["Go on for the whole time, also when it looks healed."],
            "warnings": [],
            "stop_and_refer": ["No better after the stated course"],
            "may_supply": True,
            "who_may_supply": None,
            "legal_class": "otc",
            "because": ["First choice for tinea corporis"],
        }
    ],
    "excluded": [
        {
            "treatment": "tinea-corporis--terbinafine-1-cream",
            "medication": "terbinafine-1-cream",
            "name": "Terbinafine 1% cream",
            "code": "age",
            "reason": _TOO_YOUNG,
            "rule": "medications.terbinafine-1-cream.age_min_months",
            "reasons": [
                {
                    "code": "age",
                    "reason": _TOO_YOUNG,
                    "rule": "medications.terbinafine-1-cream.age_min_months",
                }
            ],
        }
    ],
    "unrecognised": [],
    "no_antibiotic": {
        "title": "No antibiotic today",
        "because": ["A fungus or yeast causes it; antibiotics act on bacteria only."],
        "expect": ["Treatment with Clotrimazole 1% cream takes 28 days."],
        "meanwhile": ["Dry skin well after bathing."],
        "return_if": ["Spreading, pus, fever or pain"],
    },
    "household": None,
    "message": "",
}
_DISCLAIMER = (
    "Decision support for a qualified person, who decides. It does not replace an examination; when in "
    "doubt, refer. The guidelines and medicines used are starter content that no pharmacist in Ghana has "
    "reviewed yet."
)
_DONE: dict[str, Any] = {
    "id": _ANALYSIS,
    "consultation": _CASE,
    "status": "succeeded",
    "created_at": "2026-01-31T09:12:44.130000Z",
    "finished_at": "2026-01-31T09:12:44.790000Z",
    "duration_ms": 412,
    "error": None,
    "image_quality": _QUALITY,
    "image_note": "The image model reads photos of lesion only, not of a rash; it was not asked.",
    **_ASSESSED,
    "suspicious_lesion": None,
    "heatmap": None,
    "model": _MODEL,
    "triage": _TRIAGE,
    "releases": {**_RELEASES, "model": _MODEL},
    "disclaimer": _DISCLAIMER,
}
_IDENTITY: dict[str, Any] = {
    "id": _CASE,
    "client_reference": _SENT["client_reference"],
    "created_at": "2026-01-31T09:12:44.100000Z",
    "updated_at": "2026-01-31T09:12:44.800000Z",
    "state": "open",
    "closed_at": None,
    "pharmacist": {"id": "01990d2e-7c4b-7a63-9a51-5b0f3c7e9d10", "full_name": "Ama Mensah"},
}
_REVIEW: dict[str, Any] = {
    "id": "0199e2b5-11aa-7c52-b1f0-6a2f8d3c4e05",
    "reviewer": {"id": "01990d2e-9f21-7b10-8c44-2e6a1d5b7f90", "full_name": "Yaw Owusu"},
    "created_at": "2026-02-01T16:40:02.500000Z",
    "updated_at": "2026-02-01T16:40:02.500000Z",
    "diagnosis": "agree",
    "right_diagnosis": None,
    "level": "disagree",
    "right_level": "refer_routine",
    "medicine": "agree",
    "comment": "Two months of cream without effect: a scraping should be looked at before more of it.",
}
_DETAIL: dict[str, Any] = {
    **_IDENTITY,
    **{name: value for name, value in _SENT.items() if name != "client_reference"},
    "decision": None,
    "outcome": None,
    "images": [_PHOTO],
    "analysis": _DONE,
    "triage": _TRIAGE,
    **_ASSESSED,
    "reviews": [_REVIEW],
    "releases": {**_RELEASES, "model": _MODEL},
    "disclaimer": _DISCLAIMER,
    "etag": "2-succeeded-1-02c35a78",
}
_ROW: dict[str, Any] = {
    **_IDENTITY,
    "patient": {"age_months": 84, "sex": "female", "initials": "AB"},
    "presentation": "rash",
    "triage_level": "pharmacy_treatment",
    "provisional": True,
    "working_diagnosis": None,
    "decision": None,
    "images": 1,
    "analysis": {"id": _ANALYSIS, "status": "succeeded"},
    "etag": "2-succeeded-1-02c35a78",
}


def _sent(name: str, value: Any, media_type: str = "application/json") -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True, media_type=media_type)


def _answered(name: str, value: Any, *statuses: int) -> OpenApiExample:
    return OpenApiExample(
        name, value=value, response_only=True, status_codes=[str(s) for s in statuses or (200,)]
    )


_FORM = "multipart/form-data"
_PHOTO_FORM = {"image": "(the photo, at most 10 MB)"}
LIST = [_answered("A page", {"next": None, "previous": None, "results": [_ROW]})]
CREATE = [
    _sent("A ring on the trunk", _SENT),
    _sent("With a photo", {"data": _SENT, "image": ["(the photo, at most 10 MB)"]}, _FORM),
    _answered("Opened", {**_DETAIL, "etag": "1", "analysis": None, "images": []}, 201),
]
DETAIL = [_answered("The whole consultation", _DETAIL)]
REPLACE = [_sent("Everything again", _SENT), *DETAIL]
UPDATE = [
    _sent(
        "A diagnosis and a decision",
        {
            "working_diagnosis": "tinea-corporis",
            "decision": {
                "action": "supply",
                "medications": ["clotrimazole-1-cream"],
                "override_reason": "",
            },
        },
    ),
    _sent("Closing it", {"outcome": {"result": "resolved", "note": "Clear after four weeks."}}),
    *DETAIL,
]
IMAGE = [_sent("A photo", _PHOTO_FORM, _FORM), _answered("The stored photo", _PHOTO, 200, 201)]
SKIN = [
    _sent("A photo that is there already", {"consultation": _CASE, "image": _IMAGE}),
    _sent("A new photo of a consultation", {"consultation": _CASE, **_PHOTO_FORM}, _FORM),
    _answered("Queued", {"id": _ANALYSIS, "status": "queued", "consultation": _CASE}, 202),
]
ANALYSIS = [_answered("Finished", _DONE)]

# --- Multipart bodies, which no serializer describes -------------------------------------------
_FILE = {"type": "string", "format": "binary"}
_DATA = {
    "description": "The JSON of the consultation, as text. Or leave it out and give its fields flat, as "
    "patient.age_months=84.",
    "oneOf": [{"$ref": "#/components/schemas/ConsultationInputRequest"}, {"type": "string"}],
}
MULTIPART = {
    "type": "object",
    "properties": {"data": _DATA, "image": {"type": "array", "items": _FILE, "maxItems": 5}},
    "additionalProperties": True,
}
SKIN_MULTIPART = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "consultation": {"type": "string", "format": "uuid"},
        "data": _DATA,
        "image": _FILE,
    },
    "additionalProperties": True,
}
IMAGE_PART = {
    "type": "object",
    "required": ["image"],
    "properties": {"image": _FILE},
    "additionalProperties": False,
}
