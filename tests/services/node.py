"""The packages of tests/node, for what the app's developers use."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "node"


def missing() -> str:
    """Why nothing of it can run here; empty when it can."""
    if shutil.which("node") is None:
        return "there is no node on this machine"
    if not (FOLDER / "node_modules" / ".installed").exists():
        return "the packages of tests/node are not installed: make node"
    return ""


def run(script: str, given: Any) -> Any:
    """The answer of a script of tests/node to `given`, both JSON."""
    done = subprocess.run(
        ["node", script], cwd=FOLDER, input=json.dumps(given), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def tool(name: str) -> Path:
    """A program of one of the packages."""
    return FOLDER / "node_modules" / ".bin" / name
