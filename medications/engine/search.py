"""Search over a formulary that forgives typing errors and says what matched. Pure, deterministic.

How a hit ranks: an exact name before the beginning of one, that before a word inside one, and all of
them before a likeness. Among equals names of the medicine count more than what it is for.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from medications.engine.formulary import Formulary
from medications.engine.lexicon import normalise
from medications.engine.model import Medication

# Likeness (1 - edits / length, neighbours swapped count one) below which nothing is offered: one edit in
# four letters, two in seven.
LIKENESS = 0.7
_FIELDS = ("generic_name", "brand", "name", "atc", "class", "indication")
_EXACT, _PREFIX, _WORD, _SIMILAR = 100, 90, 80, 75


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
    text: str
    medication: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """Every searchable text of a formulary.

    `starts` holds each text from each of its words on, sorted, with the term it belongs to;
    `spellings` are the texts and words for which typing errors are forgiven.
    """

    starts: tuple[str, ...]
    start_terms: tuple[_Term, ...]
    spellings: tuple[str, ...]
    by_spelling: dict[str, tuple[_Term, ...]]

    @classmethod
    def build(cls, formulary: Formulary) -> "SearchIndex":
        terms = tuple(term for key in sorted(formulary.medications)
                      for term in _terms(formulary, formulary.medications[key]))  # fmt: skip
        by_spelling: dict[str, list[_Term]] = {}
        for term in terms:
            if term.field != "atc":
                words = term.text.split()
                for spelling in dict.fromkeys([term.text, *(word for word in words if len(word) > 3)]):
                    by_spelling.setdefault(spelling, []).append(term)
        starts = sorted(
            ((" ".join(words[place:]), term) for term in terms for words in (term.text.split(),)
             for place in range(len(words))),
            key=lambda pair: (pair[0], pair[1].medication, pair[1].field),
        )  # fmt: skip
        return cls(
            starts=tuple(text for text, _ in starts),
            start_terms=tuple(term for _, term in starts),
            spellings=tuple(by_spelling),
            by_spelling={key: tuple(value) for key, value in by_spelling.items()},
        )

    def search(self, query: str, *, limit: int = 20) -> list[Hit]:
        """The best `limit` hits for what somebody typed; empty where nothing is near."""
        wanted = normalise(query)
        if not wanted:
            return []
        best: dict[str, Hit] = {}
        for hit in (*self._literal(wanted), *self._similar(wanted)):
            known = best.get(hit.medication)
            if known is None or _key(hit) < _key(known):
                best[hit.medication] = hit
        return sorted(best.values(), key=_key)[:limit]

    def _literal(self, wanted: str) -> Iterable[Hit]:
        place = bisect_left(self.starts, wanted)
        while place < len(self.starts) and self.starts[place].startswith(wanted):
            text, term = self.starts[place], self.start_terms[place]
            if term.text == wanted:
                yield _hit(term, _EXACT, "exact")
            elif term.text == text:
                yield _hit(term, _PREFIX, "prefix")
            else:
                yield _hit(term, _WORD, "word")
            place += 1

    def _similar(self, wanted: str) -> Iterable[Hit]:
        if len(wanted) < 4:
            return
        found = process.extract(
            wanted,
            self.spellings,
            scorer=OSA.normalized_similarity,
            score_cutoff=LIKENESS,
            limit=40,
        )
        for spelling, likeness, _ in found:
            for term in self.by_spelling[spelling]:
                yield _hit(term, round(likeness * _SIMILAR, 2), "similar")


def _terms(formulary: Formulary, medication: Medication) -> Iterable[_Term]:
    conditions = sorted({item.condition for item in formulary.treatments if item.medication == medication.id})
    values = [
        ("generic_name", medication.generic_name),
        *(("generic_name", name) for name in medication.ingredients),
        *(("brand", brand) for brand in medication.brands),
        ("name", medication.name),
        ("atc", medication.atc),
        ("class", medication.pharmacological_class),
        *(("class", name) for name in medication.allergy_classes),
        *(("indication", name) for key in conditions for name in (
            formulary.condition_name(key), *formulary.conditions.get(key, ())[1:])),
    ]  # fmt: skip
    seen = set()
    for field, value in values:
        text = normalise(value)
        if text and (field, text) not in seen:
            seen.add((field, text))
            yield _Term(text, medication.id, field, value)


def _hit(term: _Term, score: float, how: str) -> Hit:
    return Hit(term.medication, score, Match(term.field, term.value, how))


def _key(hit: Hit) -> tuple[float, int, int, str]:
    return (-hit.score, _FIELDS.index(hit.match.field), len(hit.match.value), hit.medication)
