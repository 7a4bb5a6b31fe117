"""The starter knowledge as the engines see it, without a database."""

from typing import Any

import pytest
from hypothesis import settings

from triage.engine import Knowledge, parse_knowledge

# A busy machine is no failure, and examples are not kept between runs.
settings.register_profile("unhurried", deadline=None, database=None)
settings.load_profile("unhurried")


def compose_starter() -> dict[str, Any]:
    """The snapshot of the starter content, from rows that were never saved."""
    from triage.services.starter import starter_snapshot

    return starter_snapshot()


@pytest.fixture(scope="session")
def snapshot() -> dict[str, Any]:
    """The starter snapshot."""
    return compose_starter()


@pytest.fixture(scope="session")
def knowledge(snapshot: dict[str, Any]) -> Knowledge:
    """The starter knowledge, parsed."""
    return parse_knowledge(snapshot).of_release("1-test", "starter_unreviewed")
