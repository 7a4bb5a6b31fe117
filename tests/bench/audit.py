"""A large audit log: export, verification, and what recording costs a request.

`AUDIT_EVENTS` sets the size of the log (200,000; a million takes ten minutes), `AUDIT_BENCH` picks databases
("postgres sqlite"). Exports run in processes of their own, so that their memory is theirs alone.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import Figure
from tests.bench._processes import peak_of_command

ROOT = Path(__file__).resolve().parents[2]
EVENTS = int(os.environ.get("AUDIT_EVENTS", "200000"))
REQUESTS_PER_WRITER = 100
_ROWS = """
SELECT e.canonical_json, l.table_row FROM accounts_auditleaf l
JOIN accounts_auditevent e ON e.id = l.event_id ORDER BY l.seq
"""


def measure() -> Iterator[Figure]:
    scratch = Path(tempfile.mkdtemp(prefix="dermatech-bench-audit-"))
    try:
        for name in os.environ.get("AUDIT_BENCH", "postgres sqlite").split():
            yield from _measure_on(name, scratch / name)
    finally:
        shutil.rmtree(scratch)


def _measure_on(name: str, scratch: Path) -> Iterator[Figure]:
    scratch.mkdir()
    environment = environment_of(name, scratch)
    child = _Child(environment)
    child.run("migrate")
    writers = 16 if name == "postgres" else 4
    child.run("seed", EVENTS)
    yield from _export_figures(name, scratch, child, environment)
    added = child.run("append", writers, REQUESTS_PER_WRITER)
    label = f"{name}: added to a request, {writers} writers"
    yield Figure(f"{label}, median", added["median_ms"], "ms")
    yield Figure(f"{label}, p99", added["p99_ms"], "ms", bound=5.0)


def _export_figures(
    name: str, scratch: Path, child: "_Child", environment: dict[str, str]
) -> Iterator[Figure]:
    bundle, url = scratch / "bundle", environment["DATABASE_URL"]
    warm = _peer(name, url, _ROWS, scratch / "peer")  # both sides then read from the same caches
    best = {"seconds": float("inf"), "own_mb": 0.0}
    peers, narrow = [warm], _ROWS.replace(", l.table_row", "")
    for _ in range(2):
        shutil.rmtree(bundle, ignore_errors=True)
        made = child.run("export", bundle)
        assert made["faithful"], "the bundle does not lead to the signed root"
        best = {
            "seconds": min(best["seconds"], made["seconds"]),
            "own_mb": max(best["own_mb"], made["own_mb"]),
        }
        peers.append(_peer(name, url, _ROWS, scratch / "peer"))
    lines_only = min(_peer(name, url, narrow, scratch / "peer") for _ in range(2))
    peer, bound = ("psql \\copy", 0.7) if name == "postgres" else ("sqlite3 -csv", 0.25)
    size = sum(path.stat().st_size for path in bundle.iterdir()) / 1e6
    yield Figure(f"{name}: whole bundle of {EVENTS:,} events", best["seconds"], "s")
    yield Figure(f"{name}: size of the bundle", size, "MB")
    ratio = min(peers) / best["seconds"]
    yield Figure(f"{name}: export speed", ratio, "ratio", f"{peer}, same rows", bound, "higher")
    yield Figure(f"{name}: export speed", lines_only / best["seconds"], "ratio", f"{peer}, JSON lines only")
    peak = peak_of_command(environment, "export_audit", "--out", str(scratch / "by_command"))
    shutil.rmtree(scratch / "by_command")
    yield Figure(f"{name}: peak memory of manage.py export_audit", peak, "MB", bound=100)
    yield Figure(f"{name}: of it what the export itself needed", best["own_mb"], "MB")
    verified = min(child.run("verify", bundle)["seconds"] for _ in range(2))
    bare = min(_bare_loop(bundle) for _ in range(2))
    yield Figure(f"{name}: verification", verified / bare, "ratio", "bare hashlib loop", 3.0)
    yield Figure(f"{name}: verification", verified, "s")


def _bare_loop(bundle: Path) -> float:
    """Hash the same bytes and do nothing else: the events line by line, the table in blocks."""
    began = time.perf_counter()
    with (bundle / "events.jsonl").open("rb") as file:
        for line in file:
            hashlib.sha256(line).digest()
    with (bundle / "events.csv").open("rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.perf_counter() - began


def _peer(name: str, url: str, rows: str, target: Path) -> float:
    """Seconds in which the database's own tool writes the rows into a file."""
    one_line = " ".join(rows.split())
    if name == "postgres":
        command = ["psql", "-q", url, "-c", f"\\copy ({one_line}) TO '{target}'"]
    else:
        command = ["sqlite3", "-csv", url.removeprefix("sqlite:///"), one_line]
    began = time.perf_counter()
    with open(os.devnull if name == "postgres" else target, "wb") as output:
        subprocess.run(command, check=True, stdout=output)
    seconds = time.perf_counter() - began
    target.unlink()
    return seconds


def environment_of(name: str, scratch: Path) -> dict[str, str]:
    if name == "postgres":
        from tests.services import postgres

        url = postgres.create_database("bench_audit")
    else:
        url = f"sqlite:///{scratch / 'bench.sqlite3'}"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "PG"))}
    return {**clean, "DATABASE_URL": url, "DATA_DIR": str(scratch / "data"), "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "dermatech.settings", "PGOPTIONS": ""}  # fmt: skip


class _Child:
    """Runs `tests.bench._audit_child` in that environment; its last line is the answer."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def run(self, *words: Any) -> dict[str, Any]:
        command = [sys.executable, "-m", "tests.bench._audit_child", *map(str, words)]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{words[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer
