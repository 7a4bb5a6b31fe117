"""What `tests.bench.audit` runs in processes of its own: one word, an answer in JSON."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django


def migrate() -> dict[str, Any]:
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    return {}


def seed(events: str) -> dict[str, Any]:
    from tests.bench._audit_seed import seed as seeding

    return {"size": seeding(int(events))}


def export(folder: str) -> dict[str, Any]:
    from accounts.audit.export import write_bundle
    from accounts.audit.sealer import latest_checkpoint

    checkpoint = latest_checkpoint()
    assert checkpoint is not None
    before = _peak_mb()
    began = time.perf_counter()
    bundle = write_bundle(Path(folder), checkpoint=checkpoint)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds, "own_mb": _peak_mb() - before,
        "faithful": bundle.faithful, "events": bundle.events,
    }  # fmt: skip


def _peak_mb() -> float:
    """Of this process alone; `ru_maxrss` would be its parent's where that is larger."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


def verify(folder: str) -> dict[str, Any]:
    from accounts.audit import verifier
    from accounts.audit.keys import signing_key

    key = verifier.Key(signing_key().verifier_key)
    began = time.perf_counter()
    report = verifier.verify(folder, key)
    seconds = time.perf_counter() - began
    assert not report.problems, report.problems
    return {"seconds": seconds}


def append(writers: str, each: str) -> dict[str, Any]:
    """Milliseconds that recording adds to a request, with so many writers at once and the sealer at
    work: the same transaction is timed with and without its event."""
    from tests.bench._audit_append import added

    times = sorted(added(int(writers), int(each)))
    return {"median_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)]}


_WORDS: dict[str, Callable[..., dict[str, Any]]] = {
    "migrate": migrate, "seed": seed, "export": export, "verify": verify, "append": append,
}  # fmt: skip

if __name__ == "__main__":
    django.setup()
    print(json.dumps(_WORDS[sys.argv[1]](*sys.argv[2:])))
