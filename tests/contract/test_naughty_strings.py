"""Strange texts in every string field of every operation: refused, or kept to the letter; never a crash."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from consultations.services import dispatch
from tests.campaigns import naughty

pytestmark = pytest.mark.django_db


@pytest.fixture
def quiet() -> Iterator[None]:
    """Without a line in the log for each of hundreds of requests."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("starter_knowledge", "quiet")
def test_every_place_takes_every_kind_of_text(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.ACCOUNT_LIMITS = {}  # put back afterwards
    monkeypatch.setattr(dispatch.publisher, "tell", lambda *_, **__: True)
    # What PostgreSQL alone minds (NUL, half characters) is in few of them.
    share = 120 if connection.vendor == "sqlite" else 160
    found = naughty.attacked(naughty.STRINGS, share=share)

    assert found.faults == []
    assert found.places > 150
    assert found.requests > 120
    assert found.returned > 0
    assert found.read_again > 0


def test_the_list_is_of_different_texts_of_every_kind() -> None:
    assert len(set(naughty.STRINGS)) == len(naughty.STRINGS) > 150
    kinds = {"Cc": "\x00", "Cs": "\ud800", "Cf": "\u202e", "Mn": "\u0301", "So": "🇬🇭", "Nd": "\uff11"}
    for sample in kinds.values():
        assert any(sample in text for text in naughty.STRINGS), sample
