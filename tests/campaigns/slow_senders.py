"""Many who send slowly, and whether the others notice.

    make campaign NAME=slow_senders ARGS="--connections 500 --seconds 120"

The web server is started as `make run` and the image start it, without a proxy in front (`--nginx` puts
docker/nginx.conf before it). A third of the slow ones trickle headers, a third a JSON body, a third a photo,
10 bytes a second each. Meanwhile a pharmacist reads a case and signs in again and again.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from dermatech.run.client import RequestFailed
from tests.campaigns._trial import Broken, Sender, short_folder, small_photo
from tests.services.processes import Service, eventually, free_port

BOUND_MS = 500.0
_RATE = 10
_ROOT = Path(__file__).resolve().parent.parent.parent


class Slow:
    """The slow ones, in a thread with a loop of its own."""

    def __init__(self, port: int, connections: int) -> None:
        self.port, self.connections = port, connections
        self.open = self.sent = self.dropped = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> "Slow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    async def _run(self) -> None:
        await asyncio.gather(*(self._one(number) for number in range(self.connections)))

    async def _one(self, number: int) -> None:
        await asyncio.sleep(number / self.connections * 3)
        while not self._stop.is_set():
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(1)
                continue
            self.open += 1
            try:
                await self._trickle(writer, _slow_request(number % 3))
            except OSError:
                self.dropped += 1
            finally:
                self.open -= 1
                writer.close()

    async def _trickle(self, writer: asyncio.StreamWriter, request: bytes) -> None:
        """What a slow phone has sent already is sent at once; the rest drop by drop."""
        start, rest = request.split(b"|", 1)
        writer.write(start)
        while rest and not self._stop.is_set():
            writer.write(rest[:_RATE])
            await writer.drain()
            self.sent += len(rest[:_RATE])
            rest = rest[_RATE:]
            await asyncio.sleep(1)


def _slow_request(kind: int) -> bytes:
    head = b"POST /api/v1/consultations HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if kind == 0:
        return b"GET /api/v1/health/live HTTP/1.1\r\n|X-Slow: " + b"x" * 5000 + b"\r\n\r\n"
    if kind == 1:
        return head + b"Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n|" + b" " * 5000
    form = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    return (
        head
        + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000\r\n\r\n"
        + form
        + b"|"
        + b"x" * 5000
    )


def measured(sender: Sender, seconds: float) -> tuple[list[float], int]:
    """Milliseconds of everybody else's requests, sorted, and how many got no answer."""
    times: list[float] = []
    failed = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in ("/consultations", "/health/live"):
            try:
                times.append(sender.client().get(path).milliseconds)
            except RequestFailed:
                failed += 1
        time.sleep(0.05)
    return sorted(times), failed


def p95(times: Sequence[float]) -> float:
    return times[int(len(times) * 0.95)] if times else float("inf")


def trial(folder: Path, *, connections: int, seconds: float, web: int, nginx: bool) -> bool:
    stack = Broken(folder, database="sqlite", workers=1, web=web)
    proxy: Service | None = None
    try:
        stack.begin()
        sender = Sender(stack)
        sender.send(small_photo())
        if nginx:
            proxy = _nginx(folder, stack)
        calm, _ = measured(sender, 5)
        with Slow(stack.place.port, connections) as slow:
            time.sleep(4)
            held = slow.open
            times, failed = measured(sender, seconds)
            print(
                f"{'nginx before' if nginx else 'bare'} gunicorn, {web} processes: {held} slow connections"
                f" open at the start, {slow.open} at the end, {slow.dropped} ended by the server,"
                f" {slow.sent:,} bytes trickled in {seconds:.0f} s"
            )
            began = time.monotonic()
            sender.send(small_photo(7))
            print(f"  a consultation with a photo in between: {time.monotonic() - began:.2f} s")
    finally:
        if proxy is not None:
            proxy.stop()
        stack.stop()
    print(
        f"  others: {len(times)} requests, {failed} without an answer, p95 {p95(times):.0f} ms"
        f" (calm {p95(calm):.0f} ms)"
    )
    return not failed and p95(times) < BOUND_MS and held >= connections * 0.9


def _nginx(folder: Path, stack: Broken) -> Service:
    """The proxy of docker/compose.yaml, before our gunicorn; the stack's clients speak to it from now on."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    port = free_port()
    text = (_ROOT / "docker" / "nginx.conf").read_text()
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace(
        "web:8000", f"127.0.0.1:{stack.place.port}"
    )
    text = text.replace("/tmp/nginx", str(folder / "nginx")).replace("resolver 127.0.0.11 valid=5s;", "")
    (folder / "nginx").mkdir()
    (folder / "nginx.conf").write_text("daemon off;\n" + text)
    service = Service(
        [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx.log")],
        log=folder / "nginx.out",
    )
    stack.place = type(stack.place)(stack.place.data_dir, port)
    eventually(stack.ready, within=20, what="an answer through nginx")
    return service


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="slow_senders", description=__doc__)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--web", type=int, default=2)
    parser.add_argument("--nginx", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix=short_folder("slow")) as folder:
        Path(folder).chmod(0o755)  # nginx works as nobody
        kept = trial(
            Path(folder),
            connections=asked.connections,
            seconds=asked.seconds,
            web=asked.web,
            nginx=asked.nginx,
        )
    print("kept" if kept else "BROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
