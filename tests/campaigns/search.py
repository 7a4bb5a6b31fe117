"""Misspelt names looked up in the starter formulary: how often the right medicine is at the top.

`make campaign NAME=search ARGS="[QUERIES] [SEED]"`. A query is a generic name, an ingredient or a brand
with one error: a letter put in, left out, two swapped, or the word written by ear.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from medications.engine import Formulary
from medications.engine.search import SearchIndex
from tests.medications.standalone import starter_formulary

FIRST, FIRST_THREE = 0.90, 0.97
QUERIES = 300
SEED = 1957
_SHORTEST = 4  # shorter names have too many neighbours to be told apart after an error
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# As people write what they hear. Written here anew, so that the search is not tried with its own rules.
_BY_EAR = (
    ("ph", "f"), ("f", "ph"), ("ch", "k"), ("c", "k"), ("k", "c"), ("y", "i"), ("i", "y"), ("z", "s"),
    ("s", "z"), ("x", "ks"), ("th", "t"), ("rh", "r"), ("ae", "e"), ("qu", "kw"), ("e", "i"), ("i", "e"),
    ("o", "a"),
    ("a", "e"), ("u", "o"), ("ll", "l"), ("mm", "m"), ("nn", "n"), ("tt", "t"), ("ss", "s"), ("ole", "ol"),
    ("ine", "in"), ("one", "on"), ("ide", "id"), ("v", "w"), ("d", "t"), ("g", "j"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """`text` was made from `name`; any of `wanted` is right."""

    text: str
    name: str
    error: str
    wanted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`place` of the right medicine among the hits, 0 when it is not there."""

    query: Query
    place: int


def insert(word: str, chance: random.Random) -> str:
    place = chance.randrange(len(word) + 1)
    return word[:place] + chance.choice(_LETTERS) + word[place:]


def delete(word: str, chance: random.Random) -> str:
    place = chance.randrange(len(word))
    return word[:place] + word[place + 1 :]


def swap(word: str, chance: random.Random) -> str:
    places = [place for place in range(len(word) - 1) if word[place] != word[place + 1]]
    place = chance.choice(places)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def by_ear(word: str, chance: random.Random) -> str:
    places = [
        (place, right, heard)
        for right, heard in _BY_EAR
        for place in range(len(word))
        if word.startswith(right, place)
    ]
    place, right, heard = chance.choice(places)
    return word[:place] + heard + word[place + len(right) :]


ERRORS: dict[str, Callable[[str, random.Random], str]] = {
    "insert": insert, "delete": delete, "swap": swap, "phonetic": by_ear,
}  # fmt: skip


def queries(formulary: Formulary, count: int, seed: int) -> Iterator[Query]:
    """`count` misspelt names, a quarter of them with each kind of error."""
    chance = random.Random(seed)
    names: dict[str, set[str]] = {}
    for medication in formulary.medications.values():
        for name in (medication.generic_name, *medication.ingredients, *medication.brands):
            if len(name) >= _SHORTEST and ";" not in name:
                names.setdefault(name.lower(), set()).add(medication.id)
    words = sorted(names)
    made = 0
    while made < count:
        kind = list(ERRORS)[made % len(ERRORS)]
        name = chance.choice(words)
        text = ERRORS[kind](name, chance)
        if text not in names:  # an error that makes another name is none
            made += 1
            yield Query(text, name, kind, frozenset(names[name]))


def ask(index: SearchIndex, query: Query) -> Outcome:
    hits = [hit.medication for hit in index.search(query.text)]
    return Outcome(query, next((n for n, hit in enumerate(hits, 1) if hit in query.wanted), 0))


def share(outcomes: list[Outcome], within: int) -> float:
    return sum(0 < outcome.place <= within for outcome in outcomes) / len(outcomes)


def main(arguments: list[str]) -> int:
    count = int(arguments[0]) if arguments else QUERIES
    seed = int(arguments[1]) if len(arguments) > 1 else SEED
    formulary = starter_formulary()
    index = SearchIndex.build(formulary)
    outcomes = [ask(index, query) for query in queries(formulary, count, seed)]
    print(f"{len(outcomes)} misspelt names of {len(formulary.medications)} medicines, seed {seed}")
    for kind in ERRORS:
        some = [outcome for outcome in outcomes if outcome.query.error == kind]
        print(
            f"  {kind:<9} {len(some):>6}  first {share(some, 1):.1%}  in the first three {share(some, 3):.1%}"
        )
    first, three = share(outcomes, 1), share(outcomes, 3)
    print(f"  {'all':<9} {len(outcomes):>6}  first {first:.1%}  in the first three {three:.1%}")
    for outcome in [each for each in outcomes if not 0 < each.place <= 3][:20]:
        query = outcome.query
        print(f"  missed: {query.text!r} for {query.name!r} ({query.error}), place {outcome.place or 'none'}")
    return 0 if first >= FIRST and three >= FIRST_THREE else 1
