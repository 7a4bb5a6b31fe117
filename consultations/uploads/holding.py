"""The right to append to an upload: one request at a time, on whichever machine it runs."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from consultations.models import Upload, UploadState
from dermatech.core.errors import DomainError

# Longer than the server waits for the next bytes of a silent connection.
LEASE = timedelta(seconds=30)
# From the last byte to the photo: decoding, the store, the database.
FINISHING = timedelta(seconds=120)
# For how many seconds whoever takes an upload over waits for the request before it.
PATIENCE = 2.0


class Locked(DomainError):
    """423: another request appends to this upload."""

    status = HTTPStatus.LOCKED
    code = "upload_locked"
    detail = "Another request is sending bytes of this upload; ask by HEAD how far it is, then go on."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Retry-After": "2"})


@dataclass(frozen=True, slots=True)
class Hold:
    """The lock on one upload, good as long as nobody took it over."""

    upload_id: uuid.UUID
    token: uuid.UUID

    @property
    def mine(self) -> QuerySet[Upload]:
        """The row, as long as this lock stands."""
        return Upload.objects.filter(pk=self.upload_id, lock=self.token, state=UploadState.OPEN)

    def change(self, *, lease: timedelta = LEASE, **fields: Any) -> None:
        """Change the row and prolong the lock. Raises Locked where it was taken over."""
        now = timezone.now()
        if not self.mine.update(locked_until=now + lease, updated_at=now, **fields):
            raise Locked("Another request took this upload over; ask by HEAD how far it is.")


@contextmanager
def hold(upload_id: uuid.UUID) -> Iterator[Hold]:
    """Hold an open upload for a block. Raises Locked at once when somebody else does."""
    now = timezone.now()
    held = Hold(upload_id, uuid.uuid4())
    free = Q(lock__isnull=True) | Q(locked_until__lt=now)
    if (
        not Upload.objects.filter(free, pk=upload_id, state=UploadState.OPEN)
        .update(lock=held.token, locked_until=now + LEASE)
    ):  # fmt: skip
        raise Locked
    try:
        yield held
    finally:
        Upload.objects.filter(pk=upload_id, lock=held.token).update(lock=None, locked_until=None)


def take_over(upload_id: uuid.UUID) -> None:
    """Free an upload from a request whose connection the phone has given up. One that the server knows to
    be broken writes what it has and ends by itself, at once; one that hangs would wait half a minute for
    bytes that never come, and what it has not written yet is sent again. An upload that is complete is left
    alone: it is being made a photo."""
    held = Upload.objects.filter(pk=upload_id, received__lt=F("length"), lock__isnull=False)
    deadline = time.monotonic() + PATIENCE
    while held.exists():
        if time.monotonic() > deadline:
            held.update(lock=None, locked_until=None)
            break
        time.sleep(0.05)
