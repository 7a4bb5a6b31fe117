"""Health checks of containers: `python -m dermatech.run.probe live|ready|worker|sealer`.

Exit status 0 when well, 1 when not, with one line that says why.
"""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta

from dermatech.run.client import Client, RequestFailed

_OK = 200
_SEAL_LAG = timedelta(minutes=2)


def _http(name: str) -> str:
    client = Client("127.0.0.1", int(os.environ.get("PORT") or "8000"))
    try:
        answer = client.ask("GET", f"/health/{name}")
    except RequestFailed as error:
        return str(error)
    return "" if answer.status == _OK else f"/health/{name} was answered {answer.status}"


def _worker() -> str:
    """The worker of this very container beats; its name ends with the host's."""
    import socket

    from redis import RedisError

    from dermatech.health import heartbeat

    try:
        mine = [name for name in heartbeat.alive() if name.endswith(f"@{socket.gethostname()}")]
    except RedisError:
        return ""  # Redis has a check of its own; restarting workers would not bring it back
    return "" if mine else "the worker of this host has given no sign of life"


def _sealer() -> str:
    """No event waits for long; that the database is away is the database's own check."""
    import django

    django.setup()
    from django.db import Error
    from django.utils import timezone

    from accounts.audit.models import AuditPending

    try:
        oldest = (
            AuditPending.objects.order_by("event_id").values_list("event__recorded_at", flat=True).first()
        )
    except Error:
        return ""
    lag = timezone.now() - oldest if oldest else timedelta(0)
    return "" if lag <= _SEAL_LAG else f"the oldest unsealed event is {int(lag.total_seconds())} s old"


PROBES: Mapping[str, Callable[[], str]] = {
    "live": lambda: _http("live"),
    "ready": lambda: _http("ready"),
    "worker": _worker,
    "sealer": _sealer,
}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in PROBES:
        print(f"Say one of: {', '.join(PROBES)}", file=sys.stderr)
        return 2
    trouble = PROBES[arguments[0]]()
    if trouble:
        print(trouble, file=sys.stderr)
    return 1 if trouble else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")
    sys.exit(main(sys.argv[1:]))
