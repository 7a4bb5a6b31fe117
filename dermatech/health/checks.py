"""The parts that readiness asks about. Each check returns a Finding within about a second, or is
given up; none of them writes to the database."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from threading import Lock, Thread
from typing import Final

import redis
import structlog
from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.db.models import Min
from django.utils import timezone

from accounts.audit import metrics, receipts
from accounts.audit.models import AuditPending
from accounts.audit.sealer import latest_checkpoint
from accounts.audit.triggers import TRIGGERS as OF_THE_LOG
from consultations.models.modelversion import ModelState, ModelVersion
from consultations.services import workload
from dermatech.core.release_triggers import TRIGGERS as OF_RELEASES
from dermatech.core.triggers import TriggerSet
from dermatech.health import heartbeat

log = structlog.get_logger(__name__)

SECONDS_PER_CHECK: Final = 1.0
_LEAST_FREE_BYTES: Final = 200_000_000
_MANY_WAITING: Final = 100
# Load balancers ask every second, and a trigger is gone once in a lifetime.
_TRUSTED_SECONDS: Final = 10.0
_SEAL_LAG: Final = timedelta(seconds=30)
_QUEUE: Final = "interactive"


class State(StrEnum):
    """ok: works. degraded: works, somebody should look. down: does not work."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `detail` is a sentence without addresses, paths or class names."""

    state: State
    detail: str
    ms: int = 0


def database() -> Finding:
    """Queries on a connection that is proven, not assumed; what they find is exported as metrics."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    workload.refresh()
    kind = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}.get(connection.vendor, connection.vendor)
    return Finding(State.OK, f"{kind} answers")


def broker() -> Finding:
    """Redis answers, and how much is waiting in it."""
    try:
        waiting = heartbeat.waiting(_QUEUE)
    except redis.RedisError:
        return Finding(State.DOWN, "Redis does not answer; analyses are kept and start when it is back")
    state = State.OK if waiting < _MANY_WAITING else State.DEGRADED
    return Finding(state, f"Redis answers, {waiting} waiting")


def storage() -> Finding:
    """A folder is written to and has room; an object store answers a question about one object."""
    if not isinstance(default_storage, FileSystemStorage) and settings.S3_BUCKET:
        default_storage.exists("health/probe")
        return Finding(State.OK, "the object store answers")
    folder = Path(settings.MEDIA_ROOT)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"ready")
            probe.flush()
            os.fsync(probe.fileno())
        free = shutil.disk_usage(folder).free
    except OSError:
        return Finding(State.DOWN, "photos cannot be written")
    if free < _LEAST_FREE_BYTES:
        return Finding(State.DEGRADED, f"only {free // 1_000_000} MB are left for photos")
    return Finding(State.OK, "photos can be written")


def model() -> Finding:
    """Which image model is active. Without one everything else works, so that is no fault."""
    active = ModelVersion.objects.filter(state=ModelState.ACTIVE).first()
    if active is None:
        return Finding(State.OK, "no image model is installed")
    return Finding(State.OK, f"{active.name} {active.version}")


def worker() -> Finding:
    """At least one worker has given a sign of life within 15 s."""
    try:
        alive = len(heartbeat.alive())
    except redis.RedisError:
        return Finding(State.DOWN, "unknown, because Redis does not answer")
    if alive == 0:
        return Finding(State.DOWN, "no worker has given a sign of life; analyses are kept and wait")
    return Finding(State.OK, f"{alive} worker{'s' if alive > 1 else ''} alive")


def audit() -> Finding:
    """The triggers that protect the log stand, and the sealer keeps up."""
    missing = _missing(OF_THE_LOG)
    if missing:
        return Finding(State.DOWN, f"{len(missing)} of the log's protecting triggers are missing")
    receipts.remember(latest_checkpoint())
    metrics.refresh()
    oldest = AuditPending.objects.aggregate(oldest=Min("event__recorded_at"))["oldest"]
    lag = timezone.now() - oldest if oldest else timedelta(0)
    if lag > _SEAL_LAG:
        return Finding(State.DEGRADED, f"the oldest unsealed event is {int(lag.total_seconds())} s old")
    return Finding(State.OK, "protected; sealed" if oldest is None else "protected; sealing")


def releases() -> Finding:
    """The triggers that keep approved knowledge as it was approved stand."""
    missing = _missing(OF_RELEASES)
    if missing:
        return Finding(State.DOWN, f"{len(missing)} of the releases' protecting triggers are missing")
    return Finding(State.OK, "protected")


_stood_at: dict[str, float] = {}


def _missing(triggers: TriggerSet) -> list[str]:
    """Which of them; once all stood, the database is not asked again for a while."""
    if time.monotonic() - _stood_at.get(triggers.protects, -_TRUSTED_SECONDS) < _TRUSTED_SECONDS:
        return []
    missing = triggers.missing()
    if not missing:
        _stood_at[triggers.protects] = time.monotonic()
    return missing


CHECKS: Final[Mapping[str, Callable[[], Finding]]] = {
    "database": database,
    "broker": broker,
    "storage": storage,
    "model": model,
    "worker": worker,
    "audit": audit,
    "releases": releases,
}
# Without one of these a request cannot be served or an analysis never finishes.
CRITICAL: Final = frozenset({"database", "broker", "storage", "worker"})


def _timed(check: Callable[[], Finding]) -> Finding:
    began = time.perf_counter()
    try:
        found = check()
    except Exception as error:  # a part that fails in any way is down, and is logged
        log.warning("health_check_failed", check=check.__name__, error=type(error).__name__)
        found = Finding(State.DOWN, "does not answer")
    return Finding(found.state, found.detail, round((time.perf_counter() - began) * 1000))


class _Run:
    """One check in a thread of its own."""

    def __init__(self, name: str, check: Callable[[], Finding]) -> None:
        self.finding: Finding | None = None
        self._check = check
        self.thread = Thread(target=self._work, name=f"health-{name}", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        try:
            self.finding = _timed(self._check)
        finally:
            connection.close()


_unfinished: dict[str, _Run] = {}
_lock = Lock()


def run_checks() -> dict[str, Finding]:
    """All checks at once, given up after SECONDS_PER_CHECK: a frozen database or store must not
    freeze the answer that says so. While a check hangs, later callers wait for that same one, so
    hanging threads do not pile up."""
    with _lock:
        for name, check in CHECKS.items():
            if name not in _unfinished:
                _unfinished[name] = _Run(name, check)
        runs = dict(_unfinished)
    deadline = time.monotonic() + SECONDS_PER_CHECK
    late = Finding(State.DOWN, "gave no answer in time", round(SECONDS_PER_CHECK * 1000))
    found: dict[str, Finding] = {}
    for name, run in runs.items():
        run.thread.join(timeout=max(0.0, deadline - time.monotonic()))
        found[name] = run.finding or late
        if not run.thread.is_alive():
            with _lock:
                if _unfinished.get(name) is run:
                    del _unfinished[name]
    return found


def overall(found: Mapping[str, Finding]) -> State:
    """down when a critical part is; degraded when any part is not ok."""
    if any(found[name].state is State.DOWN for name in CRITICAL):
        return State.DOWN
    if any(finding.state is not State.OK for finding in found.values()):
        return State.DEGRADED
    return State.OK
