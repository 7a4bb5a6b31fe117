"""The running service, once per test process."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Real Redis, gunicorn, Celery worker and sealer on a real database, ready."""
    # A short path: the socket of Redis lies below it.
    with tempfile.TemporaryDirectory(prefix="dt-") as folder:
        running = Stack(Path(folder), database=os.environ.get("TEST_DATABASE", "sqlite"))
        running.environment["DATABASE_POOL_SIZE"] = "8"  # threads share connections, on PostgreSQL
        try:
            running.start()
            yield running
        finally:
            running.stop()
