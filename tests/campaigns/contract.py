"""Generated requests against every operation of a running service, every check of schemathesis on.

`make campaign NAME=contract ARGS="--examples 100"`: no answer may be a server error, have a status, type or
shape that the document does not state, or accept what the document forbids.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from dermatech.contract.__main__ import FOLDER, OPENAPI
from tests.services.stack import ROOT, Stack

_CONFIG = Path(__file__).with_name("contract.toml")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="contract", description=__doc__)
    parser.add_argument("--examples", type=int, default=60, help="most of each operation")
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
            return _against(stack, examples=asked.examples, seed=asked.seed)
        finally:
            stack.stop()


def _against(stack: Stack, *, examples: int, seed: int | None) -> int:
    account = stack.accounts()["ama"]
    url = f"http://127.0.0.1:{stack.place.port}"
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.campaigns._contract_hooks",
        "CONTRACT_URL": url,
        "CONTRACT_EMAIL": account.email,
        "CONTRACT_PASSWORD": account.password,
    }
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(_CONFIG), "--no-color"]
    command += ["run", str(FOLDER / OPENAPI), "--url", url, "--continue-on-failure"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(examples)]
    if seed is not None:
        command += ["--seed", str(seed)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    print(done.stdout[-6000:] if done.returncode else "\n".join(_summary(done.stdout)))
    return done.returncode


def _summary(text: str) -> list[str]:
    wanted = re.compile(r"Selected:|Tested:|Test cases:|generated|Seed:|passed")
    return [line.strip() for line in text.splitlines() if wanted.search(line)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
