"""Triage: assessing all rules, to json-logic-qubit on the same rules, and replaying past consultations.

`TRIAGE_CASES` sets how many consultations are replayed (10,000). Runs in a process of its own, on a
SQLite database of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import Figure

ROOT = Path(__file__).resolve().parents[2]
CASES = int(os.environ.get("TRIAGE_CASES", "10000"))
_PEER = "json-logic-qubit, rules alone"


def measure() -> Iterator[Figure]:
    child = subprocess.run(
        [sys.executable, "-m", "tests.bench._triage_child", str(CASES)],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE": "sqlite", "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(child.stdout.splitlines()[-1])
    yield Figure(
        f"assess: {found['rules']} rules, asks and reasons, mean", found["assess_ms"], "ms", bound=1.0
    )
    yield Figure("assess: the same, 99th percentile", found["assess_p99_ms"], "ms")
    yield Figure("assess: five diagnoses tried, mean", found["assess_five_ms"], "ms")
    if found["peer_ms"] is None:
        print("  json-logic-qubit is not installed: no ratio")
    else:
        yield Figure(
            "assess, to all rules in the peer", found["assess_ms"] / found["peer_ms"], "ratio", _PEER
        )
        yield Figure(
            "rules alone, to the same", found["fires_ms"] / found["peer_ms"], "ratio", _PEER, bound=1.0
        )
    replayed = f"replay of {found['cases']:,} consultations"
    for name, what in (("rules", "rules changed"), ("matrix", "the matrix changed")):
        yield Figure(f"{replayed}, {what}", found[f"replay_{name}_s"], "s", bound=60.0)
        # Where others use the machine as well, this is what it took of it.
        yield Figure("  the same, time of the processor", found[f"replay_{name}_cpu_s"], "s", bound=60.0)
