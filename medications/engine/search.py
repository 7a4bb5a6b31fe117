"""Search over a formulary that forgives typing errors and says what matched. Pure, deterministic.

How a hit ranks: an exact name before the beginning of one, that before a word inside one, and all of
them before a likeness. Among equals names of the medicine count more than what it is for.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from medications.engine.formulary import Formulary
from medications.engine.lexicon import normalise
from medications.engine.model import Medication
from medications.engine.spelling import Spellings

_FIELDS = ("generic_name", "brand", "name", "atc", "class", "indication")
_EXACT, _PREFIX, _WORD, _SIMILAR = 100, 90, 80, 75
# One word of a name that is written alike comes after a whole name that is.
_PART = 0.98
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Match:
    """Which value of which field matched, and how: exact, prefix, word or similar."""

    field: str
    value: str
    how: str


@dataclass(frozen=True, slots=True)
class Hit:
    medication: str
    score: float
    match: Match


@dataclass(frozen=True, slots=True)
class _Term:
    """A searchable text. `rank` orders equals: the field, then the shorter value, then the id."""

    text: str
    medication: str
    field: str
    value: str
    rank: tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """Every searchable text of a formulary.

    `starts` holds each text from each of its words on, sorted, with the term it belongs to and its
    place among all of them by rank; `spellings` are the texts and words whose misspelling is forgiven.
    """

    starts: tuple[str, ...]
    start_terms: tuple[_Term, ...]
    start_order: tuple[int, ...]
    spellings: Spellings
    by_spelling: dict[str, tuple[_Term, ...]]

    @classmethod
    def build(cls, formulary: Formulary) -> "SearchIndex":
        """The index of a formulary; to be kept as long as the formulary is."""
        conditions: dict[str, set[str]] = {}
        for item in formulary.treatments:
            conditions.setdefault(item.medication, set()).add(item.condition)
        terms = [
            term
            for key in sorted(formulary.medications)
            for term in _terms(formulary, formulary.medications[key], sorted(conditions.get(key, ())))
        ]
        by_spelling: dict[str, list[_Term]] = {}
        starts: list[tuple[str, _Term]] = []
        for term in terms:
            words = term.text.split()
            starts += [(" ".join(words[place:]), term) for place in range(len(words))]
            if term.field != "atc":
                for spelling in dict.fromkeys([term.text, *(word for word in words if len(word) > 3)]):
                    by_spelling.setdefault(spelling, []).append(term)
        starts.sort(key=lambda entry: (entry[0], entry[1].rank))
        order = [0] * len(starts)
        ranked = sorted(
            range(len(starts)), key=lambda n: (starts[n][0] != starts[n][1].text, starts[n][1].rank, n)
        )
        for rank, place in enumerate(ranked):
            order[place] = rank
        return cls(
            starts=tuple(text for text, _ in starts),
            start_terms=tuple(term for _, term in starts),
            start_order=tuple(order),
            spellings=Spellings.of(sorted(by_spelling)),
            by_spelling={key: tuple(value) for key, value in by_spelling.items()},
        )

    def search(self, query: str, *, limit: int = 20, among: Collection[str] | None = None) -> list[Hit]:
        """The best `limit` hits for what somebody typed, of the medicines `among` alone where given;
        empty where nothing is near. Likeness is asked only where too few names hold the words."""
        wanted = normalise(query)
        hits: dict[str, Hit] = {}
        if not wanted:
            return []
        for found in (self._literal, self._similar):
            for score, term, how in found(wanted):
                if len(hits) >= limit:
                    return list(hits.values())
                if term.medication not in hits and (among is None or term.medication in among):
                    match = Match(term.field, term.value, how)
                    hits[term.medication] = Hit(term.medication, score, match)
        return list(hits.values())

    def _literal(self, wanted: str) -> Iterator[tuple[float, _Term, str]]:
        """Names that hold the words, best first."""
        first, last = bisect_left(self.starts, wanted), bisect_left(self.starts, wanted + _LAST)
        after = bisect_right(self.starts, wanted, first, last)
        for place in sorted(range(first, after), key=self.start_order.__getitem__):
            term = self.start_terms[place]
            if term.text == wanted:
                yield _EXACT, term, "exact"
        for place in sorted(range(first, last), key=self.start_order.__getitem__):
            term = self.start_terms[place]
            if term.text == self.starts[place]:
                yield _PREFIX, term, "prefix"
            else:
                yield _WORD, term, "word"

    def _similar(self, wanted: str) -> Iterator[tuple[float, _Term, str]]:
        """Names written or sounding alike, best first."""
        found = [
            (round(likeness * (1 if term.text == spelling else _PART) * _SIMILAR, 2), term)
            for spelling, likeness in self.spellings.near(wanted).items()
            for term in self.by_spelling[spelling]
        ]
        for score, term in sorted(found, key=lambda pair: (-pair[0], pair[1].rank)):
            yield score, term, "similar"


def _terms(formulary: Formulary, medication: Medication, conditions: Iterable[str]) -> Iterable[_Term]:
    names: Mapping[str, tuple[str, ...]] = formulary.conditions
    values = [
        ("generic_name", medication.generic_name),
        *(("generic_name", name) for name in medication.ingredients),
        *(("brand", brand) for brand in medication.brands),
        ("name", medication.name),
        ("atc", medication.atc),
        ("class", medication.pharmacological_class),
        *(("class", name) for name in medication.allergy_classes),
        *(("indication", name) for key in conditions
          for name in (formulary.condition_name(key), *names.get(key, ())[1:])),
    ]  # fmt: skip
    seen = set()
    for field, value in values:
        text = normalise(value)
        if text and (field, text) not in seen:
            seen.add((field, text))
            yield _Term(text, medication.id, field, value, (_FIELDS.index(field), len(value), medication.id))
