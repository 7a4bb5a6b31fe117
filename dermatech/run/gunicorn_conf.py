"""Gunicorn's settings, the same for `make run` and the container.

A long poll holds its thread for up to 25 s, so there are many threads and every timeout is longer.
Environment: HOST, PORT, WEB_WORKERS, WEB_THREADS, WEB_RECEIVE_SECONDS.
"""

import os
import socket
import struct
import sys
from pathlib import Path
from threading import Thread
from typing import Any

wsgi_app = "dermatech.wsgi"
bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT') or '8000'}"
# Threads that only ever meet whole requests.
worker_class = "dermatech.run.waiting.WaitingWorker"
workers = int(os.environ.get("WEB_WORKERS") or "2")
threads = int(os.environ.get("WEB_THREADS") or "24")
timeout = 60
graceful_timeout = 30
keepalive = 5
# Imported once; processes are forked from it, share its memory, and are there at once when one is renewed.
preload_app = True
max_requests = 50_000
max_requests_jitter = 10_000
# Heartbeats of the web workers must not wait for a disk.
_MEMORY = "/dev/shm"  # noqa: S108  # nosec B108
worker_tmp_dir = _MEMORY if os.access(_MEMORY, os.W_OK) else None
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = "warning"
limit_request_line = 8190
proc_name = "dermatech-web"

# A phone that loses its network in the middle of an upload says no word more, and must not hold a
# thread for ever. Each piece may take this long, the whole upload as long as it needs.
receive_seconds = int(os.environ.get("WEB_RECEIVE_SECONDS") or "20")

_METRICS = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _METRICS:  # before the application is imported, which opens its files there
    Path(_METRICS).mkdir(parents=True, exist_ok=True, mode=0o700)


def on_starting(_server: Any) -> None:
    """Gunicorn's own pages become problem details. Counters of an earlier run must not be added to
    this one's."""
    from gunicorn import util  # type: ignore[import-untyped]

    from dermatech.run import refusals

    util.write_error = refusals.write_error
    if _METRICS:
        for old in Path(_METRICS).glob("*.db"):
            old.unlink(missing_ok=True)


def when_ready(server: Any) -> None:
    """Every connection inherits the listener's patience (Linux; the two numbers of a timeval)."""
    if sys.platform == "linux":
        for listener in server.LISTENERS:
            patience = struct.pack("@ll", receive_seconds, 0)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)


def post_worker_init(_worker: Any) -> None:
    """Have a way to the broker before the first consultation needs one."""
    from dermatech.celery import warm_publisher

    Thread(target=warm_publisher, name="warm-publisher", daemon=True).start()


def child_exit(_server: Any, worker: Any) -> None:
    """Gauges of a web worker that has gone are dropped."""
    if _METRICS:
        # It reads the environment when imported, so not before the master has started.
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
