"""A body that was cut off on its way is an error, never a shorter body."""

import io
from collections.abc import Iterable
from typing import Any

import pytest
from django.http import HttpRequest, UnreadablePostError

from dermatech.core.whole import Ending, WholeBody, whole_bodies


def test_a_whole_body_is_read_as_it_was_sent() -> None:
    body = WholeBody(io.BytesIO(b"one\ntwo\nrest and the next request"), 12)
    assert body.readline() == b"one\n"
    assert body.read(2) == b"tw"
    assert body.readline(1) == b"o"
    assert body.read() == b"\nrest"
    assert body.read() == body.read(5) == body.readline() == b""


@pytest.mark.parametrize("read", [lambda b: b.read(), lambda b: b.read(9), lambda b: b.readline()])
def test_a_body_that_ends_early_is_an_error(read: Any) -> None:
    with pytest.raises(ConnectionResetError):
        read(WholeBody(io.BytesIO(b"half"), 9))


def _input_of(environ: dict[str, Any]) -> Any:
    seen: list[Any] = []

    def application(given: dict[str, Any], _start: Any) -> Iterable[bytes]:
        seen.append(given["wsgi.input"])
        return []

    whole_bodies(application)(environ, lambda *_: lambda _: None)
    return seen[0]


def test_only_a_declared_length_can_be_missed() -> None:
    stream = io.BytesIO(b"half")
    assert _input_of({"wsgi.input": stream}) is stream
    assert _input_of({"wsgi.input": stream, "CONTENT_LENGTH": ""}) is stream
    assert _input_of({"wsgi.input": stream, "CONTENT_LENGTH": "-5"}) is stream
    assert isinstance(_input_of({"wsgi.input": stream, "CONTENT_LENGTH": "9"}), WholeBody)


def test_django_calls_it_an_unreadable_post() -> None:
    request = HttpRequest()
    request._stream = WholeBody(io.BytesIO(b"half"), 9)  # type: ignore[assignment]
    with pytest.raises(UnreadablePostError):
        request.read(9)


def test_a_stream_remembers_how_it_ended() -> None:
    stream = Ending(io.BytesIO(b"a" * 5000 + b"--x--\r\n"))
    while stream.read(7):
        pass
    assert stream.holds(b"--x--")
    assert not stream.holds(b"a" * 600)
