"""An example bundle for the OpenAPI document: made by the same code, of an invented case."""

from datetime import UTC, datetime
from decimal import Decimal

from drf_spectacular.utils import OpenApiExample

from consultations.fhir.bundle import bundle
from consultations.fhir.codes import MEDIA_TYPE
from consultations.fhir.record import (
    Decision,
    Disease,
    Person,
    Picture,
    Place,
    Ranked,
    Record,
    Supplied,
    Term,
)

_CASE = "0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10"
_IMAGE = "0199e2b4-6c20-7b11-8e02-5d8c7a914f33"
_WHEN = datetime(2026, 1, 31, 9, 12, 44, tzinfo=UTC)
_AMA = Person("01990d2e-7c4b-7a63-9a51-5b0f3c7e9d10", "Ama Mensah", "PS/10231")
_RINGWORM = Disease("tinea-corporis", "Tinea corporis", "B35.4", "1F28.Y")
_ADVICE = {
    "dose": "A thin layer on the patch and 2 cm around it",
    "frequency": "twice a day",
    "route": "topical",
    "duration_days": 28,
    "quantity": {"amount": 40, "unit": "g"},
    "counselling": ["Go on for the whole time, also when it looks healed."],
}
RECORD = Record(
    id=_CASE,
    version=3,
    created_at=_WHEN,
    updated_at=_WHEN.replace(minute=20),
    closed_at=None,
    pharmacist=_AMA,
    premises=Place("01990d2e-7c4b-7a63-9a51-5b0f3c7e9d00", "Osu Pharmacy", "PC/GAR/0101"),
    presentation=Term("rash", "Rash"),
    triage={
        "level": "pharmacy_treatment",
        "provisional": False,
        "rules": [
            {
                "id": "ph-superficial-fungal",
                "title": "Superficial fungal infection",
                "because": ["The diagnosis is Tinea corporis"],
                "advice": "Treat for four weeks; come back if it is not clearly better after two.",
            }
        ],
    },
    guidelines="1-9f86d081",
    formulary="1-60303ae2",
    disclaimer="Decision support for a qualified person, who decides.",
    sex="female",
    language="en",
    weight_kg=Decimal("22.5"),
    allergies=("penicillins",),
    conditions=("asthma",),
    facts={"age_months": 84, "duration_days": 14, "body_sites": ["trunk"], "itch_score": 6, "fever": False},
    present=(Term("ring_shaped", "Is it shaped like a ring?"),),
    absent=(Term("numb_patch", "Is the patch numb?"),),
    photos=(
        Picture(
            id=_IMAGE,
            url=f"https://derm.example/api/v1/consultations/{_CASE}/images/{_IMAGE}",
            media_type="image/jpeg",
            width=2016,
            height=1512,
            bytes=412_305,
            sha256="2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            created_at=_WHEN,
        ),
    ),
    diagnosis=_RINGWORM,
    ranked=(Ranked(_RINGWORM, 0.61, "likely", ("Ring shaped",)),),
    decision=Decision(
        action="supply",
        decided_at=_WHEN.replace(minute=20),
        decided_by=_AMA,
        medicines=(Supplied("clotrimazole-1-cream", "Clotrimazole 1% cream", "D01AC01", _ADVICE),),
    ),
)
BUNDLE = bundle(RECORD)
EXAMPLES = [
    OpenApiExample(
        "A ring on the trunk", value=BUNDLE, response_only=True, status_codes=["200"], media_type=MEDIA_TYPE
    )
]
