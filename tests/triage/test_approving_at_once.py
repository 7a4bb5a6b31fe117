"""Two supervisors who decide at the same moment, each on a connection of their own."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from dermatech.core.errors import Conflict
from triage import selectors, services
from triage.models import Guideline, GuidelineRelease

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite's test database is one connection"
    ),
]


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each of them gave or raised."""
    together = threading.Barrier(len(acts))
    found: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        together.wait(timeout=30)
        try:
            found[number] = act()
        except Conflict as conflict:
            found[number] = conflict
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found


def test_of_two_who_approve_or_reject_at_once_one_wins(
    starter_knowledge: None, yaw: Any, abena: Any, efua: Any
) -> None:
    efua.role = "supervisor"
    efua.save()
    for round_ in range(3):
        rule = Guideline.objects.get(code="rr-treatment-failed")
        rule.advice = f"See a clinic within {round_ + 2} weeks."
        services.save_item(actor=yaw, item=rule, changed=["advice"])
        release = services.propose_release(actor=yaw, title=f"Round {round_}")

        def approve(person: Any, number: Any = release.pk) -> Any:
            return services.approve_release(actor=person, release=GuidelineRelease.objects.get(pk=number))

        def reject(person: Any, number: Any = release.pk) -> Any:
            seen = GuidelineRelease.objects.get(pk=number)
            return services.reject_release(actor=person, release=seen, reason="No.")

        second = reject if round_ == 2 else approve
        found = at_once(lambda: approve(abena), lambda: second(efua))  # noqa: B023  # run at once
        lost = [each for each in found if isinstance(each, Conflict)]
        assert len(lost) == 1, found
        assert lost[0].code == "release_decided"
        (won,) = (each for each in found if each not in lost)
        release.refresh_from_db()
        assert release.state == won.state
        assert release.remarks.count() == 1
        if won.state == "active":
            assert selectors.current_release() == release
            assert release.approved_by == (abena if found[0] is won else efua)
    assert GuidelineRelease.objects.filter(state="active").count() == 1
