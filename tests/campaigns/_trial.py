"""A whole service whose parts are there to be broken, somebody who sends cases to it, and a look at its
database from outside."""

import io
import json
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from dermatech.run import programs, walk
from dermatech.run.client import Answer, Client, Part, RequestFailed, multipart
from dermatech.run.photo import sample_photo
from dermatech.run.supervisor import Program
from tests.campaigns._cluster import Cluster
from tests.services.processes import Service
from tests.services.stack import Stack

_CLOCK = Path(__file__).with_name("clock.c")
COMPILER = shutil.which("cc") or shutil.which("gcc")


class Broken(Stack):
    """A stack with several workers, on a database that can be stopped and with a clock that can be set."""

    def __init__(
        self,
        folder: Path,
        *,
        database: str,
        workers: int = 2,
        web: int = 1,
        clock: bool = False,
        app: str = "dermatech",
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.cluster = Cluster(folder / "pg") if database == "postgres" else None
        self._offset = folder / "clock"
        self._app = app
        if self.cluster is not None:
            self.cluster.start()
        super().__init__(folder, database=database)
        self.environment |= {"WEB_WORKERS": str(web), "LOG_LEVEL": "WARNING", **(extra or {})}
        self.worker_names = [f"worker{number}" for number in range(workers)]
        self.clock = clock and COMPILER is not None
        self._kept: dict[str, Program] = {}
        self._lock = threading.Lock()

    def _environment(self, folder: Path, database: str) -> dict[str, str]:
        mine = super()._environment(folder, "sqlite")
        if self.cluster is not None:
            mine["DATABASE_URL"] = self.cluster.create("trial")
        return mine

    # --- parts ------------------------------------------------------------------------------------
    def programs(self) -> list[Program]:
        worker = programs.worker(self.place)
        app = [self._app if word == "dermatech" else word for word in worker.command]
        workers = [
            replace(
                worker, name=name, log=self.place.log(name), command=(*app, "--hostname", f"{name}@trial")
            )
            for name in self.worker_names
        ]
        return [programs.web(self.place), programs.sealer(self.place), *workers]

    def begin(self, seconds: float = 120) -> None:
        """Everything up and ready."""
        self.redis.start()
        self.run("-m", "dermatech.run.prepare")
        if self.clock:
            self.set_clock(0)
            library = self.place.data_dir / "clock.so"
            command = [str(COMPILER), "-shared", "-fPIC", "-O2", "-o", str(library), str(_CLOCK), "-ldl"]
            subprocess.run(command, check=True, capture_output=True)
            self.environment |= {"LD_PRELOAD": str(library), "CAMPAIGN_CLOCK": str(self._offset)}
        self.start_services(seconds)

    def start_services(self, seconds: float = 120) -> None:
        """Web, sealer and workers, until they are ready."""
        with self._lock:
            self._kept = {program.name: program for program in self.programs()}
            for program in self._kept.values():
                self._launch(program)
        until = time.monotonic() + seconds
        while not self.ready():
            assert time.monotonic() < until, "the service was not ready in time"
            time.sleep(0.3)

    def end_services(self) -> None:
        """In good order; Redis and the database go on."""
        with self._lock:
            self._kept = {}
            for name in sorted(self._services, key=lambda name: name == "sealer"):
                self._services.pop(name).stop()

    def stop(self) -> None:
        self.end_services()
        self.redis.stop()
        if self.cluster is not None:
            self.cluster.stop()

    def keep_up(self) -> list[str]:
        """Start again what has ended, as a supervisor does; its names."""
        with self._lock:
            gone = [name for name, service in self._services.items() if not service.running]
            for name in gone:
                self._services.pop(name).kill()
                self._launch(self._kept[name])
            return gone

    def service(self, name: str) -> Service:
        return self._services[name]

    def kill(self, name: str) -> None:
        """SIGKILL to the whole process group; `keep_up` starts it again."""
        with self._lock:  # not while it is being started again
            service = self._services[name]
        service.signal_group(signal.SIGKILL)
        with suppress(Exception):
            service.process.wait(10)

    def set_clock(self, seconds: int) -> None:
        """Move the wall clock of every process of ours; the monotonic one stays, as on a real machine."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))

    # --- its database, from outside ---------------------------------------------------------------
    @contextmanager
    def database(self) -> Iterator[Any]:
        if self.cluster is not None:
            import psycopg

            connection: Any = psycopg.connect(self.cluster.url("trial"), autocommit=True)
        else:
            path = self.place.data_dir / "dermatech.sqlite3"
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database() as connection:
            found: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
            return found

    def states(self) -> Counter[str]:
        """How many analyses are in each state."""
        return Counter(dict(self.rows("SELECT status, count(*) FROM consultations_analysis GROUP BY status")))


@cache
def small_photo(number: int = 0, size: tuple[int, int] = (480, 360)) -> bytes:
    """The sample photo, small; `number` makes it one of its own."""
    with Image.open(io.BytesIO(sample_photo())) as whole:
        picture = whole.convert("RGB").resize(size)
    picture.putpixel((0, 0), (number % 256, number // 256 % 256, number // 65536 % 256))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


@dataclass
class Sender:
    """Ama at her counter: sends cases, each under a key of its own, until each is taken."""

    stack: Broken
    patience: float = 180.0
    tries: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    _client: Client | None = None

    def client(self) -> Client:
        if self._client is None:
            fresh = self.stack.client()
            walk.sign_in(fresh, self.stack.accounts()["ama"])
            self._client = fresh
        return self._client

    def once(self, photo: bytes, key: str = "") -> Answer:
        """One POST, answered in whatever way. Raises RequestFailed."""
        parts = [
            Part("data", json.dumps(walk.CASE).encode(), "application/json"),
            Part("image", photo, "image/jpeg", "ring.jpg"),
        ]
        boundary = uuid.uuid4().hex
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Idempotency-Key": key or str(uuid.uuid4()),
        }
        return self.client().ask("POST", "/consultations", body=multipart(parts, boundary), headers=headers)

    def send(self, photo: bytes) -> str:
        """The analysis's id, however often it had to be tried."""
        key, until = str(uuid.uuid4()), time.monotonic() + self.patience
        while True:
            self.tries += 1
            try:
                answer = self.once(photo, key)
                if answer.status == 201:
                    return str(answer.json()["analysis"]["id"])
                self.refused[str(answer.status)] += 1
                if answer.status == 401:
                    self._client = None
            except RequestFailed:
                self.refused["no answer"] += 1
            assert time.monotonic() < until, f"a case was not taken in {self.patience:g} s: {self.refused}"
            time.sleep(0.3)


def send_all(
    stack: Broken, count: int, *, senders: int = 2, most_live: int = 25, stop: threading.Event | None = None
) -> tuple[list[str], Counter[str], threading.Thread]:
    """Send `count` cases from threads; (ids as they come, refusals, the thread to join)."""
    ids: list[str] = []
    refused: Counter[str] = Counter()
    numbers = iter(range(count))
    lock = threading.Lock()

    def work() -> None:
        sender = Sender(stack)
        while stop is None or not stop.is_set():
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            _hold_back(stack, most_live)
            ids.append(sender.send(small_photo(number)))
        refused.update(sender.refused)

    def run() -> None:
        threads = [threading.Thread(target=work, daemon=True) for _ in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    whole = threading.Thread(target=run, daemon=True)
    whole.start()
    return ids, refused, whole


def _hold_back(stack: Broken, most_live: int) -> None:
    """No more than a counter's worth at once, so that faults and work overlap to the end."""
    for _ in range(600):
        try:
            states = stack.states()
        except Exception:  # its database is away: the next request says so itself
            return
        if states["queued"] + states["running"] < most_live:
            return
        time.sleep(0.2)


def short_folder(name: str) -> str:
    """For TemporaryDirectory: Redis and PostgreSQL have sockets below it."""
    return f"dt-{name}-{os.getpid()}-"


__all__ = ["COMPILER", "Broken", "Sender", "send_all", "short_folder", "small_photo"]
