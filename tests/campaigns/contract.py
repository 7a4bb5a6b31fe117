"""Generated requests against every operation of a running service, every check of schemathesis on.

`make campaign NAME=contract` sends 5,000 (`ARGS="--at-least 20000"` for a night): no answer may be a server
error, have a status, type or shape that the document does not state, refuse what the document allows or
accept what it forbids. The first round goes through every boundary of every parameter, later ones, with
other seeds, only through generated requests, until there were enough.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dermatech.contract.__main__ import OPENAPI
from tests.services.stack import ROOT, Stack

_CONFIG = Path(__file__).with_name("contract.toml")
_ALL, _GENERATED = "examples,coverage,fuzzing", "fuzzing"
_MOST_ROUNDS = 40
_REPORTS = ROOT / ".schemathesis"


@dataclass(frozen=True)
class _Round:
    """What one run of schemathesis found. `requests`: test cases that were sent."""

    requests: int
    returned: int
    text: str


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="contract", description=__doc__)
    parser.add_argument("--at-least", type=int, default=5_000, help="requests in all; 20000 for a night")
    parser.add_argument("--examples", type=int, default=60, help="most of each operation in a round")
    parser.add_argument("--only", default="", help="operation ids, comma separated; all when left out")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args(arguments)
    # Thousands of wrong sign-ins from one address are the point here.
    names = ("login_account", "login_device", "login_address", "login_everywhere")
    os.environ["ACCOUNT_LIMITS"] = json.dumps({name: [1_000_000, 60] for name in names})
    with tempfile.TemporaryDirectory(prefix="dt-contract-") as folder:
        stack = Stack(Path(folder), database=asked.database)
        stack.start()
        try:
            document = Path(folder) / OPENAPI  # of this code, whatever is committed
            stack.run("manage.py", "spectacular", "--format", "openapi-json", "--file", str(document))
            return _rounds(stack, document, asked)
        finally:
            stack.stop()


def _rounds(stack: Stack, document: Path, asked: argparse.Namespace) -> int:
    seed: int = random.randrange(10**9) if asked.seed is None else asked.seed
    sent = failed = 0
    for number in range(_MOST_ROUNDS):
        phases = _ALL if number == 0 else _GENERATED
        done = _against(stack, document, asked, phases=phases, seed=seed + number)
        sent += done.requests
        failed += done.returned != 0
        print(
            f"round {number + 1}, seed {seed + number}: {done.requests} requests, {sent} in all", flush=True
        )
        if done.returned:
            _REPORTS.mkdir(exist_ok=True)
            report = _REPORTS / f"contract-{seed + number}.txt"
            report.write_text(done.text, encoding="utf-8")
            print(f"{done.text[-4000:]}\nall of it: {report}", flush=True)
        if not done.requests or sent >= asked.at_least:
            break
    print(f"{sent} requests, {failed or 'no'} rounds with findings")
    return int(bool(failed) or sent < asked.at_least)


def _against(stack: Stack, document: Path, asked: argparse.Namespace, *, phases: str, seed: int) -> _Round:
    account = stack.accounts()["ama"]
    auditor = stack.accounts()["efua"]
    url = f"http://127.0.0.1:{stack.place.port}"
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.campaigns._contract_hooks",
        "CONTRACT_URL": url,
        "CONTRACT_EMAIL": account.email,
        "CONTRACT_PASSWORD": account.password,
        "CONTRACT_AUDITOR_EMAIL": auditor.email,
        "CONTRACT_AUDITOR_PASSWORD": auditor.password,
    }
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(_CONFIG), "--no-color"]
    command += ["run", str(document), "--url", url, "--continue-on-failure", "--seed", str(seed)]
    command += ["--phases", phases, "--max-examples", str(asked.examples)]
    for operation in filter(None, asked.only.split(",")):
        command += ["--include-operation-id", operation]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    counted = re.search(r"([\d,]+) generated", done.stdout)
    return _Round(
        requests=int(counted.group(1).replace(",", "")) if counted else 0,
        returned=done.returncode,
        text=done.stdout + done.stderr,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
