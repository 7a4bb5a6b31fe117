"""Tables in the shape of SCIN about people who never were."""

import csv
import random
from pathlib import Path
from typing import Any

_MARKS = {  # label -> boxes that its people tick more often than others
    "Eczema": ("textures_rough_or_flaky", "condition_symptoms_itching", "body_parts_arm"),
    "Urticaria": ("textures_raised_or_bumpy", "condition_symptoms_itching", "body_parts_torso_front"),
    "Tinea": ("textures_rough_or_flaky", "body_parts_foot_sole", "condition_symptoms_burning"),
    "Herpes Zoster": ("textures_fluid_filled", "condition_symptoms_pain", "body_parts_torso_back"),
}
_BOXES = (
    "textures_raised_or_bumpy", "textures_flat", "textures_rough_or_flaky", "textures_fluid_filled",
    "body_parts_head_or_neck", "body_parts_arm", "body_parts_palm", "body_parts_back_of_hand",
    "body_parts_torso_front", "body_parts_torso_back", "body_parts_genitalia_or_groin", "body_parts_leg",
    "body_parts_foot_top_or_side", "body_parts_foot_sole", "condition_symptoms_darkening",
    "condition_symptoms_itching", "condition_symptoms_burning", "condition_symptoms_pain",
    "other_symptoms_fever", "other_symptoms_mouth_sores", "race_ethnicity_black_or_african_american",
)  # fmt: skip
_WORDS = (
    "age_group", "fitzpatrick_skin_type", "related_category", "condition_duration",
    "image_1_path", "image_2_path", "image_3_path",
)  # fmt: skip


def case(number: int, **said: str) -> dict[str, str]:
    """One row of the cases: blank but for what is said."""
    blank = dict.fromkeys((*_BOXES, *_WORDS), "")
    return {"case_id": str(number), **blank, "image_1_path": f"{number}.png", **said}


def label(number: int, differential: dict[str, float] | str, tone: str = "") -> dict[str, str]:
    """One row of the labels."""
    tones = {f"dermatologist_fitzpatrick_skin_type_label_{n}": tone if n == 1 else "" for n in (1, 2, 3)}
    return {"case_id": str(number), "weighted_skin_condition_label": str(differential), **tones}


def write(folder: Path, cases: list[dict[str, str]], labels: list[dict[str, str]]) -> Path:
    """Both tables, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("scin_cases.csv", cases), ("scin_labels.csv", labels)):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def crowd(folder: Path, count: int = 60) -> Path:
    """`count` people whose ticks tell something of what they have; a third have eczema."""
    chance = random.Random(4)
    cases: list[dict[str, str]] = []
    labels: list[dict[str, str]] = []
    for number in range(count):
        name = chance.choice(["Eczema", *_MARKS])
        said: dict[str, Any] = {box: "YES" for box in _BOXES if chance.random() < 0.08}
        said |= {box: "YES" for box in _MARKS[name] if chance.random() < 0.8}
        said |= {"textures_flat": "YES", "body_parts_leg": "YES", "condition_symptoms_darkening": "YES"}
        tone = f"FST{1 + number % 6}"
        cases.append(case(number, **said))
        labels.append(label(number, {name: 0.6, "Scabies": 0.4}, tone))
    return write(folder, cases, labels)
