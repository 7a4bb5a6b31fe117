"""What workers do beside their queue goes on, whatever happens to it."""

import threading
import time

import pytest
from django.db import DatabaseError

from accounts import tasks
from dermatech.core import chores

pytestmark = pytest.mark.one_database


def test_a_worker_posts_letters_makes_exports_and_clears() -> None:
    assert {"letters", "audit-exports", "old-audit-exports", "clearing"} <= {
        each.name for each in chores.CHORES
    }
    assert tasks.clear in [each.work for each in chores.CHORES]


@pytest.mark.parametrize("error", [DatabaseError("away"), OSError("full"), KeyError("a mistake")])
def test_a_chore_that_fails_is_logged_and_done_again(
    error: Exception, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dermatech.core.chores.connection.close", lambda: None)
    done, again = [], threading.Event()

    def work() -> None:
        done.append(time.monotonic())
        if len(done) == 1:
            raise error
        again.set()

    chore = chores.Chore("washing-up", seconds=0.01, work=work)
    monkeypatch.setattr(chores, "CHORES", [chore])
    chores.start()
    try:
        assert again.wait(5)
    finally:
        chores.stop()
    assert "washing-up did not work" in caplog.text
    count = len(done)
    time.sleep(0.05)
    assert len(done) == count, "it stopped"
