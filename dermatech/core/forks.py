"""The database in a process that forks: a worker's main process, where threads sweep and report.

A child that is forked while SQLite is open inherits its notes of which locks are held, but not the locks:
two processes then write at once, and the file is ruined (sqlite.org/howtocorrupt.html, 2.6). A socket to
PostgreSQL would be shared the same way. So nobody forks while a thread here has the database open.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

# Re-entrant: the thread that forks may be the one that holds it.
_LOCK = threading.RLock()
os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)


@contextmanager
def database_between_forks() -> Iterator[None]:
    """Use the database in here, on this thread's own connection; it is closed at the end. Forks wait."""
    with _LOCK:
        try:
            yield
        finally:
            connection.close()
