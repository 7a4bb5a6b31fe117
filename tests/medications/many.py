"""A formulary of any size, made from the starter formulary's snapshot and invented names."""

import copy
import random
from typing import Any

from tests.medications.standalone import starter_snapshot

_STARTS = (
    "al", "am", "an", "ar", "ba", "be", "bi", "bo", "bri", "ca", "ce", "ci", "clo", "co", "cy", "da", "de",
    "di", "do", "dro", "e", "el", "em", "eno", "er", "fa", "fe", "flu", "fo", "ga", "ge", "gli", "go", "hy",
    "i", "im", "in", "io", "ka", "ke", "la", "le", "li", "lo", "lu", "ma", "me", "mi", "mo", "na", "ne",
    "ni", "no", "o", "ola", "ox", "pa", "pe", "pi", "po", "pra", "ra", "re", "ri", "ro", "sa", "se", "si",
    "so", "su", "ta", "te", "ti", "to", "tra", "u", "va", "ve", "vi", "vo", "xa", "ze", "zo",
)  # fmt: skip
_MIDDLES = (
    "ba", "bi", "bro", "ca", "ce", "cli", "co", "cy", "da", "de", "di", "do", "fa", "fe", "flo", "ga",
    "gli", "la", "le", "li", "lo", "lu", "ma", "me", "mi", "mo", "mu", "na", "ne", "ni", "no", "nu", "pa",
    "pe", "pi", "pra", "pro", "ra", "re", "ri", "ro", "ru", "sa", "se", "si", "so", "sta", "su", "ta", "te",
    "ti", "to", "tri", "va", "ve", "vi", "vo", "xi", "za", "ze", "zo",
)  # fmt: skip
_ENDS = (
    "azole", "cillin", "cycline", "dipine", "dine", "floxacin", "fungin", "gliptin", "kinra", "lol", "lone",
    "mab", "micin", "mycin", "nib", "nidazole", "oxacin", "parib", "pril", "profen", "rubicin", "sartan",
    "setron", "sone", "statin", "terol", "tidine", "triptan", "vir", "xaban", "zepam", "zine", "zolid",
    "zoline",
)  # fmt: skip
_BRAND_ENDS = (
    "a", "an", "ax", "con", "cor", "derm", "dex", "din", "ex", "fen", "gel", "ide", "in", "ol", "on", "or",
    "oral", "pan", "prim", "rin", "ron", "tab", "tin", "via", "vin", "zol",
)  # fmt: skip
_STRENGTHS = ("50 mg", "100 mg", "250 mg", "500 mg")


def many(count: int, *, seed: int = 1957) -> dict[str, Any]:
    """A snapshot with `count` medicines: the starter's, then invented ones in four strengths each, every
    one with two brands of its own and a treatment."""
    chance = random.Random(seed)
    snapshot = copy.deepcopy(starter_snapshot())
    tablet = next(row for row in snapshot["medications"] if row["id"] == "loratadine-10-tablet")
    treatment = next(row for row in snapshot["treatments"] if row["medication"] == tablet["id"])
    conditions = [row["id"] for row in snapshot["conditions"]]
    used: set[str] = set()

    def fresh(ends: tuple[str, ...], longest: int) -> str:
        while True:
            middle = "".join(chance.choices(_MIDDLES, k=chance.randint(1, longest)))
            name = f"{chance.choice(_STARTS)}{middle}{chance.choice(ends)}"
            if name not in used:
                used.add(name)
                return name

    number = 0
    generic = ""
    while len(snapshot["medications"]) < count:
        if number % len(_STRENGTHS) == 0:
            generic = fresh(_ENDS, 2)
        strength = _STRENGTHS[number % len(_STRENGTHS)]
        name = f"{generic}-{strength.split()[0]}-tablet"
        brands = [fresh(_BRAND_ENDS, 2).capitalize() for _ in range(2)]
        snapshot["medications"].append({
            **tablet, "id": name, "generic_name": generic, "ingredients": [generic], "strength": strength,
            "strength_quantity": None, "brand_examples": brands, "allergy_classes": [], "interactions": [],
            "atc": f"{chance.choice('ABCDGHJLMNPRSV')}{chance.randint(1, 16):02}{chance.choice('ABCDE')}"
                   f"{chance.choice('ABCDEFGX')}{chance.randint(1, 60):02}",
            "pharmacological_class": f"{generic[-6:].capitalize()} agent",
        })  # fmt: skip
        condition = chance.choice(conditions)
        snapshot["treatments"].append(
            {**treatment, "id": f"{condition}--{name}", "condition": condition, "medication": name,
             "regimen": [{**treatment["regimen"][0], "dose_mg": None, "dose_unit_count": None,
                          "max_single_mg": None, "max_daily_mg": None}]}
        )  # fmt: skip
        number += 1
    return snapshot
