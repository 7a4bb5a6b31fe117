"""The API under load, beside the design that was considered first: FastAPI and SQLAlchemy over the same
tables of the same PostgreSQL, under uvicorn (tests/bench/_peer, which see).

Both serve eight phones that never pause, in turn, round after round; every figure is the median over the
rounds. Ours records each list in the audit log before it answers. The peers are measured twice: with one
row of their own log a read, and recording nothing.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from dermatech.run import programs, walk
from tests.bench import Figure
from tests.bench._growth import LARGEST, grown
from tests.bench._load import Load, ask, press, request
from tests.services.processes import Service, eventually, free_port
from tests.services.stack import ROOT, Stack

_ROUNDS = 3
_PEER = Path(__file__).with_name("_peer")
_KEPT = ROOT / ".bench" / "peer"
_LIST = "/api/v1/consultations"
_LOG = """
CREATE TABLE peer_read_log (
    id serial PRIMARY KEY, user_id uuid NOT NULL, path text NOT NULL, read jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
)
"""


def measure() -> Iterable[Figure]:
    with tempfile.TemporaryDirectory(prefix="dermatech-bench-") as name:
        stack = Stack(Path(name), database="postgres")
        stack.environment["JWT_SIGNING_KEY"] = "only-for-this-measurement-" * 3
        stack.start()
        try:
            stack.services["sealer"].stop()  # sealing is timed
            yield from grown(stack)
            token = _ready(stack)
            for workers in (1, 2):
                with _ours(stack, workers) as our_port, _peer(stack, workers) as peer_port:
                    yield from _lists(workers, our_port, peer_port, token)
                    if workers == 1:
                        yield from _knowledge(our_port, peer_port, token)
                        yield from _alone(our_port, token)
                        yield from _pages(our_port, token)
        finally:
            stack.stop()


def _ready(stack: Stack) -> str:
    """The database as it is when nobody has just filled it; an access token of Ama, who owns all of it."""
    account = stack.accounts()["ama"]
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(_LOG)
        connection.execute("VACUUM ANALYZE")
    client = stack.client()
    walk.sign_in(client, account)
    return client.token


@contextmanager
def _ours(stack: Stack, workers: int) -> Iterator[int]:
    place = programs.Place(stack.place.data_dir, free_port())
    program = programs.web(place)
    environment = {**stack.environment, **program.environment, "WEB_WORKERS": str(workers)}
    yield from _serving(
        Service(program.command, log=place.log("ours"), environment=environment, directory=ROOT), place.port
    )


@contextmanager
def _peer(stack: Stack, workers: int) -> Iterator[int]:
    place = programs.Place(stack.place.data_dir, free_port())
    address = stack.environment["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    command = [
        _python(), "-m", "uvicorn", "tests.bench._peer.app:app", "--port", str(place.port),
        "--workers", str(workers), "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip
    environment = {
        "PATH": os.environ["PATH"], "PEER_DATABASE": address,
        "JWT_SIGNING_KEY": stack.environment["JWT_SIGNING_KEY"],
    }  # fmt: skip
    yield from _serving(
        Service(command, log=place.log("peer"), environment=environment, directory=ROOT), place.port
    )


def _serving(service: Service, port: int) -> Iterator[int]:
    def answers() -> bool:
        assert service.running, service.tail()
        try:
            ask(port, request("/"))
        except OSError:
            return False
        return True

    try:
        eventually(answers, within=60, what="a server")
        yield port
    finally:
        service.stop()


def _python() -> str:
    """The peer's own environment, made on first use from its lock file."""
    lock = _PEER / "requirements.txt"
    python, stamp = _KEPT / "bin" / "python", _KEPT / "requirements.txt"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(_KEPT)], check=True)
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(lock)],
            check=True,
        )
        stamp.write_bytes(lock.read_bytes())
    return str(python)


def _lists(workers: int, ours: int, peer: int, token: str) -> Iterable[Figure]:
    """The list of 20 of 100,000."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    asked = {
        "ours": (ours, _LIST),
        "ORM, noted": (peer, "/noted/orm/consultations"),
        "Core, noted": (peer, "/noted/core/consultations"),
        "ORM": (peer, "/orm/consultations"),
        "Core": (peer, "/core/consultations"),
    }
    _same_rows([ask(port, request(path, **headers)) for port, path in asked.values()])
    found = _in_turn({name: (port, request(path, **headers), 200) for name, (port, path) in asked.items()})
    each = f"list of 20 of {LARGEST:,}, {workers} worker{'s' if workers > 1 else ''}"
    yield Figure(each, _rate(found["ours"]), "per s")
    bounds = {"ORM, noted": 1.0, "Core, noted": 0.9, "ORM": None, "Core": None}
    for name, bound in bounds.items():
        ratio = statistics.median(o.rate / p.rate for o, p in zip(found["ours"], found[name], strict=True))
        yield Figure(each, ratio, "ratio", f"FastAPI + SQLAlchemy {name}", bound, "higher")
    p99 = statistics.median(o.p99 / p.p99 for o, p in zip(found["ours"], found["ORM, noted"], strict=True))
    yield Figure(f"{each}: p99", p99, "ratio", "FastAPI + SQLAlchemy ORM, noted", 1.0)


def _knowledge(ours: int, peer: int, token: str) -> Iterable[Figure]:
    """The vocabulary of findings: whole, and not changed since."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    path = "/api/v1/triage/findings"
    etag = _etag(ours, path, headers)
    found = _in_turn(
        {
            "whole": (ours, request(path, **headers), 200),
            "unchanged": (ours, request(path, **headers, If_None_Match=etag), 304),
            "ORM": (peer, request("/orm/findings", **headers), 200),
            "ORM, nobody signed in": (peer, request("/orm/open/findings"), 200),
        }
    )
    for name, bound in (("whole", 1.5), ("unchanged", 3.0)):
        yield Figure(f"findings, {name}", _rate(found[name]), "per s")
        for other, promised in (("ORM", bound), ("ORM, nobody signed in", None)):
            ratio = statistics.median(o.rate / p.rate for o, p in zip(found[name], found[other], strict=True))
            yield Figure(
                f"findings, {name}", ratio, "ratio", f"FastAPI + SQLAlchemy {other}", promised, "higher"
            )


def _alone(ours: int, token: str) -> Iterable[Figure]:
    """What has no peer: one consultation, and a search that forgives a slip."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    _, body = ask(ours, request(_LIST, **headers))
    one = json.loads(body)["results"][0]["id"]
    asked = {
        "one consultation": f"{_LIST}/{one}",
        "search of a medicine": "/api/v1/medications/search?q=clotrimazol",
    }
    found = _in_turn({name: (ours, request(path, **headers), 200) for name, path in asked.items()})
    for name, loads in found.items():
        yield Figure(name, _rate(loads), "per s")


def _pages(ours: int, token: str) -> Iterable[Figure]:
    """Page 1 and the last of them."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    _, body = ask(ours, request(f"{_LIST}?page_size=100", **headers))
    address = json.loads(body)["next"]
    for _ in range(LARGEST // 100 - 2):
        _, body = ask(ours, request(address[address.index("/api/") :], **headers))
        address = json.loads(body)["next"]
    last = address[address.index("/api/") :].replace("page_size=100", "page_size=20")
    found = _in_turn(
        {"first": (ours, request(_LIST, **headers), 200), "last": (ours, request(last, **headers), 200)}
    )
    ratio = statistics.median(f.rate / o.rate for f, o in zip(found["first"], found["last"], strict=True))
    yield Figure(f"page {LARGEST // 20 - 5:,} of the list", ratio, "ratio", "page 1", 1.3)


def _in_turn(asked: dict[str, tuple[int, bytes, int]]) -> dict[str, list[Load]]:
    found: dict[str, list[Load]] = {name: [] for name in asked}
    for port, message, expected in asked.values():
        press(port, message, expected=expected, seconds=0.5)  # connections, caches, compiled queries
    for _ in range(_ROUNDS):
        for name, (port, message, expected) in asked.items():
            found[name].append(press(port, message, expected=expected))
    return found


def _rate(loads: Iterable[Load]) -> float:
    return statistics.median(load.rate for load in loads)


def _same_rows(answers: Iterable[tuple[int, bytes]]) -> None:
    """All of them say the same of the same consultations, to the field."""
    pages = [[_plain(row) for row in json.loads(body)["results"]] for _, body in answers]
    if any(page != pages[0] for page in pages):
        raise RuntimeError(f"the designs answer differently: {[page[0] for page in pages]}")


def _plain(row: dict[str, object]) -> dict[str, object]:
    """Times compare as moments: one design writes Z, another +00:00."""
    return {
        name: str(value).replace("+00:00", "Z") if name.endswith("_at") else value
        for name, value in row.items()
    }


def _etag(port: int, path: str, headers: dict[str, str]) -> str:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return str(answer.headers["ETag"])
