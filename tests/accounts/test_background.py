"""Long work that a worker does: watched, called off, ended in plain words."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import background
from accounts.background import Done, Kind, Run
from accounts.models import BackgroundJob, User
from accounts.policy import Permission
from dermatech.core.errors import Forbidden, Unprocessable

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
State = BackgroundJob.State
Works = Callable[[Callable[[Run], Done | None]], BackgroundJob]
_work: list[Callable[[Run], Done | None]] = []


def work(run: Run) -> Done | None:
    """What the test at hand wants done."""
    return _work[-1](run)


@pytest.fixture
def asked(yaw: User, monkeypatch: pytest.MonkeyPatch) -> Works:
    kind = Kind("test.work", Permission.KNOWLEDGE_CURATE, "tests.accounts.test_background.work")
    monkeypatch.setitem(background._kinds, kind.name, kind)

    def ask(does: Callable[[Run], Done | None]) -> BackgroundJob:
        _work.append(does)
        return background.ask(actor=yaw, kind=kind.name, about="Counting sheep", given={}, back="/admin/")

    return ask


@pytest.fixture
def page(yaw: User) -> Callable[[BackgroundJob], str]:
    client = Client()
    client.force_login(yaw)
    return lambda job: client.get(background.address(job)).content.decode()


def _ended(job: BackgroundJob) -> BackgroundJob:
    job.refresh_from_db()
    return job


def test_its_page_tells_how_far_it_is_and_how_it_ended(asked: Works, page: Any) -> None:
    seen: list[str] = []

    def count(run: Run) -> Done:
        run.tell(3, 8, "Sheep counted")
        seen.append(page(run.job))
        return Done("Eight sheep.", reverse("admin:index"))

    job = asked(count)
    assert background.run_due() == 1

    assert "Sheep counted: 3 of 8" in seen[0]
    assert 'value="3" max="8"' in seen[0]
    assert "Call it off" in seen[0]
    assert "Eight sheep." in page(_ended(job))
    assert "Call it off" not in page(job)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unprocessable("The sheep ran away.", code="sheep"), "The sheep ran away."),
        (ZeroDivisionError("secret"), "It stopped at a fault of the program. Nothing was written"),
    ],
)
def test_what_failed_is_said_in_plain_words(asked: Works, page: Any, error: Exception, said: str) -> None:
    def fall(run: Run) -> Done:
        raise error

    logging.getLogger("accounts.background").disabled = isinstance(error, ZeroDivisionError)
    try:
        job = asked(fall)
        assert background.run_due() == 0
    finally:
        logging.getLogger("accounts.background").disabled = False

    shown = page(_ended(job))
    assert said in shown
    assert "secret" not in shown
    assert "Back to where it was asked for" in shown


def test_it_is_called_off_before_it_writes_and_not_after(asked: Works, yaw: User, page: Any) -> None:
    client = Client()
    client.force_login(yaw)
    reached: list[str] = []

    def call_off(job: BackgroundJob) -> Any:
        return client.post(reverse("admin:accounts_backgroundjob_call_off", args=[job.pk]), follow=True)

    def stopped(run: Run) -> Done:
        call_off(run.job)
        run.tell(1, 2, "Counting")
        reached.append("after")
        return Done("", "")

    job = asked(stopped)
    assert background.run_due() == 0
    assert (_ended(job).state, reached) == (State.CANCELLED, [])
    assert "It was called off. Nothing was written." in page(job)

    def writing(run: Run) -> Done:
        run.write_now()
        assert "It is too late to call this off." in call_off(run.job).content.decode()
        return Done("Written.", reverse("admin:index"))

    job = asked(writing)
    assert background.run_due() == 1
    assert _ended(job).state == State.SUCCEEDED


def test_one_whose_worker_died_each_time_fails(asked: Works) -> None:
    class Killed(BaseException):
        pass

    def die(run: Run) -> Done:
        raise Killed

    job = asked(die)
    for _ in range(3):
        with pytest.raises(Killed):
            background.run_due()
        BackgroundJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert background.run_due() == 0
    assert (_ended(job).state, job.error) == (State.FAILED, "Its worker died each time it was made.")


def test_a_worker_that_was_too_slow_writes_nothing(asked: Works) -> None:
    def slow(run: Run) -> Done:
        BackgroundJob.objects.update(attempts=2)  # another one has taken it up
        return Done("Twice.", "")

    job = asked(slow)
    assert background.run_due() == 0
    assert _ended(job).said == ""


def test_nobody_asks_for_what_the_role_may_not_do(asked: Works, efua: User) -> None:
    with pytest.raises(Forbidden):
        background.ask(actor=efua, kind="test.work", about="", given={}, back="")


def test_without_a_worker_the_page_says_so_and_old_ones_are_forgotten(asked: Works, page: Any) -> None:
    job = asked(lambda run: Done("", ""))
    BackgroundJob.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert "no worker is running" in page(_ended(job))
    background.run_due()
    assert background.forget_old() == 0
    BackgroundJob.objects.update(finished_at=timezone.now() - background.KEPT - timedelta(days=1))
    assert background.forget_old() == 1
