"""Search forgives slips of the finger, says what matched, and always answers the same."""

import pytest

from medications.engine import parse_formulary
from medications.engine.search import SearchIndex
from tests.campaigns import search as campaign
from tests.medications.conftest import starter_formulary
from tests.medications.many import many

pytestmark = pytest.mark.one_database
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


def test_of_300_misspelt_names_nearly_all_are_found_at_the_top() -> None:
    outcomes = [campaign.ask(INDEX, query) for query in campaign.queries(starter_formulary(), 300, 1957)]
    assert campaign.share(outcomes, 1) >= campaign.FIRST
    assert campaign.share(outcomes, 3) >= campaign.FIRST_THREE


@pytest.mark.parametrize(
    ("heard", "medication"),
    [
        ("klotrimazol", "clotrimazole-1-cream"),
        ("hidrokortison", "hydrocortisone-1-cream"),
        ("eritromisin", "erythromycin-250-tablet"),
        ("parasetamol", "paracetamol-500-tablet"),
        ("flukonazol", "fluconazole-50-tablet"),
        ("ketokonasol kreem", "ketoconazole-2-cream"),
    ],
)
def test_names_written_by_ear_are_found(heard: str, medication: str) -> None:
    assert medication in [hit.medication for hit in INDEX.search(heard)[:3]]


def test_a_search_among_some_medicines_finds_those_alone_and_fills_the_page() -> None:
    every = [hit.medication for hit in INDEX.search("tinea", limit=60)]
    some = frozenset(every[::3])
    assert [hit.medication for hit in INDEX.search("tinea", limit=60, among=some)] == every[::3]
    assert len(INDEX.search("tinea", limit=2, among=some)) == 2


def test_a_longer_page_begins_like_a_shorter_one() -> None:
    for query in ("a", "tinea", "betnovat", "cream"):
        assert INDEX.search(query, limit=50)[:5] == INDEX.search(query, limit=5)


def test_a_large_formulary_is_searched_like_a_small_one() -> None:
    formulary = parse_formulary(many(200))
    index = SearchIndex.build(formulary)
    assert len(formulary.medications) == 200
    outcomes = [campaign.ask(index, query) for query in campaign.queries(formulary, 40, 5)]
    assert campaign.share(outcomes, 3) >= campaign.FIRST_THREE
