"""From the phone's button to the finished answer, through HTTP, on the real processes: Redis, web, a worker
with two processes, the sealer, SQLite.

Every submission is a new consultation with a 12-megapixel JPEG of its own; the phone then long-polls until
the answer is there. The machine that measures also sends, so the figures of 16 phones include its work.
"""

import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from dermatech.run.client import Answer, Client, Part, RequestFailed
from dermatech.run.walk import WalkFailed, await_analysis
from tests.bench import Figure
from tests.bench._processes import ROOT
from tests.bench.photos import daylight
from tests.consultations.imaging.pictures import pack
from tests.consultations.inference import build
from tests.services.processes import eventually
from tests.services.stack import Stack

# Phones at once -> submissions of all of them together.
ROUNDS = {1: 20, 4: 40, 16: 80}
P95_BOUND_MS = 2000.0
WORKER_BOUND_MB = 300.0
_SHADOW = """
from consultations.inference.services import shadow_model
from consultations.models import ModelVersion
shadow_model(actor=None, version=ModelVersion.objects.get(version="9.9.9"))
"""
_MOST_TRIES = 10
_FIRST = 24
_CASE = {
    "patient": {"age_months": 600, "sex": "female"},
    "consent": {"photo": True, "data_use": True, "given_by": "patient", "language": "en"},
    "presentation": "lesion",
    "facts": {"duration_days": 60, "body_sites": ["face"], "fever": False},
    "findings": {"present": ["itchy"], "absent": ["fever"]},
}


@dataclass(frozen=True, slots=True)
class Trip:
    """One submission, in milliseconds: the whole, the answer to the upload, and the worker's own time.
    `refused`: how often the server was too busy and the phone had to ask again."""

    whole: float
    upload: float
    work: float
    refused: int

    @property
    def waiting(self) -> float:
        """For a worker to be free, and for the answer to be seen."""
        return max(0.0, self.whole - self.upload - self.work)


def measure() -> Iterable[Figure]:
    """Figures of 1, 4 and 16 phones, and of memory before and after."""
    photo = pack(daylight(), "JPEG", quality=90)
    daylight.cache_clear()
    with tempfile.TemporaryDirectory(prefix="dermatech-bench-") as name:
        stack = Stack(Path(name), database="sqlite")
        stack.environment["WORKER_CONCURRENCY"] = "2"
        stack.start()
        try:
            print(f"image model: {install(stack, Path(name))}", file=sys.stderr)
            token = _token(stack)
            _round(stack, token, photo, phones=16, count=_FIRST)  # every process has seen photos
            before = memory(stack)
            for phones, count in ROUNDS.items():
                began = time.perf_counter()
                trips = _round(stack, token, photo, phones=phones, count=count)
                yield from _figures(phones, trips, time.perf_counter() - began)
            yield from _of_memory(before, memory(stack), sum(ROUNDS.values()))
            yield _with_shadow(stack, token, photo, Path(name))
        except (RequestFailed, WalkFailed, RuntimeError):
            print(stack.log("worker")[-3000:], file=sys.stderr)
            raise
        finally:
            stack.stop()


def _package(folder: Path) -> Path:
    """The project's own image model; where it has none, the small one of the tests."""
    found = sorted(path.parent for path in (ROOT / "consultations").glob("**/model.onnx"))
    return found[0] if found else build.write_package(folder / "package")


def install(stack: Stack, folder: Path) -> str:
    """Put that model in force; its name."""
    package = _package(folder)
    stack.run("manage.py", "install_model", str(package), "--activate")
    return str(json.loads((package / "manifest.json").read_text())["name"])


def _token(stack: Stack) -> str:
    ama = stack.accounts()["ama"]
    answer = stack.client().post_json("/auth/login", {"email": ama.email, "password": ama.password})
    return str(answer.json()["access"])


def _round(stack: Stack, token: str, photo: bytes, *, phones: int, count: int) -> list[Trip]:
    """`count` submissions by `phones` that each send the next when the last is answered."""

    def submit(_: int) -> Trip:
        client = Client("127.0.0.1", stack.place.port, token=token)
        parts = [
            Part("data", json.dumps(_CASE).encode(), "application/json"),
            Part("image", unlike(photo), "image/jpeg", "photo.jpg"),
        ]
        began = time.perf_counter()
        answer, refused = _sent(client, parts)
        analysis = await_analysis(client, answer.json()["analysis"]["id"])
        whole = (time.perf_counter() - began) * 1000
        if analysis["status"] != "succeeded":
            raise RuntimeError(f"an analysis failed: {analysis}")
        return Trip(whole, answer.milliseconds, float(analysis["duration_ms"]), refused)

    with ThreadPoolExecutor(max_workers=phones) as crowd:
        return list(crowd.map(submit, range(count)))


def _sent(client: Client, parts: Sequence[Part]) -> tuple[Answer, int]:
    """The answer to an upload, asked again for as long as the server says that it is busy."""
    for refused in range(_MOST_TRIES):
        try:
            return client.post_form("/consultations", parts), refused
        except RequestFailed as failure:
            if "(photos_busy)" not in str(failure):
                raise
            time.sleep(1)
    raise RuntimeError("The server was too busy all the time.")


def unlike(photo: bytes) -> bytes:
    """The same pixels in a file that was never sent before: a comment of random bytes in front."""
    comment = os.urandom(16).hex().encode()
    return photo[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + photo[2:]


def _figures(phones: int, trips: Sequence[Trip], seconds: float) -> Iterable[Figure]:
    who = f"{phones} phone{'s' if phones > 1 else ''}"
    whole = [trip.whole for trip in trips]
    yield Figure(f"{who}: submit to answer, median", statistics.median(whole), "ms")
    yield Figure(
        f"{who}: submit to answer, p95", p95(whole), "ms", bound=P95_BOUND_MS if phones == 1 else None
    )
    yield Figure(f"{who}: analyses answered", 60 * len(trips) / seconds, "per min")
    yield Figure(f"{who}: uploads refused as too many at once", sum(t.refused for t in trips), "times")
    for part in ("upload", "waiting", "work"):
        spent = statistics.median(getattr(trip, part) for trip in trips)
        yield Figure(f"{who}: of it {part}, median", spent, "ms")


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 stay at or below (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]


# --- Memory -----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes. `pss` by program: shared pages are counted once, spread over who shares them. `worker`
    is the resident memory of the largest process that analyses."""

    pss: dict[str, float]
    worker: float


def memory(stack: Stack) -> Memory:
    """Of the programs of a stack, with all their children."""
    found: dict[str, float] = {}
    largest = 0.0
    for name, service in stack.services.items():
        family = [psutil.Process(service.process.pid)]
        family += family[0].children(recursive=True)
        full = [process.memory_full_info() for process in family]
        found[name] = sum(each.pss for each in full) / 1e6
        if name == "worker":
            largest = max(each.rss for each in full) / 1e6
    return Memory(found, largest)


def _with_shadow(stack: Stack, token: str, photo: bytes, folder: Path) -> Figure:
    """The largest process that analyses, once a second model has read photos in shadow beside the first."""
    model = stack.place.data_dir / "shadow"
    shutil.copytree(_package(folder), model)
    manifest = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps({**manifest, "version": "9.9.9"}))
    stack.run("manage.py", "install_model", str(model))
    stack.run("manage.py", "shell", "-v0", "-c", _SHADOW)
    _round(stack, token, photo, phones=4, count=_FIRST)
    eventually(lambda: _shadow_runs(stack) >= _FIRST - 2, within=60, every=1, what="shadow runs")
    return Figure(
        "worker process with a second model in shadow: resident", memory(stack).worker, "MB",
        bound=WORKER_BOUND_MB,
    )  # fmt: skip


def _shadow_runs(stack: Stack) -> int:
    (database,) = stack.place.data_dir.glob("*.sqlite3")
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM consultations_shadowrun").fetchone()[0])


def _of_memory(before: Memory, after: Memory, count: int) -> Iterable[Figure]:
    yield Figure("worker process with the model: resident", after.worker, "MB", bound=WORKER_BOUND_MB)
    for name, megabytes in after.pss.items():
        yield Figure(f"{name}: memory after {count} analyses", megabytes, "MB")
        yield Figure(
            f"{name}: memory after {count} analyses",
            megabytes / before.pss[name],
            "ratio",
            f"after {_FIRST}",
            1.25,
        )
