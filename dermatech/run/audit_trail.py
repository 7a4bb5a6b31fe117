"""The last chapter: what the audit log holds of this consultation, and the proof that it is whole.

Uses the commands that an auditor types: `manage.py export_audit` and the offline verifier.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dermatech.run.preflight import ROOT
from dermatech.run.terminal import Terminal

VERIFIER = "accounts/audit/verifier.py"
_COMMAND_SECONDS = 120


class TrailBroken(Exception):
    """The log could not be exported, lacks an event, or did not verify."""


def _run(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  # commands of ours, no shell
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=_COMMAND_SECONDS,
        stdin=subprocess.DEVNULL,
    )


def _manage(*arguments: str) -> str:
    """What a management command said; raises TrailBroken with its last line."""
    done = _run(["manage.py", *arguments])
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise TrailBroken(f"`manage.py {arguments[0]}` failed: {lines[-1] if lines else 'it gave no reason'}")
    return done.stdout


def _key(said: str) -> str:
    """The key that an auditor pins, from what `export_audit` said."""
    for line in said.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Public key":
            return value.strip()
    raise TrailBroken("`manage.py export_audit` did not name the key that it signed with")


def events_of(folder: Path, consultation: str) -> list[dict[str, Any]]:
    """The exported events that concern one consultation, in the order of the log."""
    with (folder / "events.jsonl").open(encoding="utf-8") as file:
        return [event for event in map(json.loads, file) if event["patient"] == consultation]


def _line(event: dict[str, Any]) -> str:
    """14:47:22  Ama Mensah  consultation.created"""
    outcome = "" if event["outcome"] == "success" else f"  ({event['outcome']})"
    return f"{event['recorded_at'][11:19]}  {event['agent']['name']:<12}  {event['action']}{outcome}"


def show(told: Terminal, consultation: str, exports: Path) -> None:
    """Export into a new folder below `exports`, list, verify; raises TrailBroken when it fails.

    The bundle stays there, so that the command that is shown can be typed again."""
    told.heading("What the audit log holds of this, and the proof that it is whole")
    folder = exports / consultation
    key = _key(_manage("export_audit", "--out", str(folder)))
    events = events_of(folder, consultation)
    command = ["-I", VERIFIER, str(folder), "--key", key]
    done = _run(command)
    for event in events:
        told.line(_line(event), indent=3, hang=10)
    told.line()
    told.line(
        f"{len(events)} events, sealed into a signed Merkle tree. Exported and checked by one file that "
        "needs neither Django nor this server, nor trusts it:",
        indent=3,
    )
    told.line("$ " + shlex.join(["python3", *command]), "dim", indent=3, hang=4)
    for line in (done.stdout + done.stderr).splitlines():
        if line.strip():
            told.line(line.strip(), "green" if done.returncode == 0 else "red", indent=5, hang=2)
    if done.returncode != 0:
        raise TrailBroken("the audit log did not verify")
    if not any(event["action"] == "analysis.succeeded" for event in events):
        raise TrailBroken("the audit log lacks the analysis that was just made")
