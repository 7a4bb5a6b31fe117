"""What a worker's main process does when one of its children dies over an analysis: it writes down that
the case did this, at once and within the case's budget of errors. Imported by workers only.

A whole machine that dies can write nothing down; that is what leases are for.
"""

import logging
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from billiard.exceptions import WorkerLostError
from celery.worker.request import Request
from django.db import Error

from consultations.services import analyses
from dermatech.core.forks import database_between_forks

logger = logging.getLogger(__name__)


class WatchedRequest(Request):
    """An analysis as the worker's main process sees it."""

    def on_timeout(self, soft: bool, timeout: float) -> None:
        if not soft:
            self._report("time_limit")
        super().on_timeout(soft, timeout)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        error = exc_info.exception
        if isinstance(getattr(error, "exc", error), WorkerLostError):
            self._report("worker_lost")
        return super().on_failure(exc_info, send_failed_event, return_ok)

    def _report(self, code: str) -> None:
        """In a thread: a database that is away must not stop the worker's main loop."""
        if self.time_start is None:
            return  # no child had begun
        since = datetime.fromtimestamp(self.time_start, UTC)
        threading.Thread(
            target=report, args=(str(self.args[0]), since, code), name="report-lost", daemon=True
        ).start()


def report(analysis_id: str, since: datetime, code: str) -> None:
    """Count it; when the database is away the lease runs out instead."""
    # At this very moment the next child is being forked.
    with database_between_forks():
        try:
            status = analyses.lost(uuid.UUID(analysis_id), since=since, code=code)
        except Error as error:
            logger.warning("analysis %s was not given back: %s", analysis_id, type(error).__name__)
            return
    logger.error("a process ended over analysis %s (%s): %s", analysis_id, code, status or "not its own")
