"""The web server around the application: what it says before Django, how long it listens, what it
warms. Real gunicorn, real sockets."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dermatech import celery
from dermatech.run import refusals
from tests.services.processes import Service, eventually, free_port
from tests.services.redis_server import PrivateRedis
from tests.services.stack import ROOT

pytestmark = [pytest.mark.services, pytest.mark.one_database]
_PATIENCE = 2
_APPLICATION = """
from dermatech.core.whole import whole_bodies

def application(environ, start_response):
    try:
        said = b"%d bytes" % len(environ["wsgi.input"].read())
    except OSError as error:
        said = type(error).__name__.encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]

application = whole_bodies(application)
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Gunicorn with our configuration in front of a small application that reads bodies."""
    folder = tmp_path_factory.mktemp("gunicorn")
    (folder / "bodies.py").write_text(_APPLICATION)
    number = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "--config", "dermatech/run/gunicorn_conf.py",
        "--pythonpath", str(folder), "bodies:application",
    ]  # fmt: skip
    environment = {
        "PORT": str(number), "WEB_WORKERS": "1", "WEB_THREADS": "2", "WEB_RECEIVE_SECONDS": str(_PATIENCE),
        "DATA_DIR": str(folder), "PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "dermatech.settings",
    }  # fmt: skip
    service = Service(command, log=folder / "log", environment=environment, directory=ROOT)
    try:
        eventually(lambda: _listens(number), within=30, what="gunicorn")
        yield number
    finally:
        service.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ask(port: int, raw: bytes, *, hang_up: bool = False) -> bytes:
    """What comes back for `raw`; with `hang_up` the caller's side is closed after it."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(raw)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        heard = b""
        while b"\r\n\r\n" not in heard or len(heard.split(b"\r\n\r\n", 1)[1]) < _length(heard):
            piece = connection.recv(65536)
            if not piece:
                break
            heard += piece
        return heard


def _length(answer: bytes) -> int:
    for line in answer.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


_POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"


def test_a_body_arrives_whole(port: int) -> None:
    assert _ask(port, _POST + b"123456789").endswith(b"\r\n\r\n9 bytes")


def test_a_phone_that_hangs_up_in_the_middle_has_sent_nothing(port: int) -> None:
    assert _ask(port, _POST + b"1234", hang_up=True).endswith(b"ConnectionResetError")


def test_phones_that_send_slowly_hold_no_thread(port: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        for _ in range(3):
            for number, connection in enumerate(slow):
                connection.sendall(b"1" if number % 2 else b"G")
            began = time.monotonic()
            assert _ask(port, _POST + b"123456789").endswith(b"9 bytes")
            assert time.monotonic() - began < _PATIENCE / 2, "nobody waits for the slow ones"
            time.sleep(0.1)
    finally:
        for connection in slow:
            connection.close()


def test_a_large_body_and_two_requests_at_once_arrive_whole(port: int) -> None:
    large = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000
    assert _ask(port, large).endswith(b"2000000 bytes")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(_POST + b"123456789" + _POST + b"12345")
        connection.sendall(b"6789")
        heard = b""
        while heard.count(b"9 bytes") < 2:
            piece = connection.recv(65536)
            assert piece, heard
            heard += piece


def test_a_phone_that_asks_whether_to_go_on_is_told_so(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 Continue\r\n")
        connection.sendall(b"123456789")
        heard = b""
        while not heard.endswith(b"9 bytes"):
            piece = connection.recv(65536)
            assert piece
            heard += piece


def test_a_body_in_pieces_of_unknown_number_is_waited_for(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert _ask(port, head + b"9\r\n123456789\r\n0\r\n\r\n").endswith(b"9 bytes")


def test_phones_that_fall_silent_do_not_hold_the_threads_for_ever(port: int) -> None:
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
    try:
        for number, connection in enumerate(silent):
            # In the middle of the body, and of the headers.
            connection.sendall(_POST + b"12" if number % 2 else _POST[:20])
        time.sleep(0.3)
        began = time.monotonic()
        assert _ask(port, _POST + b"123456789").endswith(b"9 bytes")
        assert time.monotonic() - began < 4 * _PATIENCE
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"NONSENSE<script>\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n", 400, "malformed_request"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
    ],
    ids=["line", "header", "address", "headers"],
)
def test_what_never_reaches_django_is_refused_in_the_same_shape(
    port: int, raw: bytes, status: int, code: str
) -> None:
    head, _, body = _ask(port, raw).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"].encode() in head
    assert b"script" not in body, "nothing of the request is repeated"


def test_an_error_without_words_of_its_own_has_the_shape_as_well() -> None:
    head, _, body = refusals.answer(501).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 501 Not Implemented\r\n")
    assert json.loads(body)["detail"] == "Not Implemented"


def test_a_broker_that_is_away_is_no_reason_to_fail() -> None:
    assert celery.warm_publisher() is False


def test_the_first_message_of_a_warmed_process_is_sent_at_once() -> None:
    script = """
import time
from dermatech.celery import app, warm_publisher
assert warm_publisher()
began = time.monotonic()
app.send_task("nobody.knows", args=["x"], queue="elsewhere", retry=False, ignore_result=True)
print(time.monotonic() - began)
"""
    # A short path: the name of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dt-") as folder:
        redis = PrivateRedis(socket=Path(folder) / "redis.sock", directory=Path(folder) / "redis")
        redis.start()
        try:
            done = subprocess.run(
                [sys.executable, "-c", script],
                cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
                env={**os.environ, "DATA_DIR": folder, "REDIS_URL": f"unix://{redis.socket}?db=0",
                     "DJANGO_SETTINGS_MODULE": "dermatech.settings"},
            )  # fmt: skip
        finally:
            redis.stop()
    assert float(done.stdout.splitlines()[-1]) < 0.3
