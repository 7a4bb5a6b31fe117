"""The same request many times at once, and answers that get lost on the way.

`make campaign NAME=idempotency ARGS="--keys 100 --callers 20"`, on both databases against real gunicorn.
Every key is used by many callers at the same moment; each asks on while it is told that the first is in
flight. Then with another body, and once more with the answer cut in its middle.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dermatech.run import walk
from dermatech.run.client import Client
from tests.campaigns._slow_link import Link, Reply
from tests.services.stack import Stack

_JSON = {"Content-Type": "application/json"}
_PATIENCE_SECONDS = 60


@dataclass(slots=True)
class Found:
    """What came of it. A fault is a sentence."""

    keys: int = 0
    requests: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    changed_refused: int = 0
    consultations: int = 0
    faults: list[str] = field(default_factory=list)


def run(stack: Stack, *, keys: int, callers: int) -> Found:
    """`keys` keys, each used by `callers` at once."""
    client = stack.client()
    walk.sign_in(client, stack.accounts()["ama"])
    found, before = Found(keys=keys), _count(client)
    lock = threading.Lock()
    with ThreadPoolExecutor(callers) as pool:
        for index in range(keys):
            _one_key(stack, client.token, index, callers, pool, found, lock)
    found.consultations = _count(client) - before
    if found.consultations != keys:
        found.faults.append(f"{found.consultations} consultations of {keys} keys")
    return found


def _one_key(
    stack: Stack, token: str, index: int, callers: int, pool: ThreadPoolExecutor, found: Found, lock: Any
) -> None:
    key, body = str(uuid.uuid4()), json.dumps({**walk.CASE, "notes": f"number {index}"}).encode()
    start = threading.Barrier(callers)

    def call(number: int) -> bytes:
        start.wait(30)
        return _until_answered(Link(stack.place.port, token=token), key, body, number, found, lock)

    answers = set(pool.map(call, range(callers)))
    if len(answers) != 1:
        found.faults.append(f"key {index}: {len(answers)} different answers")
    link = Link(stack.place.port, token=token)
    other = _ask(link, key, body.replace(b"number", b"another"))
    found.changed_refused += other.status == 422
    if (other.status, other.json()["code"]) != (422, "idempotency_key_reused"):
        found.faults.append(f"key {index}: a changed body was answered {other.status}")
    if _ask(link, key, body).body not in answers:
        found.faults.append(f"key {index}: asked again after that, the answer is another")


def _until_answered(link: Link, key: str, body: bytes, number: int, found: Found, lock: Any) -> bytes:
    """As an app does: 409 in flight, a busy server or a lost answer is asked again."""
    lose = number % 4 == 3  # every fourth caller loses its first answer in the middle
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = _ask(link, key, body, lose=lose)
        with lock:
            found.requests += 1
            found.cut += lose
            if not lose:
                replayed = answer.headers.get("idempotency-replayed") == "true"
                found.answers[f"{answer.status}{' again' if replayed else ''}"] += 1
        if lose:
            lose = False
            continue
        if answer.status == 201:
            return answer.body
        if answer.status not in (409, 503):
            with lock:
                found.faults.append(f"answered {answer.status}: {answer.body[:200]!r}")
            return answer.body
        time.sleep(0.05)
    with lock:
        found.faults.append("never answered")
    return b""


def _ask(link: Link, key: str, body: bytes, *, lose: bool = False) -> Reply:
    headers = {**_JSON, "Idempotency-Key": key}
    answer = link.ask("POST", "/consultations", headers, body, read_at_most=200 if lose else None)
    assert answer is not None
    return answer


def _count(client: Client) -> int:
    total, path = 0, "/consultations?page_size=100"
    while path:
        page = client.get(path).json()
        total += len(page["results"])
        path = (page["next"] or "").partition("/api/v1")[2]
    return total


def report(found: Found) -> str:
    return (
        f"{found.keys} keys, {found.requests} requests, {found.cut} answers cut in the middle:"
        f" {found.consultations} consultations; changed body refused {found.changed_refused} of {found.keys};"
        f" answers {dict(sorted(found.answers.items()))}; {len(found.faults)} faults"
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="idempotency", description=__doc__)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--callers", type=int, default=20)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    asked = parser.parse_args(arguments)
    faults = 0
    for database in ("sqlite", "postgres") if asked.database == "both" else (asked.database,):
        with tempfile.TemporaryDirectory(prefix="dt-ik-") as folder:
            stack = Stack(Path(folder), database=database)
            stack.environment["WEB_WORKERS"] = "2"
            try:
                stack.start()
                began = time.monotonic()
                found = run(stack, keys=asked.keys, callers=asked.callers)
            finally:
                stack.stop()
        print(f"{database}, {time.monotonic() - began:.0f} s: {report(found)}")
        print(*found.faults[:20], sep="\n")
        faults += len(found.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
