"""What the phone needs beside the releases: the facts it may ask for, the levels, the fixed sentences."""

import json
from importlib import resources
from typing import Any

from consultations.services.results import DISCLAIMER, STARTER
from dermatech.core.releases import canonical_json, content_hash
from dermatech.sync import phrases
from triage.engine.levels import DEFAULT_LEVEL, Level

_FACTS: list[dict[str, Any]] = json.loads(
    resources.files("triage").joinpath("data/facts.json").read_text(encoding="utf-8")
)["items"]

ALL: dict[str, Any] = {
    "language": "en",
    "facts": _FACTS,
    "levels": {"worst_first": [level.value for level in Level], "when_no_rule_fires": DEFAULT_LEVEL.value},
    "disclaimer": DISCLAIMER,
    "not_reviewed": STARTER,
    "phrases": dict(phrases.english()),
    "translations": phrases.catalogues(),
}
# They come with the program and not with a release, so their hash is part of the bundle's tag.
VERSION = content_hash(canonical_json(ALL))[:8]
