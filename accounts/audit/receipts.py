"""Checkpoints handed out: in a header of every answer, and once a day by e-mail to the auditors.

Whoever keeps one can later prove that events were cut off or rewritten; the more hands they are in,
the less a single key holder can do.
"""

import base64
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from accounts.audit.keys import signing_key
from accounts.audit.models import AuditCheckpoint
from accounts.audit.sealer import alone, kept_checkpoint_path, latest_checkpoint

HEADER: Final = "Audit-Checkpoint"
MAIL_EVERY: Final = timedelta(days=1)
_LOOK_EVERY: Final = 2.0
_seen: Final = {"note": ""}


class CheckpointHeaderMiddleware:
    """Adds the newest signed checkpoint, in base64, to every answer of the API and the admin.

    It comes from the file that the sealer keeps outside the database, looked at every two seconds, or
    from what readiness saw last where the sealer runs on another machine: no request waits for it, and
    none asks the database.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._kept = _Kept(kept_checkpoint_path())

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        value = self._kept.encoded() or _seen["note"]
        if value and request.path.startswith(("/api/", "/admin/")):
            response.headers[HEADER] = value
        return response


def remember(checkpoint: AuditCheckpoint | None) -> None:
    """What somebody who asks the database anyway has seen."""
    _seen["note"] = base64.b64encode(checkpoint.note.encode()).decode() if checkpoint else ""


class _Kept:
    """The file, read again when it changed."""

    def __init__(self, path: Path) -> None:
        self._path, self._value = path, ""
        self._looked, self._stamp = float("-inf"), 0

    def encoded(self) -> str:
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            try:
                stamp = self._path.stat().st_mtime_ns
                if stamp != self._stamp:
                    self._value = base64.b64encode(self._path.read_bytes()).decode()
                    self._stamp = stamp
            except OSError:
                self._value, self._stamp = "", 0
        return self._value


def mail_daily() -> int:
    """Queue a letter with the newest checkpoint to every auditor, once a day; how many were queued."""
    from accounts.models import AccountState, OutgoingMail, Role, User

    kind = OutgoingMail.Kind.AUDIT_CHECKPOINT
    recent = OutgoingMail.objects.filter(kind=kind, created_at__gt=timezone.now() - MAIL_EVERY)
    if recent.exists() or latest_checkpoint() is None:
        return 0
    with transaction.atomic():
        if not alone() or recent.exists():  # another sealer was quicker
            return 0
        auditors = User.objects.filter(role=Role.AUDITOR, state=AccountState.VERIFIED)
        letters = [OutgoingMail(kind=kind, user=auditor, due_at=timezone.now()) for auditor in auditors]
        OutgoingMail.objects.bulk_create(letters)
    return len(letters)


def letter_context() -> dict[str, AuditCheckpoint | str | None]:
    """What the daily letter says."""
    return {"checkpoint": latest_checkpoint(), "verifier_key": signing_key().verifier_key}
