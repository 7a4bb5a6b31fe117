"""The audit log in numbers, for Prometheus.

Looked at whenever readiness is asked for, so that a scrape never waits for the database.
"""

import math
from typing import Final

from django.db import DatabaseError
from prometheus_client import Gauge

from accounts.audit.models import AuditExport
from accounts.audit.sealer import log_size, seal_lag_seconds

_MODE: Final = "mostrecent"  # several processes answer scrapes; the last one to look is right
SEAL_LAG: Final = Gauge(
    "dermatech_audit_seal_lag_seconds", "Age of the oldest event that is not sealed.", multiprocess_mode=_MODE
)
LOG_SIZE: Final = Gauge("dermatech_audit_sealed_events", "Events sealed.", multiprocess_mode=_MODE)
EXPORTS_WAITING: Final = Gauge(
    "dermatech_audit_exports_waiting", "Exports that nobody has taken.", multiprocess_mode=_MODE
)


def refresh() -> None:
    """Look again; not a number while the database does not answer."""
    try:
        SEAL_LAG.set(seal_lag_seconds())
        LOG_SIZE.set(log_size())
        EXPORTS_WAITING.set(AuditExport.objects.filter(state=AuditExport.State.QUEUED).count())
    except DatabaseError:
        for gauge in (SEAL_LAG, LOG_SIZE, EXPORTS_WAITING):
            gauge.set(math.nan)
