"""Leaflets: milliseconds for one, and whether building many of them eats memory."""

import statistics
import time
from collections.abc import Iterable
from pathlib import Path

from tests.bench import Figure
from tests.consultations.documents.pages import page

_ROUNDS = 40
_MANY = 400


def measure() -> Iterable[Figure]:
    page("Warm", medicines=12)
    for medicines, name in ((1, "leaflet, 1 medicine"), (12, "leaflet, 12 medicines")):
        times = sorted(_milliseconds(f"Osu {n}", medicines) for n in range(_ROUNDS))
        yield Figure(f"{name}, median", statistics.median(times), "ms", bound=300)
        yield Figure(f"{name}, 95th percentile", times[int(0.95 * _ROUNDS)], "ms", bound=300)
    for n in range(100):
        page(f"Before {n}", medicines=3)
    before = _resident()
    for n in range(_MANY):
        page(f"After {n}", medicines=3)
    yield Figure(f"memory kept after {_MANY} more leaflets", _resident() - before, "MB", bound=20)


def _milliseconds(name: str, medicines: int) -> float:
    began = time.perf_counter()
    page(name, medicines=medicines)
    return 1000 * (time.perf_counter() - began)


def _resident() -> float:
    """Of this process, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
