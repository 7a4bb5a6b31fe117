"""Recommendations for patients made by chance, each judged by an oracle that shares no code with the engine.

`make campaign NAME=recommend ARGS="[PATIENTS] [SEED]"`. Nothing contraindicated, out of its age or weight
band, over a maximum or outside the cadre may be proposed; nothing may be left out without a cause that the
oracle finds too; every exclusion names a rule of the release; the same question has the same bytes, from a
formulary parsed anew and under another hash seed.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from medications.engine import Formulary, Patient, parse_formulary, recommend
from tests.campaigns._against import Question
from tests.campaigns._oracle import Oracle
from tests.campaigns._patients import Generator
from tests.medications.standalone import starter_snapshot

PATIENTS = 50_000
SEED = 20_260
SAMPLE = 3_000  # of them are asked again in a process of another hash seed


@dataclass
class Tally:
    """What was seen. `faults` hold the first few in words."""

    patients: int = 0
    proposed: int = 0
    not_supplied: int = 0
    doses: int = 0
    excluded: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    rules: set[str] = field(default_factory=set)
    treatments: set[str] = field(default_factory=set)
    faulty: int = 0
    faults: list[str] = field(default_factory=list)
    unlike: int = 0

    def add(self, answer: Mapping[str, Any]) -> None:
        self.patients += 1
        self.proposed += len(answer["recommendations"])
        self.not_supplied += sum(not row["may_supply"] for row in answer["recommendations"])
        self.doses += sum(" mg" in row["dose"][:12] for row in answer["recommendations"])
        self.treatments.update(row["treatment"] for row in answer["recommendations"])
        self.excluded += len(answer["excluded"])
        for row in answer["excluded"]:
            self.codes[row["code"]] += 1
            self.rules.update(reason["rule"] for reason in row["reasons"])


def answer_of(question: Question, formulary: Formulary) -> dict[str, Any]:
    """The engine's answer as the API gives it."""
    weight = question.weight_kg
    return recommend(
        condition=question.condition,
        patient=Patient(
            age_months=question.age_months,
            weight_kg=None if weight is None else Decimal(weight),
            sex=question.sex,
            pregnant=question.pregnant,
            breastfeeding=question.breastfeeding,
            allergies=tuple(word.text for word in question.allergies),
            current_medicines=tuple(word.text for word in question.medicines),
            conditions=tuple(word.text for word in question.conditions),
        ),
        facts=question.facts,
        formulary=formulary,
        cadre=question.cadre,
        level=question.level,
        prescription=question.prescription,
        level_rules=[question.level_rule],
    ).as_dict()


def as_bytes(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()


def run(patients: int, seed: int, snapshot: Mapping[str, Any]) -> Tally:
    """Ask and judge `patients` questions."""
    oracle, tally = Oracle(snapshot), Tally()
    formulary = parse_formulary(snapshot)
    again = parse_formulary(json.loads(json.dumps(snapshot)))
    for question in Generator(snapshot, seed).questions(patients):
        answer = answer_of(question, formulary)
        tally.add(answer)
        if as_bytes(answer) != as_bytes(answer_of(question, again)):
            tally.unlike += 1
        if faults := oracle.wrong(question, answer):
            tally.faulty += 1
            if len(tally.faults) < 20:
                tally.faults.append(f"{question}\n      " + "\n      ".join(faults[:5]))
    return tally


def digest(patients: int, seed: int) -> str:
    """Of all answers together, to be compared between processes."""
    snapshot, whole = starter_snapshot(), hashlib.sha256()
    formulary = parse_formulary(snapshot)
    for question in Generator(snapshot, seed).questions(patients):
        whole.update(as_bytes(answer_of(question, formulary)))
    return whole.hexdigest()


def digest_elsewhere(patients: int, seed: int, hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.campaigns", "recommend", "--digest", str(patients), str(seed)]
    ran = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip().splitlines()[-1]


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--digest"]:
        print(digest(int(arguments[1]), int(arguments[2])))
        return 0
    patients = int(arguments[0]) if arguments else PATIENTS
    seed = int(arguments[1]) if len(arguments) > 1 else SEED
    snapshot, began = starter_snapshot(), time.monotonic()
    tally = run(patients, seed, snapshot)
    took = time.monotonic() - began
    sample = min(SAMPLE, patients)
    digests = {digest_elsewhere(sample, seed, hash_seed) for hash_seed in ("1", "2")}
    print(f"{tally.patients} patients, seed {seed}, {took:.0f} s")
    print(f"  proposed           {tally.proposed:>8}  ({tally.doses} with a dose in mg)")
    print(f"  may_supply false   {tally.not_supplied:>8}")
    print(f"  excluded           {tally.excluded:>8}  naming {len(tally.rules)} rules of the release")
    for code, count in tally.codes.most_common():
        print(f"    {code:<16} {count:>8}")
    total = len(snapshot["treatments"])
    print(f"  treatments ever proposed: {len(tally.treatments)} of {total}")
    print(f"  other bytes from a formulary parsed anew: {tally.unlike}")
    print(f"  {sample} of them under two other hash seeds: {'same' if len(digests) == 1 else 'OTHER'} bytes")
    print(f"  patients with a fault: {tally.faulty}")
    for fault in tally.faults:
        print(f"    {fault}")
    return 0 if not (tally.faulty or tally.unlike) and len(digests) == 1 else 1
