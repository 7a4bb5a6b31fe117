"""Finding names in spite of slips of the finger and of spelling by ear. Pure, deterministic.

Candidates are narrowed by the pairs of letters they share with what was typed, counted for all names
at once in the bits of integers; only what is left is compared letter by letter.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

# Likeness (1 - edits / length, neighbours swapped count one) below which nothing is offered: one edit in
# four letters, two in seven.
LIKENESS = 0.7
SHORTEST = 3
# A name that only sounds alike comes after one that is written alike to the same degree.
_BY_EAR = 0.97
# (length up to, edits): how many slips are looked for.
_SLIPS = ((5, 1), (9, 2))
_MOST_SLIPS = 3
# Of the pairs of letters a single slip spoils: two, or three where neighbours are swapped.
_SPOILT = 3
# How names of medicines are written by ear, in this order.
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"ph", "f"), (r"sch", "sh"), (r"ch|ck|qu|q", "k"), (r"x", "ks"), (r"c(?=[eiy])", "s"), (r"c", "k"),
        (r"(?<=[gkrt])h", ""), (r"ae|oe", "e"), (r"ee|ea", "i"), (r"oo|ou", "u"), (r"y", "i"), (r"z", "s"),
        (r"j", "g"), (r"(.)\1+", r"\1"), (r"(?<=\w)e\b", ""), (r"\bh", ""),
    )
)  # fmt: skip


def by_ear(text: str) -> str:
    """`text` (normalised) as it sounds: `clotrimazole`, `klotrimazol` -> `klotrimasol`."""
    for pattern, sound in _SOUNDS:
        text = pattern.sub(sound, text)
    return text


@dataclass(frozen=True, slots=True)
class _Pairs:
    """For each pair of letters, and for each length, the names that have it, as bits."""

    texts: tuple[str, ...]
    having: dict[str, int]
    long: dict[int, int]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Pairs":
        having: dict[str, list[int]] = {}
        long: dict[int, list[int]] = {}
        for place, text in enumerate(texts):
            long.setdefault(len(text), []).append(place)
            for pair in _pairs(text):
                having.setdefault(pair, []).append(place)
        return cls(
            tuple(texts),
            {pair: _bits(places, len(texts)) for pair, places in having.items()},
            {length: _bits(places, len(texts)) for length, places in long.items()},
        )

    def near(self, wanted: str) -> dict[int, float]:
        """The places of names like `wanted`, with their likeness."""
        slips = next((slips for up_to, slips in _SLIPS if len(wanted) <= up_to), _MOST_SLIPS)
        lengths = 0
        for length in range(len(wanted) - slips, len(wanted) + slips + 1):
            lengths |= self.long.get(length, 0)
        pairs = _pairs(wanted)
        enough = max(2, len(pairs) - _SPOILT * slips)
        rows = [bits for pair in sorted(pairs) if (bits := self.having.get(pair, 0) & lengths)]
        places = list(_places(_at_least(rows, enough)))
        found = process.extract(
            wanted,
            [self.texts[place] for place in places],
            scorer=OSA.normalized_similarity,
            score_cutoff=LIKENESS,
            limit=None,
        )
        return {places[index]: likeness for _, likeness, index in found}


@dataclass(frozen=True, slots=True)
class Spellings:
    """Known spellings, searched as written and as they sound."""

    texts: tuple[str, ...]
    written: _Pairs
    heard: _Pairs

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Spellings":
        return cls(tuple(texts), _Pairs.of(texts), _Pairs.of([by_ear(text) for text in texts]))

    def near(self, wanted: str) -> dict[str, float]:
        """Spellings like `wanted` (normalised) with their likeness, 0.7 to 1."""
        if len(wanted) < SHORTEST:
            return {}
        found = self.written.near(wanted)
        for place, likeness in self.heard.near(by_ear(wanted)).items():
            found[place] = max(found.get(place, 0.0), likeness * _BY_EAR)
        return {self.texts[place]: likeness for place, likeness in found.items() if likeness >= LIKENESS}


def _pairs(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[place : place + 2] for place in range(len(padded) - 1)}


def _bits(places: Sequence[int], size: int) -> int:
    found = bytearray(size // 8 + 1)
    for place in places:
        found[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(found, "little")


def _at_least(rows: Sequence[int], enough: int) -> int:
    """The bits that are set in at least `enough` of `rows`: counters of all bits, added at once."""
    planes: list[int] = []
    for row in rows:
        carry = row
        for place, plane in enumerate(planes):
            planes[place], carry = plane ^ carry, plane & carry
            if not carry:
                break
        if carry:
            planes.append(carry)
    above, equal = 0, -1
    for place in range(max(len(planes), enough.bit_length()) - 1, -1, -1):
        plane = planes[place] if place < len(planes) else 0
        if enough >> place & 1:
            equal &= plane
        else:
            above |= equal & plane
            equal &= ~plane
    return above | equal


_IN_BYTE = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))


def _places(bits: int) -> Iterator[int]:
    for place, byte in enumerate(bits.to_bytes(bits.bit_length() // 8 + 1, "little")):
        if byte:
            for bit in _IN_BYTE[byte]:
                yield place * 8 + bit
