"""An S3 server on this machine (moto's) behind a door that can be shut, for tests over real HTTP."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BUCKET = "photos-under-test"
_ERROR = b"<Error><Code>InternalError</Code></Error>"


@dataclass(slots=True)
class Door:
    """Passes requests on to the store. `mode`: open; broken answers 500 to everything; hanging answers
    nothing; lost passes an upload on and then answers 500, as when the answer is lost on the way."""

    port: int = 0
    mode: str = "open"
    seen: list[str] = field(default_factory=list)
    shut: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """As it was at first."""
        self.mode = "open"
        self.seen.clear()


def _handler(door: Door, store_port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Silence."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            door.seen.append(f"{self.command} {self.path.split('?')[0]}")
            if door.mode == "hanging":
                door.shut.wait(30)
                self.close_connection = True
                return
            told = None
            if door.mode == "open" or door.mode == "lost":
                told = self.passed_on(body)
            if told is None or (door.mode == "lost" and self.command == "PUT"):
                told = 500, [("Content-Type", "application/xml")], _ERROR
            self.give(*told)

        def passed_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", store_port, timeout=20)
            with contextlib.closing(connection):
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()

        def give(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in {"transfer-encoding", "connection"} and (
                    name.lower() != "content-length" or self.command == "HEAD"
                ):
                    self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - as http.server wants it

    return Handler


@contextlib.contextmanager
def serving() -> Iterator[Door]:
    """The store with an empty bucket, and the door to it."""
    import boto3
    from moto.server import ThreadedMotoServer

    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    _, store_port = store.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{store_port}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
    )
    client.create_bucket(Bucket=BUCKET)
    door = Door()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(door, store_port))
    server.daemon_threads = True
    door.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        door.shut.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
        client.close()
        store.stop()


def options(door: Door, *, patience: float) -> dict[str, Any]:
    """The product's own options for S3, with this store, and seconds to wait for it."""
    from botocore.config import Config

    from dermatech import settings as product

    given: Any = product._s3()["OPTIONS"]
    waiting = Config(connect_timeout=patience, read_timeout=patience)
    return {
        **given,
        "bucket_name": BUCKET,
        "endpoint_url": door.url,
        "region_name": "us-east-1",
        "access_key": "x",
        "secret_key": "y",
        "client_config": given["client_config"].merge(waiting),
    }
