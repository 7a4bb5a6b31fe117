"""What a phone gets, shortened."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_GUIDELINES = {
    "id": "4-60303ae2",
    "sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    "review_state": "reviewed",
    "activated_at": "2026-11-20T09:14:03Z",
}
_FORMULARY = {
    "id": "2-fd61a03a",
    "sha256": "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13",
    "review_state": "starter_unreviewed",
    "activated_at": "2026-11-02T07:00:00Z",
}
_RULE = {
    "id": "em-skin-pain-out-of-proportion",
    "title": "Pain far worse than the skin looks",
    "level": "emergency",
    "jsonlogic": {"==": [{"var": "pain_out_of_proportion"}, True]},
}
_SIGNATURE = {
    "algorithm": "Ed25519",
    "key_id": "9f86d081884c7d65",
    "value": "c2lnbmVkIGJ5IHRoZSBzZXJ2ZXI6IDY0IGJ5dGVzIG9mIEVkMjU1MTkgaW4gYmFzZTY0Li4uLi4uLi4uLg==",
}
_PHRASE = {
    "id": "level.emergency",
    "text": "Ku je asibiti yanzu.",
    "language": "ha",
    "english": "Go to a hospital now.",
    "review_state": "starter_unreviewed",
}
_TEXTS: dict[str, Any] = {
    "language": "en",
    "facts": [{"name": "fever", "kind": "boolean", "question": "Does the patient have a fever?"}],
    "levels": {
        "worst_first": ["emergency", "refer_urgent", "refer_routine", "pharmacy_treatment", "self_care"],
        "when_no_rule_fires": "refer_routine",
    },
    "disclaimer": "Decision support for a qualified person, who decides.",
    "not_reviewed": "The guidelines and medicines used are starter content.",
    "phrases": {"level.emergency": "Go to a hospital now."},
    "translations": [{"language": "ha", "name": "Hausa", "phrases": [_PHRASE]}],
}
_RELEASE = "4-60303ae2.2-fd61a03a.5feceb66"

FULL = OpenApiExample(
    "Everything",
    description="Each table shortened to one item or none.",
    value={
        "schema": 1,
        "kind": "full",
        "release": _RELEASE,
        "guidelines": {"release": _GUIDELINES, "guidelines": [_RULE], "conditions": [], "findings": []},
        "formulary": {"release": _FORMULARY, "medications": [], "treatments": []},
        "texts": _TEXTS,
        "signature": _SIGNATURE,
    },
    response_only=True,
    status_codes=["200"],
)

DELTA = OpenApiExample(
    "What changed",
    description="One rule was changed and one taken out; the formulary is the same.",
    value={
        "schema": 1,
        "kind": "delta",
        "from": "3-9f86d081.2-fd61a03a.5feceb66",
        "release": _RELEASE,
        "guidelines": {
            "release": _GUIDELINES,
            "dropped": [],
            "guidelines": {"changed": [_RULE], "removed": ["rr-old-rule"]},
        },
        "formulary": {"release": _FORMULARY, "dropped": []},
        "texts": _TEXTS,
        "sha256": "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
        "signature": _SIGNATURE,
    },
    response_only=True,
    status_codes=["200"],
)

PHRASES = OpenApiExample(
    "In Hausa",
    description="Shortened to a sentence that is translated and one that is not.",
    value={
        "language": "ha",
        "name": "Hausa",
        "fallback": True,
        "translated": 5,
        "reviewed": 0,
        "phrases": [
            _PHRASE,
            {
                "id": "ambulance",
                "text": "Ambulance: 112 or 193.",
                "language": "en",
                "english": "Ambulance: 112 or 193.",
                "review_state": "starter_unreviewed",
            },
        ],
    },
    response_only=True,
    status_codes=["200"],
)
