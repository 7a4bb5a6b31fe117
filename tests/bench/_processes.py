"""Processes of their own, and the memory that they had."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# `ru_maxrss` would be the parent's where that is larger; this is of the process alone.
_MANAGE = """
import atexit, runpy, sys
def tell():
    lines = open("/proc/self/status").read().splitlines()
    print(next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")))
atexit.register(tell)
sys.argv = ["manage.py", *sys.argv[1:]]
runpy.run_path("manage.py", run_name="__main__")
"""


def python(script: str, environment: Mapping[str, str], *arguments: str) -> str:
    """What `script` printed, run from the repository's root. Raises RuntimeError with what it said."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{arguments} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def peak_of_command(environment: Mapping[str, str], *arguments: str) -> float:
    """The most that `manage.py` with these arguments had in memory, megabytes."""
    return float(python(_MANAGE, environment, *arguments).splitlines()[-1])
