"""How long each kind of process takes to start, and what it then holds.

Measured against Django's contrib apps and REST framework with nothing of ours, in the same run.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from dermatech.run import programs
from tests.bench import Figure
from tests.bench._processes import ROOT, peak_of_command, python
from tests.services.processes import Service, eventually
from tests.services.redis_server import PrivateRedis

TIMES = 3
PEER = "bare Django + DRF"
_BARE = """
import django
from django.conf import settings
contrib = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
settings.configure(
    INSTALLED_APPS=[*(f"django.contrib.{name}" for name in contrib), "rest_framework"], SECRET_KEY="x",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)
django.setup()
import rest_framework.serializers, rest_framework.views
"""
_COMMAND = "import django; django.setup()"
_WEB = "import dermatech.wsgi"
_CHECK = """
import runpy, sys
sys.argv = ["manage.py", "check"]
runpy.run_path("manage.py", run_name="__main__")
"""
_HELD = """
print(int(open("/proc/self/statm").read().split()[1]) * __import__("resource").getpagesize() / 1e6)
"""


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="dermatech-bench-startup-") as name:
        folder = Path(name)
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "DATA_DIR": name, "DJANGO_SETTINGS_MODULE": "dermatech.settings", "LOG_LEVEL": "INFO",
        }  # fmt: skip
        peak_of_command(environment, "migrate", "-v0")
        yield from _of_one_process(environment)
        yield from _of_the_worker(folder, environment)
        for command in (("seal_audit", "--once"), ("export_audit", "--out", str(folder / "bundle"))):
            peak = peak_of_command(environment, *command)
            yield Figure(f"manage.py {command[0]}, a small log: peak memory", peak, "MB", bound=100)


def _of_one_process(environment: Mapping[str, str]) -> Iterator[Figure]:
    scripts = {PEER: _BARE, "a command": _COMMAND, "a web process": _WEB, "manage.py check": _CHECK}
    seconds: dict[str, list[float]] = {name: [] for name in scripts}
    held: dict[str, float] = {}
    for _ in range(TIMES):  # in turn, so that a busy minute of the machine strikes all alike
        for name, script in scripts.items():
            began = time.perf_counter()
            said = python(script + ("" if name == "manage.py check" else _HELD), environment)
            seconds[name].append(time.perf_counter() - began)
            if name != "manage.py check":
                held[name] = float(said.splitlines()[-1])
    bare, bare_mb = statistics.median(seconds[PEER]), held[PEER]
    yield Figure(f"{PEER}: start", bare, "s")
    yield Figure(f"{PEER}: memory", bare_mb, "MB")
    for name, slower in (("a command", 2.5), ("a web process", 4.5), ("manage.py check", 4.5)):
        yield Figure(f"{name}: start", statistics.median(seconds[name]) / bare, "ratio", PEER, slower)
    for name, larger in (("a command", 1.3), ("a web process", 2.0)):
        yield Figure(f"{name}: memory", held[name] / bare_mb, "ratio", PEER, larger)
        yield Figure(f"{name}: memory", held[name], "MB")


def _of_the_worker(folder: Path, environment: Mapping[str, str]) -> Iterator[Figure]:
    redis = PrivateRedis(socket=folder / "r.sock", directory=folder / "redis")
    redis.start()
    log = folder / "worker.log"
    began = time.perf_counter()
    worker = Service(
        programs.worker(programs.Place(folder, 0)).command,
        log=log, directory=ROOT, environment={**environment, "REDIS_URL": f"unix://{folder / 'r.sock'}?db=0"},
    )  # fmt: skip
    try:
        eventually(
            lambda: " ready." in log.read_text(errors="replace"), within=60, every=0.02, what="a worker"
        )
        ready = time.perf_counter() - began
        parent = psutil.Process(worker.process.pid)
        family = [parent, *parent.children(recursive=True)]
        held = sum(process.memory_full_info().pss for process in family) / 1e6
    finally:
        worker.stop()
        redis.stop()
    bare = min(_timed(_BARE, environment) for _ in range(3))
    yield Figure("worker ready", ready / bare, "ratio", PEER, 6.0)
    yield Figure("worker ready", ready, "s")
    yield Figure(f"worker and its {len(family) - 1} children: memory", held, "MB")


def _timed(script: str, environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    python(script, environment)
    return time.perf_counter() - began
