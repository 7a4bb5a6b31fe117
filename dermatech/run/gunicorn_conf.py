"""Gunicorn's settings, the same for `make run` and the container.

A long poll holds its thread for up to 25 s, so there are many threads and every timeout is longer.
Environment: HOST, PORT, WEB_WORKERS, WEB_THREADS.
"""

import os
from pathlib import Path
from typing import Any

wsgi_app = "dermatech.wsgi"
bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT') or '8000'}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS") or "2")
threads = int(os.environ.get("WEB_THREADS") or "24")
timeout = 60
graceful_timeout = 30
keepalive = 5
max_requests = 5000
max_requests_jitter = 500
# Heartbeats of the web workers must not wait for a disk.
_MEMORY = "/dev/shm"  # noqa: S108  # nosec B108
worker_tmp_dir = _MEMORY if os.access(_MEMORY, os.W_OK) else None
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = "warning"
limit_request_line = 8190
proc_name = "dermatech-web"

_METRICS = os.environ.get("PROMETHEUS_MULTIPROC_DIR")


def on_starting(_server: Any) -> None:
    """Counters of an earlier run must not be added to this one's."""
    if _METRICS:
        folder = Path(_METRICS)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.db"):
            old.unlink(missing_ok=True)


def child_exit(_server: Any, worker: Any) -> None:
    """Gauges of a web worker that has gone are dropped."""
    if _METRICS:
        # It reads the environment when imported, so not before the master has started.
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
