"""Reads SCIN (Google Research, Skin Condition Image Network): self-reported findings of real people, and
what dermatologists called the pictures. The tables stay where they are; none of them is in this project.
"""

import ast
import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.engine import Findings

CASES, LABELS = "scin_cases.csv", "scin_labels.csv"
TONES = ("I-II", "III-IV", "V-VI", "unknown")
_PLACES = (".", "scin", "data/scin")
_OLD_AGES = ("AGE_60_TO_69", "AGE_70_TO_79", "AGE_80_OR_ABOVE")
_ADULT_MONTHS, _OLD_MONTHS = 360, 780
_DARK = ("FST5", "FST6")

Row = Mapping[str, str]


class NoSuchData(Exception):
    """The folder does not hold what is needed; the message says what and where."""


@dataclass(frozen=True, slots=True)
class Case:
    """One person: what they said, and the conditions that count as right (of the dermatologists' top label).

    `kin` is shared by cases that show a common picture, which must not be torn apart between fitting and
    testing. `tone` is a Fitzpatrick group, `darker` also counts people who call themselves Black.
    """

    id: str
    findings: Findings
    age_months: int
    accepted: frozenset[str]
    tone: str
    darker: bool
    kin: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The cases that can be judged, and how many were left on the way."""

    cases: tuple[Case, ...]
    labelled: int
    mapped: int
    answered: int


def folder_of(data: Path) -> Path:
    """The folder of the SCIN tables: `data` itself, or `scin` below it. Raises NoSuchData."""
    for place in _PLACES:
        if (data / place / CASES).is_file() and (data / place / LABELS).is_file():
            return data / place
    raise NoSuchData(f"There is no {CASES} with {LABELS} in {data}, nor in a folder scin below it.")


def read_cases(folder: Path, mapping: Mapping[str, Any], conditions: Iterable[str]) -> Reading:
    """Every case with a dermatologist's label that maps to one of `conditions`, and with an answer to each
    group of questions that the mapping calls `complete`. Raises NoSuchData for tables that cannot be read."""
    known = frozenset(conditions)
    labels = {row["case_id"]: row for row in _rows(folder / LABELS)}
    rows = [row for row in _rows(folder / CASES) if row["case_id"] in labels]
    kin = _kin(rows)
    cases: list[Case] = []
    counts: Counter[str] = Counter()
    for row in rows:
        label = labels[row["case_id"]]
        weights = _weights(label)
        counts["labelled"] += bool(weights)
        accepted = _accepted(weights, mapping["labels"]) & known
        if not accepted:
            continue
        counts["mapped"] += 1
        findings = _findings(row, mapping["findings"])
        counts["answered"] += bool(findings.present or findings.absent)
        if not all(_ticked(row, columns) for columns in mapping["meta"]["complete"]):
            continue
        tone = _tone(row, label)
        cases.append(
            Case(
                id=row["case_id"],
                findings=findings,
                age_months=_OLD_MONTHS if row["age_group"] in _OLD_AGES else _ADULT_MONTHS,
                accepted=accepted,
                tone=tone,
                darker=_darker(row, label),
                kin=kin[row["case_id"]],
            )
        )
    return Reading(tuple(cases), counts["labelled"], counts["mapped"], counts["answered"])


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NoSuchData(f"{path} cannot be read: {error}.") from error
    if not rows or "case_id" not in rows[0]:
        raise NoSuchData(f"{path} is no table of SCIN: it has no column case_id.")
    return rows


def _weights(label: Row) -> dict[str, float]:
    """The dermatologists' differential, a Python dictionary as text in the published table."""
    try:
        return {str(name): float(weight) for name, weight in _literal(label).items()}
    except (ValueError, SyntaxError, AttributeError, TypeError) as error:
        raise NoSuchData(f"The labels of case {label['case_id']} cannot be read.") from error


def _literal(label: Row) -> Any:
    return ast.literal_eval(label["weighted_skin_condition_label"] or "{}")


def _accepted(weights: Mapping[str, float], labels: Mapping[str, Any]) -> frozenset[str]:
    """Every condition mapped from a label of the top weight."""
    top = max(weights.values(), default=0.0)
    names = (name for name, weight in weights.items() if weight == top and name in labels)
    return frozenset(condition for name in names for condition in labels[name]["conditions"])


# --- Findings ---------------------------------------------------------------------------------------
def _findings(row: Row, groups: Sequence[Mapping[str, Any]]) -> Findings:
    said: dict[str, bool] = {}
    for group in groups:
        if "values" in group:
            said |= group["values"].get(row[group["columns"]], {})
        elif _ticked(row, group["columns"]):
            said |= {name: False for name, rule in group["absent"].items() if _holds(row, rule)}
            said |= {name: True for name, columns in group["present"].items() if _any(row, columns)}
    return Findings(
        frozenset(name for name, seen in said.items() if seen),
        frozenset(name for name, seen in said.items() if not seen),
    )


def _ticked(row: Row, columns: str) -> bool:
    """Whether any box of a group like `textures_*` is ticked; a blank group was not answered."""
    stem = columns.removesuffix("*")
    return any(value == "YES" for name, value in row.items() if name.startswith(stem))


def _any(row: Row, columns: Iterable[str]) -> bool:
    return any(row[name] == "YES" for name in columns)


def _holds(row: Row, rule: Mapping[str, Sequence[str]]) -> bool:
    return all(row[name] == "YES" for name in rule["ticked"]) and not _any(row, rule["not_ticked"])


# --- Who --------------------------------------------------------------------------------------------
def _tone(row: Row, label: Row) -> str:
    """By the person's own answers, else by the first dermatologist who said."""
    said = [row["fitzpatrick_skin_type"], *_estimates(label)]
    first = next((each for each in said if each[:3] == "FST" and each[3:].isdigit()), None)
    return TONES[(int(first[3:]) - 1) // 2] if first else "unknown"


def _darker(row: Row, label: Row) -> bool:
    said = (row["fitzpatrick_skin_type"], *_estimates(label))
    return row["race_ethnicity_black_or_african_american"] == "YES" or any(each in _DARK for each in said)


def _estimates(label: Row) -> list[str]:
    return [label[f"dermatologist_fitzpatrick_skin_type_label_{number}"] for number in (1, 2, 3)]


def _kin(rows: Sequence[Row]) -> dict[str, str]:
    """Case id -> the first case that it is joined to by a common picture, directly or through others."""
    parent = {row["case_id"]: row["case_id"] for row in rows}

    def root(case: str) -> str:
        while parent[case] != case:
            case = parent[case]
        return case

    seen: dict[str, str] = {}
    for row in rows:
        for number in (1, 2, 3):
            picture = row[f"image_{number}_path"]
            if picture:
                parent[root(row["case_id"])] = root(seen.setdefault(picture, row["case_id"]))
    return {case: root(case) for case in parent}
