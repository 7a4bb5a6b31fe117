"""Nobody forks while a thread has the database open."""

import os
import threading

import pytest

from dermatech.core.forks import database_between_forks

pytestmark = pytest.mark.one_database


def test_a_fork_waits_until_the_database_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import connection

    steps: list[str] = []
    monkeypatch.setattr(connection, "close", lambda: steps.append("closed"))
    opened, go_on = threading.Event(), threading.Event()

    def work() -> None:
        with database_between_forks():
            opened.set()
            go_on.wait(5)
            connection.close = lambda: steps.append("closed")  # type: ignore[method-assign]

    thread = threading.Thread(target=work)
    thread.start()
    assert opened.wait(5)
    threading.Timer(0.2, go_on.set).start()
    child = os.fork()
    if child == 0:
        os._exit(0 if not thread.is_alive() or steps else 1)
    steps.append("forked")
    _, status = os.waitpid(child, 0)
    thread.join()
    assert steps == ["closed", "forked"]
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_child_can_use_it_again() -> None:
    child = os.fork()
    if child == 0:
        with database_between_forks():
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
