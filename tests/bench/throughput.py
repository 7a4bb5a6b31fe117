"""How many cases a machine takes: consultations with a 12-megapixel photo a second with 1 and 2 web
processes, analyses by the project's image model a second with 1, 2 and 4 worker processes, and what follows
for a country of pharmacies. On PostgreSQL; the machine that measures also sends."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import Figure
from tests.bench.end_to_end import install, unlike
from tests.bench.photos import daylight
from tests.campaigns._trial import Broken, Sender, short_folder
from tests.consultations.imaging.pictures import pack

_CASES = int(os.environ.get("BENCH_CASES") or "60")
_PHONES = 4
SENT = (1600, 1200)  # README, "Bad networks"
# What a pharmacy sends on a busy day, and which part of it in the busiest hour.
PHARMACIES, CASES_A_DAY, BUSIEST_HOUR = 10_000, 10, 0.2


def measure() -> Iterator[Figure]:
    whole = daylight()
    photos = {
        "of 12 megapixels": pack(whole, "JPEG", quality=90),
        "as the app should send it": pack(whole.resize(SENT), "JPEG", quality=80),
    }
    daylight.cache_clear()
    web: dict[str, float] = {}
    worker = 0.0
    for processes in (1, 2):
        with _stack(processes) as stack:
            for kind, photo in photos.items():
                rate = _send(stack, photo)
                yield Figure(f"consultations with a photo {kind}, {processes} web", rate, "per s")
                first = web.setdefault(kind, rate)
                yield Figure(
                    f"  {processes} web to 1", rate / first, "ratio", "1 web process", better="higher"
                )
            for workers in (1, 2, 4) if processes == 2 else ():
                if workers > 1:
                    _send(stack, photo)
                rate = _done(stack, workers)
                worker = worker or rate
                yield Figure(f"analyses, {workers} worker processes", rate, "per s")
                yield Figure(f"  {workers} workers to 1", rate / worker, "ratio", "1 worker", better="higher")
    peak = PHARMACIES * CASES_A_DAY * BUSIEST_HOUR / 3600
    yield Figure(f"{PHARMACIES:,} pharmacies, busiest hour", peak, "per s")
    for kind, rate in web.items():
        yield Figure(f"  web processes for that, photos {kind}", peak / rate, "", "what one takes here")
    yield Figure("  worker processes for that", peak / worker, "", "what one does here")


@contextmanager
def _stack(web: int) -> Iterator[Broken]:
    """A service whose worker is stopped, so that nothing competes."""
    with tempfile.TemporaryDirectory(prefix=short_folder("rate")) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL is not run by root
        stack = Broken(Path(folder), database="postgres", workers=1, web=web)
        try:
            stack.begin()
            install(stack, Path(folder))
            stack.kill("worker0")
            yield stack
        finally:
            stack.stop()


def _send(stack: Broken, photo: bytes) -> float:
    """Consultations a second, from four pharmacists at once, to processes that have seen photos."""
    senders = [Sender(stack) for _ in range(_PHONES)]
    _all(senders, photo, 4 * _PHONES)
    began = time.monotonic()
    _all(senders, photo, _CASES)
    return _CASES / (time.monotonic() - began)


def _all(senders: list[Sender], photo: bytes, count: int) -> None:
    numbers = iter(range(count))
    lock = threading.Lock()

    def work(sender: Sender) -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            sender.send(unlike(photo))

    threads = [threading.Thread(target=work, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _done(stack: Broken, workers: int) -> float:
    """Analyses a second out of a queue that is full when the workers begin; nothing is sent meanwhile."""
    stack.environment["WORKER_CONCURRENCY"] = str(workers)
    before = stack.states()
    stack.keep_up()
    # All of them have started, and have loaded what they need.
    first = _until(stack, before["succeeded"] + 3 * workers)
    began = time.monotonic()
    last = _until(stack, before["succeeded"] + before["queued"])
    rate = (last - first) / (time.monotonic() - began)
    stack.kill("worker0")
    return rate


def _until(stack: Broken, succeeded: int) -> int:
    """How many there are, as soon as there are that many."""
    until = time.monotonic() + 300
    while True:
        there = stack.states()["succeeded"]
        if there >= succeeded or time.monotonic() > until:
            return there
        time.sleep(0.2)
