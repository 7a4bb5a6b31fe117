"""Strange texts in every string field of every operation of the API's document.

`make campaign NAME=naughty`: each text of a list in each field, query parameter, header and part of an
address. Nothing may be answered 5xx, and what is taken must come back to the letter, also when it is read
again. `ARGS="--database postgres"` for the other database.
"""

import argparse
import copy
import itertools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dermatech.contract.__main__ import FOLDER, OPENAPI
from dermatech.contract.document import JSON, Operation, operations

_GROUPS: dict[str, list[str]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="ascii"))
# Beside those of the file: long ones.
_LONG = (
    "a" * 5_000,
    "\u00e9" * 5_000,
    "\U0001f469\U0001f3ff" * 1_500,
    " " * 2_000,
    "\n" * 500,
    "a\u0301" * 900,
)
STRINGS: tuple[str, ...] = tuple(dict.fromkeys([*itertools.chain(*_GROUPS.values()), *_LONG]))

Where = tuple[str | int, ...]
_SIGNED_IN = 300.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text can be put: `kind` is body, key, query, header or path."""

    operation: Operation
    kind: str
    path: Where


@dataclass(slots=True)
class Found:
    """What came of it. A fault is a sentence."""

    places: int = 0
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    returned: int = 0
    read_again: int = 0
    trimmed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def places(document: Mapping[str, Any]) -> Iterator[Place]:
    """Every place of every operation."""
    for operation in operations(document):
        schema = operation.body.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
        if schema is not None:
            yield from (Place(operation, "body", path) for path in dict.fromkeys(_strings(schema, document)))
            yield Place(operation, "key", ())
        for parameter in operation.body.get("parameters", []):
            kinds = parameter.get("schema", {}).get("type", "string")
            if kinds == "string" or "string" in kinds or parameter["in"] != "header":
                yield Place(operation, parameter["in"], (parameter["name"],))


def _strings(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int = 0) -> Iterator[Where]:
    if depth > 8:
        return
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for group in ("oneOf", "anyOf", "allOf"):
        for part in schema.get(group, ()):
            yield from _strings(part, document, depth + 1)
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if "string" in kinds or ("enum" in schema and not kinds):
        yield ()
    if "array" in kinds:
        yield from ((0, *path) for path in _strings(schema.get("items", {}), document, depth + 1))
    for name, inner in schema.get("properties", {}).items():
        yield from ((name, *path) for path in _strings(inner, document, depth + 1))


class Attack:
    """Sends texts to places and looks at the answers. `client` does not raise what views raise."""

    def __init__(
        self, document: Mapping[str, Any], sign_in: Callable[[], Any], objects: Mapping[str, str]
    ) -> None:
        self.document, self.sign_in, self.objects = document, sign_in, objects
        self.found, self.client, self._until = Found(), sign_in(), time.monotonic() + _SIGNED_IN

    def run(self, texts: Sequence[str], *, share: int = 1) -> Found:
        """Each place with every `share`-th text, another one for each place."""
        for number, place in enumerate(places(self.document)):
            self.found.places += 1
            if time.monotonic() > self._until:  # a token lives ten minutes
                self.client, self._until = self.sign_in(), time.monotonic() + _SIGNED_IN
            for text in texts[number % share :: share]:
                self._one(place, text)
        return self.found

    def _one(self, place: Place, text: str) -> None:
        from django.db import transaction

        with transaction.atomic():
            answer = self._send(place, text)
            if answer is None:
                transaction.set_rollback(True)
                return
            self.found.requests += 1
            self.found.statuses[answer.status_code] += 1
            name = f"{place.operation.id} {place.kind} {'.'.join(map(str, place.path))} {text[:40]!a}"
            if answer.status_code >= 500 and not _is_down(answer):
                self.found.faults.append(f"{name}: {answer.status_code}")
            elif place.kind == "body" and answer.status_code in (200, 201, 202):
                self._compare(name, place, text, answer)
            transaction.set_rollback(True)

    def _compare(self, name: str, place: Place, text: str, answer: Any) -> None:
        """The text as it was taken, in the answer and where it is read again."""
        seen = [("answer", json.loads(answer.content))]
        where = answer.get("Location", "") or (self._path(place) if place.operation.method != "POST" else "")
        if where and (again := self.client.get(where)).status_code == 200:
            seen.append(("read again", json.loads(again.content)))
        for how, body in seen:
            value = _at(body, place.path)
            if not isinstance(value, str) or value == text:
                same = value == text
                self.found.returned += same and how == "answer"
                self.found.read_again += same and how != "answer"
            elif value == text.strip():
                self.found.trimmed[f"{place.operation.id} {'.'.join(map(str, place.path))}"] += 1
            elif text.strip():
                self.found.faults.append(f"{name}, {how}: became {value[:40]!a}")

    def _path(self, place: Place, text: str | None = None) -> str:
        path = place.operation.path
        for name, value in self.objects.items():
            path = path.replace(f"{{{name}}}", value if text is None or (name,) != place.path else text)
        return path

    def _send(self, place: Place, text: str) -> Any:
        operation, extra, body = place.operation, {}, b""
        path, kind = self._path(place), ""
        examples = operation.body.get("requestBody", {}).get("content", {}).get(JSON, {}).get("examples", {})
        example: Any = next(iter(examples.values()), {"value": {}})["value"]
        if place.kind in ("body", "key"):
            changed = _put(example, place.path, text) if place.kind == "body" else {**example, text: "x"}
            body, kind = json.dumps(changed).encode(), JSON
        elif example and examples:
            body, kind = json.dumps(example).encode(), JSON
        encoded = text.encode("utf-8", "surrogatepass")
        if place.kind == "query":
            path += f"?{place.path[0]}={quote(encoded, safe='')}"
        elif place.kind == "path":
            path = self._path(place, quote(encoded, safe=""))
        elif place.kind == "header":
            value = encoded.decode("latin-1")  # as a server reads the bytes of a header
            if any(control in value for control in "\r\n\x00"):
                return None  # no server lets such a line through
            extra[f"HTTP_{str(place.path[0]).upper().replace('-', '_')}"] = value
        return self.client.generic(operation.method, path, body, content_type=kind, **extra)


def _is_down(answer: Any) -> bool:
    """A part that is not started here says so in its own way."""
    return bool(answer.status_code == 503 and answer.get("Retry-After"))


def _put(example: Any, path: Where, value: Any) -> Any:
    """A copy of `example` with `value` at `path`, whatever has to be made on the way."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        inner = example[0] if isinstance(example, list) and example else None
        return [_put(inner, rest, value)]
    held = copy.copy(example) if isinstance(example, dict) else {}
    held[step] = _put(held.get(step), rest, value)
    return held


def _at(body: Any, path: Where) -> Any:
    for step in path:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    return body


def document() -> dict[str, Any]:
    """The committed one; a test sees to it that it is that of the code."""
    found: dict[str, Any] = json.loads((FOLDER / OPENAPI).read_text(encoding="utf-8"))
    return found


def report(found: Found) -> str:
    return (
        f"{found.places} places, {found.requests} requests: {dict(sorted(found.statuses.items()))};"
        f" returned to the letter {found.returned}, read again {found.read_again},"
        f" blanks around taken off {sum(found.trimmed.values())} ({', '.join(sorted(found.trimmed))});"
        f" {len(found.faults)} faults"
    )


def attacked(texts: Iterable[str], *, share: int = 1) -> Found:
    """The API as it is in this process, on the database that is set up, asked by Ama."""
    from django.conf import settings
    from rest_framework.test import APIClient

    from accounts.models import User
    from tests.cast import PASSWORD, enrol
    from tests.consultations.cases import CONSULTATIONS, ringworm

    limits = ("login_account", "login_device", "login_address", "register_address", "reset_address")
    settings.ACCOUNT_LIMITS = {name: [1_000_000, 60] for name in limits}
    ama = User.objects.filter(email="ama@dermatech.example").first() or enrol("ama")

    def sign_in() -> Any:
        client = APIClient(raise_request_exception=False)
        answer = client.post("/api/v1/auth/login", {"email": ama.email, "password": PASSWORD}).json()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer['access']}")
        return client

    opened = sign_in().post(CONSULTATIONS, ringworm()).json()
    nothing = "01890a5d-0000-7000-8000-000000000000"
    whole = document()
    names = {
        parameter["name"]
        for operation in operations(whole)
        for parameter in operation.body.get("parameters", [])
        if parameter["in"] == "path"
    }
    objects = dict.fromkeys(names, nothing) | {
        "consultation_id": opened["id"], "medication_id": "clotrimazole-1-cream",
    }  # fmt: skip
    return Attack(whole, sign_in, objects).run(list(texts), share=share)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="naughty", description=__doc__)
    parser.add_argument("--share", type=int, default=1, help="every so many-th text for each place")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--here", action="store_true", help="in the environment as it is")
    asked = parser.parse_args(arguments)
    if not asked.here:
        # Settings are read once: another database is another process.
        environment = {**os.environ, "TEST_DATABASE": asked.database, "LOG_LEVEL": "CRITICAL"}
        command = [sys.executable, "-m", "tests.campaigns", "naughty", "--here", "--share", str(asked.share)]
        return subprocess.run(command, env=environment, check=False).returncode
    from tests.campaigns._database import scratch_database

    with scratch_database():
        import logging

        from dermatech.core.releases import starter_loaders

        logging.disable(logging.CRITICAL)
        for load in starter_loaders:
            load(publish=True)
        found = attacked(STRINGS, share=asked.share)
    print(report(found))
    print(*found.faults[:40], sep="\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
