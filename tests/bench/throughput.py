"""How many cases a machine takes: analyses a second with 1, 2 and 4 worker processes, consultations with a
photo a second with 1 and 2 web processes, and what follows for a country of pharmacies."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import Figure
from tests.campaigns._trial import Broken, Sender, short_folder, small_photo

_CASES = int(os.environ.get("BENCH_CASES") or "60")
# What a pharmacy sends on a busy day, and which part of it in the busiest hour.
PHARMACIES, CASES_A_DAY, BUSIEST_HOUR = 10_000, 10, 0.2


def measure() -> Iterator[Figure]:
    one_web = one_worker = 0.0
    for web in (1, 2):
        rate = _taken(web)
        one_web = one_web or rate
        yield Figure(f"consultations with a photo, {web} web", rate, "per s", better="higher")
        yield Figure(f"  {web} web to 1", rate / one_web, "ratio", "1 web process", better="higher")
    for workers in (1, 2, 4):
        rate = _done(workers)
        one_worker = one_worker or rate
        yield Figure(f"analyses, {workers} worker processes", rate, "per s", better="higher")
        yield Figure(f"  {workers} workers to 1", rate / one_worker, "ratio", "1 worker", better="higher")
    peak = PHARMACIES * CASES_A_DAY * BUSIEST_HOUR / 3600
    yield Figure(f"{PHARMACIES:,} pharmacies, busiest hour", peak, "per s")
    yield Figure("  web processes for that", peak / one_web, "", "what one takes here")
    yield Figure("  worker processes for that", peak / one_worker, "", "what one does here")


def _taken(web: int) -> float:
    """Consultations a second, from four pharmacists at once; no worker competes."""
    with tempfile.TemporaryDirectory(prefix=short_folder("web")) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL is not run by root
        stack = Broken(Path(folder), database="postgres", workers=1, web=web)
        try:
            stack.begin()
            stack.kill("worker0")
            return _send(stack, _CASES)
        finally:
            stack.stop()


def _send(stack: Broken, count: int) -> float:
    numbers = iter(range(count))
    lock = threading.Lock()
    senders = [Sender(stack) for _ in range(4)]
    for number, sender in enumerate(senders):
        sender.send(small_photo(1_000_000 + number))

    def work(sender: Sender) -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            sender.send(small_photo(number))

    began = time.monotonic()
    threads = [threading.Thread(target=work, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.monotonic() - began)


def _done(workers: int) -> float:
    """Analyses a second of a queue that is full when the workers begin; nothing is sent meanwhile."""
    with tempfile.TemporaryDirectory(prefix=short_folder("work")) as folder:
        Path(folder).chmod(0o755)
        extra = {"WORKER_CONCURRENCY": str(workers)}
        stack = Broken(Path(folder), database="postgres", workers=1, extra=extra)
        try:
            stack.begin()
            stack.kill("worker0")
            _send(stack, _CASES)
            stack.keep_up()
            _until(stack, 4)  # they have started, and every one has loaded what it needs
            before, began = stack.states()["succeeded"], time.monotonic()
            _until(stack, _CASES)
            return (stack.states()["succeeded"] - before) / (time.monotonic() - began)
        finally:
            stack.stop()


def _until(stack: Broken, succeeded: int) -> None:
    until = time.monotonic() + 300
    while stack.states()["succeeded"] < succeeded and time.monotonic() < until:
        time.sleep(0.05)
