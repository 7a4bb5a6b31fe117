"""What recording adds to a request, as the product runs: web processes with threads, the sealer in a
process of its own."""

import multiprocessing
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, transaction

from accounts.audit import Action, record
from accounts.audit.sealer import seal_pending
from accounts.models import Premises
from dermatech.core.ids import uuid7

# A request does other things, too: so many writers keep two processors busy as it is.
PAUSE_SECONDS = (0.1, 0.3)
_THREADS = 4  # of one process
_fork = multiprocessing.get_context("fork")


def added(writers: int, each: int) -> list[float]:
    """Milliseconds spent in `record` for each of `writers * each` requests, all writers at once and
    the sealer at work beside them."""
    rows = [
        Premises.objects.create(name=f"P{n}", licence_number=f"L/{n}", region="northern").pk
        for n in range(writers)
    ]
    connection.close()  # what is forked from here opens its own
    done, found = _fork.Event(), _fork.Queue()
    sealer = _fork.Process(target=_seal, args=(done,))
    shares = [rows[at : at + _THREADS] for at in range(0, writers, _THREADS)]
    processes = [_fork.Process(target=_serve, args=(share, each, found)) for share in shares]
    for process in (sealer, *processes):
        process.start()
    times = [spent for _ in processes for spent in found.get(timeout=600)]
    done.set()
    for process in (sealer, *processes):
        process.join()
    return times


def _seal(done: Any) -> None:
    while not done.wait(1.0):
        seal_pending()


def _serve(rows: list[uuid.UUID], each: int, found: Any) -> None:
    gate = threading.Barrier(len(rows))
    with ThreadPoolExecutor(len(rows)) as pool:
        found.put([spent for some in pool.map(lambda row: _write(row, each, gate), rows) for spent in some])


def _write(row: uuid.UUID, each: int, gate: threading.Barrier) -> list[float]:
    spent, pause = [], random.Random(str(row))
    gate.wait()
    for at in range(each):
        with transaction.atomic():
            Premises.objects.filter(pk=row).update(name=f"P {at}")
            began = time.perf_counter()
            record(
                actor=None, action=Action.CONSULTATION_UPDATED, patient=uuid7(),
                changes={"notes": f"{at}", "facts": {"duration_days": at}},
            )  # fmt: skip
            spent.append((time.perf_counter() - began) * 1000)
        time.sleep(pause.uniform(*PAUSE_SECONDS))
    connection.close()
    return spent[1:]  # the first opens the connection's statements
