"""Search forgives slips of the finger, says what matched, and always answers the same."""

import random
from typing import Any

import pytest

from medications.engine import Formulary
from medications.engine.search import SearchIndex
from tests.medications.conftest import starter_formulary

INDEX = SearchIndex.build(starter_formulary())


def _first(query: str) -> tuple[str, str, str]:
    hit = INDEX.search(query)[0]
    return hit.medication, hit.match.field, hit.match.how


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("permethrin", ("permethrin-5-cream", "generic_name", "exact")),
        ("Lyclear", ("permethrin-5-cream", "brand", "exact")),
        ("CANES", ("clotrimazole-1-cream", "brand", "prefix")),
        ("D01AC01", ("clotrimazole-1-cream", "atc", "exact")),
        ("P03AC", ("permethrin-5-cream", "atc", "prefix")),
        ("chickenpox", ("calamine-15-lotion", "indication", "exact")),
        ("scabicide", ("permethrin-5-cream", "class", "word")),
        ("azelaic", ("azelaic-acid-20-cream", "generic_name", "prefix")),
    ],
)
def test_names_brands_classes_codes_and_uses_are_found(query: str, first: tuple[str, str, str]) -> None:
    hits = [(hit.medication, hit.match.field, hit.match.how) for hit in INDEX.search(query)]
    assert first in hits[:3], hits[:3]


@pytest.mark.parametrize(
    ("query", "medication"),
    [
        ("clotrimzole", "clotrimazole-1-cream"),
        ("permetrin", "permethrin-5-cream"),
        ("hydrocortisoen", "hydrocortisone-1-cream"),
        ("vasiline", "white-soft-paraffin"),
        ("piritin", "chlorphenamine-4-tablet"),
        ("betnovat", "betamethasone-valerate-0-1-cream"),
    ],
)
def test_typing_errors_are_forgiven(query: str, medication: str) -> None:
    assert medication in [hit.medication for hit in INDEX.search(query)[:3]]


def test_what_is_near_nothing_finds_nothing() -> None:
    assert INDEX.search("zzzzqqq") == []
    assert INDEX.search("  --  ") == []


def test_the_same_query_always_gives_the_same_hits() -> None:
    assert INDEX.search("tinea") == SearchIndex.build(starter_formulary()).search("tinea")


def test_an_exact_name_comes_before_a_likeness() -> None:
    scores = [hit.score for hit in INDEX.search("erythromycin")]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 100


def _slip(word: str, chance: random.Random) -> str:
    """One letter dropped, added, doubled or swapped with its neighbour."""
    place = chance.randrange(1, len(word) - 1)
    kind = chance.randrange(4)
    if kind == 0:
        return word[:place] + word[place + 1 :]
    if kind == 1:
        return word[:place] + chance.choice("aeiorstn") + word[place:]
    if kind == 2:
        return word[:place] + word[place] + word[place:]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _queries(formulary: Formulary) -> list[tuple[str, set[str]]]:
    """300 misspelt names and the medicines that bear the right one."""
    chance = random.Random(1957)
    names: dict[str, set[str]] = {}
    for medication in formulary.medications.values():
        for name in (*medication.ingredients, *medication.brands):
            if len(name) > 5 and ";" not in name:
                names.setdefault(name.lower(), set()).add(medication.id)
    words = sorted(names)
    return [(_slip(word, chance), names[word]) for word in chance.choices(words, k=300)]


def test_of_300_misspelt_names_nearly_all_are_found_at_the_top() -> None:
    queries: Any = _queries(starter_formulary())
    first = sum(bool({hit.medication for hit in INDEX.search(text)[:1]} & wanted) for text, wanted in queries)
    third = sum(bool({hit.medication for hit in INDEX.search(text)[:3]} & wanted) for text, wanted in queries)
    assert first >= 0.90 * len(queries), first
    assert third >= 0.97 * len(queries), third
