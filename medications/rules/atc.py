"""Codes of the Anatomical Therapeutic Chemical classification, checked as far as that is possible without
its index: the form, the main and therapeutic groups, and whether code, route and antibiotic group agree.

Structure: WHO Collaborating Centre for Drug Statistics Methodology, Guidelines for ATC classification.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from medications.rules import Wrong

# Seven characters name a substance; five a group, for products that the index gives no code of their own
# (soft paraffin is D02AC).
PATTERN = re.compile(r"^[A-Z]\d{2}[A-Z]{2}(?:\d{2})?$")
SHAPE = "Five or seven characters: D01AC01, or D02AC where the index names no substance."
_SUBSTANCE = 7
# From this number on the last two digits mean combinations, which share a code.
_COMBINATIONS = 20
_GROUPS = {
    "A": "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16",
    "B": "01 02 03 05 06",
    "C": "01 02 03 04 05 07 08 09 10",
    "D": "01 02 03 04 05 06 07 08 09 10 11",
    "G": "01 02 03 04",
    "H": "01 02 03 04 05",
    "J": "01 02 04 05 06 07",
    "L": "01 02 03 04",
    "M": "01 02 03 04 05 09",
    "N": "01 02 03 04 05 06 07",
    "P": "01 02 03",
    "R": "01 02 03 05 06 07",
    "S": "01 02 03",
    "V": "01 03 04 06 07 08 09 10 20",
}
_THERAPEUTIC = frozenset(letter + number for letter, group in _GROUPS.items() for number in group.split())
# Dermatologicals are for the skin but for these groups, which are taken.
_TAKEN_DERMATOLOGICALS = ("D01B", "D05B", "D10B")
_ON_THE_SKIN = ("D", "P03")
_TAKEN = ("A", "C", "H02", "J", "L", "M01", "N", "P01", "P02", "R05", "R06")
# Systemic antibacterials, with the metronidazole group, are what AWaRe sorts.
_AWARE = ("J01", "P01AB")


class Coded(NamedTuple):
    """A medicine as this module sees it."""

    name: str
    atc: str
    ingredients: tuple[str, ...]


def faults(code: str, *, route: str, aware_group: str) -> Iterator[Wrong]:
    """What is wrong with `code` for a medicine of this route (`oral`, `topical`) and AWaRe group."""
    if not PATTERN.match(code):
        yield Wrong("atc", SHAPE)
        return
    if code[:3] not in _THERAPEUTIC:
        yield Wrong("atc", f"There is no group {code[:3]} in the ATC index.")
        return
    taken = code.startswith((*_TAKEN, *_TAKEN_DERMATOLOGICALS))
    on_the_skin = code.startswith(_ON_THE_SKIN) and not taken
    if route == "oral" and on_the_skin:
        yield Wrong("atc", f"{code[:4]} is for medicines used on the skin, and this one is taken by mouth.")
    if route == "topical" and taken:
        yield Wrong("atc", f"{code[:4]} is for medicines that are taken, and this one is used on the skin.")
    if route == "oral" and code.startswith(_AWARE) and not aware_group:
        yield Wrong("aware_group", f"{code} is an antibiotic to take: say its AWaRe group.")
    if aware_group and not code.startswith(_AWARE):
        yield Wrong("aware_group", f"AWaRe sorts antibiotics that are taken; {code} is none.")


def conflict(medicine: Coded, others: Iterable[Coded]) -> str | None:
    """Why the code cannot be right: another medicine has it for another substance."""
    if not _names_one_substance(medicine):
        return None
    for other in others:
        if other.atc == medicine.atc and len(other.ingredients) == 1 and len(medicine.ingredients) == 1:
            mine, theirs = medicine.ingredients[0], other.ingredients[0]
            if mine != theirs:
                return f"{medicine.atc} is {theirs} ({other.name}), and this is {mine}."
    return None


def _names_one_substance(medicine: Coded) -> bool:
    return len(medicine.atc) == _SUBSTANCE and int(medicine.atc[5:]) < _COMBINATIONS
