"""What the tests of the audit log share: a log of some length, and bundles made from it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from accounts.audit import Action, record
from accounts.audit.export import write_bundle
from accounts.audit.keys import signing_key
from accounts.audit.sealer import latest_checkpoint, seal_all
from accounts.audit.triggers import install_triggers, remove_triggers


@pytest.fixture
def committing(transactional_db: None) -> Iterator[None]:
    """Real commits and rollbacks. The tables are emptied afterwards, which the triggers refuse."""
    install_triggers()
    yield
    remove_triggers()


@pytest.fixture
def guarded(db: None) -> None:
    """The tables as `migrate` leaves them."""
    install_triggers()


@pytest.fixture
def write(guarded: None) -> Callable[..., list[Any]]:
    """Write a number of events, without sealing them."""

    def writing(count: int, **fields: Any) -> list[Any]:
        with transaction.atomic():
            return [
                record(
                    **{"actor": None, "action": Action.CONSULTATION_LISTED, "detail": {"page": at}} | fields
                )
                for at in range(count)
            ]

    return writing


@pytest.fixture
def bundle(write: Callable[..., list[Any]], tmp_path: Path) -> Callable[..., Path]:
    """Write and seal a log of `events`, export it; the bundle's folder."""

    def making(events: int, *, name: str = "bundle", actor: Any = None, **options: Any) -> Path:
        write(events, actor=actor)
        seal_all()
        checkpoint = latest_checkpoint()
        assert checkpoint is not None
        made = write_bundle(tmp_path / name, checkpoint=checkpoint, **options)
        assert made.faithful
        return made.path

    return making


@pytest.fixture
def key() -> str:
    """The public key that an auditor pinned."""
    return signing_key().verifier_key
