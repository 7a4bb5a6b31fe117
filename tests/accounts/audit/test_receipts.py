"""Checkpoints in many hands: in a header, by e-mail, as a picture."""

import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail as outbox
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from accounts.audit import receipts
from accounts.audit.admin.workbench import qr_code
from accounts.audit.metrics import EXPORTS_WAITING, LOG_SIZE, SEAL_LAG, refresh
from accounts.audit.sealer import keep_checkpoint, kept_checkpoint_path, latest_checkpoint, seal_all
from accounts.mail import deliver_due
from accounts.models import OutgoingMail

pytestmark = pytest.mark.one_database


@pytest.fixture
def header(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str | None]:
    """The header of an answer to a path."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(receipts, "_LOOK_EVERY", 0)
    middleware = receipts.CheckpointHeaderMiddleware(lambda _request: HttpResponse("yes"))

    def asking(path: str) -> str | None:
        return middleware(RequestFactory().get(path)).headers.get(receipts.HEADER)

    return asking


def test_the_newest_checkpoint_is_in_a_header_and_costs_no_query(
    write: Any, header: Callable[[str], str | None], django_assert_num_queries: Any
) -> None:
    assert header("/api/v1/health/live") is None
    for _ in range(2):
        write(2)
        seal_all()
        keep_checkpoint(kept_checkpoint_path())
        newest = latest_checkpoint()
        assert newest is not None
        with django_assert_num_queries(0):
            told = header("/api/v1/health/live")
        assert told is not None
        assert base64.b64decode(told).decode() == newest.note
    assert header("/admin/")
    assert header("/static/x.css") is None


def test_every_auditor_gets_a_letter_a_day_that_can_be_verified_with(
    write: Any, efua: Any, adjoa: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert receipts.mail_daily() == 0  # there is nothing to tell yet
    write(3)
    seal_all()
    newest = latest_checkpoint()
    assert newest is not None
    assert receipts.mail_daily() == 1
    assert receipts.mail_daily() == 0
    assert deliver_due() == 1
    (letter,) = outbox.outbox
    assert letter.to == [efua.email]
    assert newest.note in letter.body
    OutgoingMail.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    assert receipts.mail_daily() == 1


def test_a_code_to_photograph_holds_the_signed_text() -> None:
    picture = qr_code("example.org/log\n5\nroot\n")
    assert base64.b64decode(picture.partition(",")[2]).startswith(b"<svg")


def test_how_far_the_sealer_is_behind_can_be_scraped(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(3)
    refresh()
    assert SEAL_LAG._value.get() >= 0
    assert LOG_SIZE._value.get() == 0
    seal_all()
    refresh()
    assert (SEAL_LAG._value.get(), LOG_SIZE._value.get(), EXPORTS_WAITING._value.get()) == (0, 3, 0)
