"""Strengths as printed on a box, turned into numbers that a dose can be computed from."""

import re
from decimal import Decimal

from medications.engine.model import COUNTED_FORMS, LIQUID_FORMS, Strength

_PER_VOLUME = re.compile(r"^([\d.]+)\s*mg\s*/\s*([\d.]+)?\s*mL$", re.IGNORECASE)
_PER_UNIT = re.compile(r"^([\d.]+)\s*mg(?:\s*\+\s*([\d.]+)\s*mg)*$", re.IGNORECASE)
_MG = re.compile(r"([\d.]+)\s*mg", re.IGNORECASE)


def parse_strength(text: str, form: str) -> Strength | None:
    """`125 mg/5 mL` of a liquid, `500 mg` or `400 mg + 80 mg` (summed) of a tablet or capsule.

    None where a dose in mg cannot be derived from the text (percentages, `BP`, `SPF 30+`).
    """
    cleaned = text.strip()
    if form in LIQUID_FORMS and (match := _PER_VOLUME.match(cleaned)):
        return Strength(Decimal(match[1]), Decimal(match[2] or 1), "mL")
    if form in COUNTED_FORMS and _PER_UNIT.match(cleaned):
        total = sum((Decimal(number) for number in _MG.findall(cleaned)), Decimal(0))
        return Strength(total, Decimal(1), form)
    return None


def display_name(generic: str, strength: str, form: str) -> str:
    """`Clotrimazole 1% cream`: how a recommendation names a medicine."""
    words = f"{generic} {strength} {form}"
    return words[0].upper() + words[1:]
