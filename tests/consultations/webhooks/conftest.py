"""Fixtures of the webhook tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from consultations.webhooks import services
from tests.consultations.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A system of Osu Pharmacy that listens on this machine, which is allowed while developing."""
    settings.DEBUG = True
    with receiving() as found:
        yield found


@pytest.fixture
def registered(adjoa: Any, ama: Any, receiver: Receiver) -> tuple[Any, str]:
    """The webhook that leads there, and its secret."""
    return services.register(actor=adjoa, name="Osu till", premises=ama.premises, url=receiver.url)
