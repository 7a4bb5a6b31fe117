"""The fixed sentences of safety in the languages of Ghana, each with its review state.

Only these are translated: how urgent it is, danger signs, who decides. What nobody has translated, or what
was translated from another English sentence than the one in use, is English, and says so.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from consultations.documents.netting import signs
from consultations.services.results import DISCLAIMER, STARTER
from dermatech.core.releases import ReviewState, canonical_json, content_hash

ENGLISH = "en"
LANGUAGES = ("tw", "gaa", "ee", "ha", "dag")
# What phones call them otherwise. Fante and Twi are written differently, so `fat` is not here.
_ALIASES = {"ak": "tw", "aka": "tw", "twi": "tw", "ewe": "ee", "hau": "ha", "eng": "en"}
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")
_MOST_RANGES = 20


@dataclass(frozen=True, slots=True)
class Phrase:
    """One sentence in one language; `english` is what it says."""

    id: str
    language: str
    text: str
    english: str
    review_state: str
    reviewed_by: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "text": self.text,
            "language": self.language,
            "english": self.english,
            "review_state": self.review_state,
        }


@cache
def english() -> Mapping[str, str]:
    """Every sentence by its name, in the order in which they are shown."""
    danger = {f"sign.{'-'.join(sorted(sign.facts))}": sign.text for sign in signs()}
    return {**_file(ENGLISH)["phrases"], "disclaimer": DISCLAIMER, "not_reviewed": STARTER, **danger}


@cache
def translations(language: str) -> Mapping[str, Phrase]:
    """What is translated into `language`, of the sentences that are in use."""
    rows = _file(language)["phrases"]
    return {
        name: Phrase(
            name,
            language,
            row["text"],
            text,
            ReviewState(row["review_state"]).value,
            row.get("reviewed_by", ""),
        )
        for name, text in english().items()
        if (row := rows.get(name)) is not None and row["english"] == text
    }


def name_of(language: str) -> str:
    """What it is called in English."""
    return "English" if language == ENGLISH else str(_file(language)["name"])


def phrases(language: str) -> list[Phrase]:
    """Every sentence in `language`, in English where there is no translation."""
    own = {} if language == ENGLISH else translations(language)
    return [
        own.get(name) or Phrase(name, ENGLISH, text, text, ReviewState.STARTER.value)
        for name, text in english().items()
    ]


def negotiated(header: str) -> str:
    """The first of a phone's languages (RFC 9110, `Accept-Language`) that is one of ours, English
    without one. One with an empty catalogue is ours as well: its answer says that it is English."""
    for wanted in _wanted(header):
        short = wanted.split("-")[0].lower()
        known = _ALIASES.get(short, short)
        if known == ENGLISH or known in LANGUAGES:
            return known
    return ENGLISH


def _wanted(header: str) -> Iterator[str]:
    """Language ranges, the most wanted first."""
    found = [match for part in header.split(",")[:_MOST_RANGES] if (match := _RANGE.fullmatch(part))]
    weighed = [(float(match[2] or 1), match[1]) for match in found]
    return (name for weight, name in sorted(weighed, key=lambda each: -each[0]) if weight > 0)


@cache
def catalogues() -> list[dict[str, Any]]:
    """All translations, for a phone without a network."""
    return [
        {
            "language": language,
            "name": name_of(language),
            "phrases": [phrase.as_dict() for phrase in translations(language).values()],
        }
        for language in LANGUAGES
    ]


@cache
def version() -> str:
    """Changes with any sentence."""
    return content_hash(canonical_json({"english": dict(english()), "catalogues": catalogues()}))[:12]


@cache
def _file(language: str) -> dict[str, Any]:
    text = resources.files(__name__).joinpath(f"{language}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
