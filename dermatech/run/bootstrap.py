"""Make `.venv` from a lock file; run by the machine's own python3, so the standard library alone.

    python3 -I dermatech/run/bootstrap.py requirements.txt

Nothing is installed again while the lock file is unchanged. Where Debian left `ensurepip` out of
its python3, the machine's own pip installs into the new environment.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, ".installed.json")
# The lock of tests and tools holds everything of the lock that production installs.
INCLUDES = {"tests/requirements.txt": ["requirements.txt"]}
# Twice quiet: errors are shown, remarks about mirrors are not.
_QUIET = ["--quiet", "--quiet", "--disable-pip-version-check", "--no-input"]


class BootstrapFailed(Exception):
    """One line for the person at the keyboard."""


def digest(lock: str) -> str:
    """SHA-256 of a lock file and of the Python it was installed for."""
    with open(os.path.join(ROOT, lock), "rb") as file:
        return hashlib.sha256(file.read() + sys.version.encode()).hexdigest()


def installed() -> "dict[str, str]":
    """Lock file -> digest at its last installation; empty when there is no usable environment."""
    if not os.path.exists(PYTHON):
        return {}
    try:
        with open(STAMP) as file:
            return dict(json.load(file))
    except (OSError, ValueError):
        return {}


def _has_pip(python: str) -> bool:
    command = [python, "-I", "-m", "pip", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


def _usable() -> bool:
    """Whether `.venv` runs at all: its base Python may have been upgraded away."""
    if not os.path.exists(PYTHON):
        return False
    return subprocess.run([PYTHON, "-I", "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603


def make_environment() -> "list[str]":
    """Create `.venv` where needed; the command that runs pip for it."""
    if not _usable():
        shutil.rmtree(VENV, ignore_errors=True)
        print("Making a virtual environment in .venv", flush=True)
        made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, check=False)  # noqa: S603
        if made.returncode != 0:
            shutil.rmtree(VENV, ignore_errors=True)
            bare = [sys.executable, "-m", "venv", "--without-pip", VENV]
            if subprocess.run(bare, capture_output=True, check=False).returncode != 0:  # noqa: S603
                raise BootstrapFailed(
                    "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv"
                )
    if _has_pip(PYTHON):
        return [PYTHON, "-I", "-m", "pip"]
    if _has_pip(sys.executable):
        return [sys.executable, "-m", "pip", "--python", PYTHON]
    raise BootstrapFailed("pip is missing; on Debian: apt-get install python3-venv (or python3-pip)")


def install(lock: str) -> None:
    """Bring `.venv` to the state of `lock`; raises BootstrapFailed with one clear line."""
    if not os.path.exists(os.path.join(ROOT, lock)):
        raise BootstrapFailed(lock + " is missing from this checkout")
    wanted = digest(lock)
    if installed().get(lock) == wanted:
        return
    pip = make_environment()
    print(
        "Installing the locked packages of " + lock + " (hashes checked); the first time takes a few minutes"
    )
    sys.stdout.flush()
    command = [*pip, "install", *_QUIET, "--require-hashes", "-r", os.path.join(ROOT, lock)]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603
        raise BootstrapFailed("pip could not install " + lock + "; its own message is above")
    stamps = {lock: wanted}
    for contained in INCLUDES.get(lock, []):
        stamps[contained] = digest(contained)
    with open(STAMP, "w") as file:
        json.dump(stamps, file)


def main(locks: "list[str]") -> int:
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        print("DermaTech needs Python 3.11 or newer; python3 here is " + found + ".", file=sys.stderr)
        return 2
    try:
        for lock in locks:
            install(lock)
    except BootstrapFailed as problem:
        print("Cannot prepare .venv: " + str(problem) + ".", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["requirements.txt"]))
