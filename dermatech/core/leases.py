"""Work that stands in a row: who claims it holds a lease on it, and renews it by telling how far he is.

For models with `state` (queued, running, failed among them), `attempts`, `lease_until`, `done`, `error`,
`finished_at` and `updated_at`. The number of attempts is the fence: whoever holds an older one has lost the
row. A worker looks for rows every few seconds, so a dead broker delays none.
"""

import time
from datetime import timedelta
from typing import Any, Final, TypeVar

from django.db.models import F, Model, Q
from django.utils import timezone

LEASE: Final = timedelta(minutes=2)
MOST_ATTEMPTS: Final = 3
# Nobody has taken a row for so long: there is no worker.
PATIENCE: Final = timedelta(seconds=30)
_TELL_EVERY: Final = 1.0
_QUEUED, _RUNNING, _FAILED = "queued", "running", "failed"

Row = TypeVar("Row", bound=Model)


class Lost(Exception):
    """Somebody else has the row now, or it was called off: what is not written yet must not be."""


def claim(model: type[Row]) -> Row | None:
    """The oldest row that waits, or whose worker is gone, made ours; one that was tried too often fails."""
    now = timezone.now()
    waits = Q(state=_QUEUED) | Q(state=_RUNNING, lease_until__lt=now)
    rows: Any = model._default_manager
    for row in rows.filter(waits).order_by("created_at")[:10]:
        mine = rows.filter(waits, pk=row.pk, attempts=row.attempts).update(
            state=_RUNNING, attempts=F("attempts") + 1, lease_until=now + LEASE, done=0, updated_at=now
        )
        if not mine:
            continue
        row.refresh_from_db()
        if row.attempts <= MOST_ATTEMPTS:
            return row  # type: ignore[no-any-return]  # of the model's own manager
        fail(row, "Its worker died each time it was made.")
    return None


def held(row: Any) -> Any:
    """The row, as a queryset that is empty once it is lost."""
    rows = type(row)._default_manager
    return rows.filter(pk=row.pk, state=_RUNNING, attempts=row.attempts)


def nobody_works(row: Any) -> bool:
    """Whether it has been waiting so long that there can be no worker."""
    return bool(row.state == _QUEUED and timezone.now() - row.created_at > PATIENCE)


def fail(row: Any, reason: str) -> None:
    """End it; `reason` is for people."""
    now = timezone.now()
    held(row).update(state=_FAILED, error=reason[:300], finished_at=now, lease_until=None, updated_at=now)


def try_again(row: Any, reason: str) -> None:
    """Leave it to be taken up when the lease is over, or fail it for `reason` where that was often enough."""
    if row.attempts >= MOST_ATTEMPTS:
        fail(row, reason)
    else:
        held(row).update(lease_until=timezone.now() + LEASE)


class Telling:
    """Writes down how far a row is, once a second at most, and holds its lease by that."""

    def __init__(self, row: Any) -> None:
        self._row, self._last = row, time.monotonic()

    def __call__(self, done: int, *, at_once: bool = False, **also: Any) -> None:
        """Raises Lost."""
        now = time.monotonic()
        if not at_once and now - self._last < _TELL_EVERY:
            return
        self._last = now
        until = timezone.now() + LEASE
        if not held(self._row).update(**{"done": done, "lease_until": until, **also}):
            raise Lost
