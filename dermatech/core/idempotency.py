"""Idempotency-Key: the same request sent twice over a bad network is carried out once.

How a view uses it:

    @idempotent
    def post(self, request):
        prepared = prepare(request)          # parse, decode photos, write files: outside any transaction
        with transaction.atomic():
            thing = services.create(...)     # the rows
            response = Response(...)
            remember(request, response)      # the answer, in the same transaction as the rows
        return response

The claim on the key is committed first, so that a second request in flight is told 409. A request
that fails gives its claim back, so that a corrected one may use the key again. A claim whose
process died is taken over after CLAIM_LEASE; should that process live and only be slow, it finds its
claim gone where it wants to `remember`, and its rows are rolled back: one of the two wins, never both.

A view whose headers say what is asked for names them in `fingerprint_headers`.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar, cast

from django.apps import apps
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from dermatech.core.errors import Conflict, Unprocessable, ValidationFailed
from dermatech.core.rendering import JSONRenderer

KEPT = timedelta(hours=24)
CLAIM_LEASE = timedelta(seconds=60)
REPLAYED = "Idempotency-Replayed"
_MAX_KEY = 200
_STORED_HEADERS = ("Location", "ETag", "Retry-After")
_ATTRIBUTE = "_idempotency_claim"

V = TypeVar("V", bound=Callable[..., Any])


def _records() -> Any:
    return apps.get_model("accounts", "IdempotencyRecord")._default_manager


def fingerprint(request: Request, headers: Iterable[str] = ()) -> str:
    """SHA-256 (hex) of method, path, `headers` and body; multipart boundaries do not count, file bytes do."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    for name in headers:
        digest.update(f"{name}: {request.headers.get(name, '')}\n".encode("utf-8", "surrogatepass"))
    data = request.data
    if hasattr(data, "lists"):
        for name, values in sorted(data.lists()):
            for value in values:
                digest.update(f"\n{name}=".encode())
                if isinstance(value, UploadedFile):
                    for chunk in value.chunks():
                        digest.update(chunk)
                    value.seek(0)
                else:
                    digest.update(str(value).encode("utf-8", "surrogatepass"))
    else:
        digest.update(json.dumps(data, sort_keys=True, cls=JSONEncoder).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def offered_key(request: Request) -> str | None:
    """The key that came with the request; raises ValidationFailed where it is none."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= _MAX_KEY or not key.isascii() or not key.isprintable():
        raise ValidationFailed.of(
            "Idempotency-Key", "invalid", f"Give 1 to {_MAX_KEY} printable ASCII characters, as a UUID."
        )
    return key


def _claim(user: Any, key: str, mark: str) -> tuple[Any, bool]:
    """The record of `key`, and whether this request now holds it."""
    now = timezone.now()
    # The unique constraint decides the race; the loser reads what the winner wrote.
    try:
        with transaction.atomic():
            return (
                _records().create(
                    user=user, key=key, fingerprint=mark, state="in_flight", expires_at=now + CLAIM_LEASE
                ),
                True,
            )
    except IntegrityError:
        pass
    won = (
        _records()
        .filter(user=user, key=key, expires_at__lte=now)
        .update(fingerprint=mark, state="in_flight", expires_at=now + CLAIM_LEASE, body="")
    )
    record = _records().filter(user=user, key=key).first()
    if record is None:  # given back between the two looks
        raise Conflict(
            "The first request with this key just failed; send it again.", code="idempotency_retry"
        )
    return record, bool(won)


def _replay(record: Any, mark: str) -> HttpResponse:
    if record.fingerprint != mark:
        raise Unprocessable(
            "This Idempotency-Key was used with another body; use a new key for a new request.",
            code="idempotency_key_reused",
        )
    if record.state != "done":
        raise Conflict(
            "The first request with this key is still being carried out.",
            code="idempotency_in_flight",
            headers={"Retry-After": "2"},
        )
    headers = {**record.headers, REPLAYED: "true"}
    return HttpResponse(
        record.body,
        status=record.status_code,
        content_type="application/json",
        headers=headers,
    )


def remember(request: Request, response: Response) -> None:
    """Keep `response` as the answer of this request's key; call inside the transaction of its rows."""
    record = getattr(request, _ATTRIBUTE, None)
    if record is None:
        return
    claimed_until, now = record.expires_at, timezone.now()
    record.state = "done"
    record.status_code = response.status_code
    record.headers = {name: response[name] for name in _STORED_HEADERS if response.has_header(name)}
    # The bytes that the caller gets now, so that the same are given again.
    record.body = JSONRenderer().render(response.data).decode() if response.data is not None else ""
    record.expires_at = now + KEPT
    kept = (
        _records()
        .filter(pk=record.pk, state="in_flight", expires_at=claimed_until)
        .update(
            state=record.state,
            status_code=record.status_code,
            headers=record.headers,
            body=record.body,
            expires_at=record.expires_at,
            updated_at=now,
        )
    )
    if not kept:
        raise Conflict(
            "This took so long that the same request was begun again; ask for its answer by the same key.",
            code="idempotency_in_flight",
            headers={"Retry-After": "2"},
        )


def idempotent(view: V) -> V:
    """Decorates the `post` of a view; without the header, or without a user, it does nothing."""

    @functools.wraps(view)
    def wrapper(self: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        key = offered_key(request)
        user = request.user
        if key is None or user is None or not getattr(user, "pk", None):
            return view(self, request, *args, **kwargs)
        mark = fingerprint(request, getattr(self, "fingerprint_headers", ()))
        record, mine = _claim(user, key, mark)
        if not mine:
            return _replay(record, mark)
        setattr(request, _ATTRIBUTE, record)
        claimed_until = record.expires_at
        try:
            response = view(self, request, *args, **kwargs)
        except BaseException:
            _records().filter(pk=record.pk, state="in_flight", expires_at=claimed_until).delete()
            raise
        if record.state != "done":
            remember(request, response)
        return response

    return cast(V, wrapper)


def purge() -> int:
    """Delete what is older than KEPT; returns how many records went."""
    deleted, _ = _records().filter(expires_at__lt=timezone.now() - KEPT).delete()
    return int(deleted)
