"""A small HTTP client for one server on this machine: no proxies, no redirects, one timeout."""

import http.client
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 40.0  # above the longest long poll
SUCCESS_BELOW = 300


class RequestFailed(Exception):
    """The server refused or could not be reached; the message says what was asked and answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; `milliseconds` from the first byte sent to the last received."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    milliseconds: float

    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass(slots=True)
class Client:
    """Speaks to `host:port`; `token` is sent as bearer once set. Names are paths below /api/v1."""

    host: str
    port: int
    token: str = ""
    base: str = "/api/v1"

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Any answer at all; raises RequestFailed only when there is none."""
        sent = {"Accept": "application/json", "User-Agent": "dermatech-guide/1", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        # http.client looks at no proxy variable, so loopback stays loopback.
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_SECONDS)
        began = time.perf_counter()
        try:
            connection.request(method, self.base + path, body=body, headers=sent)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise RequestFailed(f"{method} {self.base}{path} got no answer: {error}") from error
        finally:
            connection.close()
        took = (time.perf_counter() - began) * 1000
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content, took)

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """A successful answer; raises RequestFailed with the server's own words otherwise."""
        return _successful("GET", path, self.ask("GET", path, headers=headers))

    def post_json(self, path: str, data: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        sent = {"Content-Type": "application/json", **(headers or {})}
        return _successful("POST", path, self.ask("POST", path, body=json.dumps(data).encode(), headers=sent))

    def patch_json(self, path: str, data: Any) -> Answer:
        sent = {"Content-Type": "application/json"}
        return _successful(
            "PATCH", path, self.ask("PATCH", path, body=json.dumps(data).encode(), headers=sent)
        )

    def post_form(
        self, path: str, parts: Sequence["Part"], *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """multipart/form-data."""
        boundary = uuid.uuid4().hex
        sent = {"Content-Type": f"multipart/form-data; boundary={boundary}", **(headers or {})}
        return _successful(
            "POST", path, self.ask("POST", path, body=multipart(parts, boundary), headers=sent)
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form; `filename` makes it a file."""

    name: str
    content: bytes
    content_type: str
    filename: str = ""


def multipart(parts: Sequence[Part], boundary: str) -> bytes:
    """The body of a multipart form (RFC 7578)."""
    body = b""
    for part in parts:
        disposition = f'form-data; name="{part.name}"'
        if part.filename:
            disposition += f'; filename="{part.filename}"'
        head = (
            f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {part.content_type}\r\n\r\n"
        )
        body += head.encode() + part.content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def _successful(method: str, path: str, answer: Answer) -> Answer:
    if answer.status < SUCCESS_BELOW:
        return answer
    try:
        problem = answer.json()
        reason = f"{problem['detail']} ({problem['code']})"
        reason += "".join(f"; {wrong['field']}: {wrong['message']}" for wrong in problem.get("errors", []))
    except (ValueError, KeyError, TypeError):
        reason = answer.body[:200].decode(errors="replace")
    raise RequestFailed(f"{method} {path} was answered {answer.status}: {reason}")
