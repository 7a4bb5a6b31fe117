"""PAD-UFES-20 as records: which picture, whose, what it is, and what was said of it.

Pacheco et al. 2020, doi 10.17632/zr7vgbcyr2.1, CC BY 4.0: smartphone photographs of six diagnoses.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# In the model's order. Actinic keratosis is pre-malignant: a doctor has to see it too.
LABELS = ("ACK", "BCC", "MEL", "NEV", "SCC", "SEK")
SUSPICIOUS = frozenset({"ACK", "BCC", "MEL", "SCC"})
CANCER = frozenset({"BCC", "MEL", "SCC"})

# The source's words for where on the body, in the product's.
_SITES: Mapping[str, str] = {
    "ABDOMEN": "abdomen",
    "ARM": "arms",
    "BACK": "back",
    "CHEST": "chest",
    "EAR": "ears",
    "FACE": "face",
    "FOOT": "feet",
    "FOREARM": "arms",
    "HAND": "hands",
    "LIP": "lips",
    "NECK": "neck",
    "NOSE": "nose",
    "SCALP": "scalp",
    "THIGH": "thighs",
}
_ANSWERS: Mapping[str, bool] = {"True": True, "False": False}  # "UNK" and empty are unknown
_FLAGS: Mapping[str, str] = {
    "itch": "lesion_itches",
    "bleed": "lesion_bleeds",
    "grew": "lesion_grew",
    "changed": "lesion_changed",
    "elevation": "lesion_raised",
}


@dataclass(frozen=True, slots=True)
class Lesion:
    """One picture. `facts` are under the product's names, unknown ones left out; `raw` is a whole
    photograph, otherwise a crop of the lesion on black. `fitzpatrick` is 1 to 6, None where nobody
    noted it."""

    path: Path
    raw: bool
    patient: str
    label: str
    facts: Mapping[str, object]
    fitzpatrick: int | None

    @property
    def suspicious(self) -> bool:
        return self.label in SUSPICIOUS


def read(folder: Path) -> tuple[Lesion, ...]:
    """Every picture that `images.csv` in `folder` names, in its order."""
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_lesion(folder, row) for row in csv.DictReader(file))


def _lesion(folder: Path, row: Mapping[str, str]) -> Lesion:
    facts: dict[str, object] = {}
    if row["age"]:
        facts["age_months"] = int(float(row["age"]) * 12)
    if row["region"] in _SITES:
        facts["body_sites"] = [_SITES[row["region"]]]
    facts |= {name: _ANSWERS[row[column]] for column, name in _FLAGS.items() if row[column] in _ANSWERS}
    return Lesion(
        path=folder / row["file"],
        raw=row["kind"] == "photos",
        patient=row["patient_id"],
        label=row["diagnostic"],
        facts=facts,
        fitzpatrick=int(float(row["fitspatrick"])) if row["fitspatrick"] else None,
    )
