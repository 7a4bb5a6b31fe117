"""Proposals and replays over many past cases are a worker's, behind the same pages."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import background
from accounts.audit.models import AuditEvent
from accounts.models import BackgroundJob, User
from dermatech.core import replays
from dermatech.core.releases import ReleaseState
from dermatech.core.replays import ReplayReport
from triage import selectors, services
from triage.models import Guideline, GuidelineRelease

pytestmark = [pytest.mark.django_db, pytest.mark.one_database, pytest.mark.usefixtures("starter_knowledge")]
ADD = reverse("admin:triage_guidelinerelease_add")
State = BackgroundJob.State
LABEL = "triage.guidelinerelease"


@pytest.fixture(autouse=True)
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ten thousand patients for whom nothing would change; how often they were gone through."""
    gone_through: list[int] = []

    def replay(snapshot: Mapping[str, Any], *, last: int | None = None, progress: Any = None) -> ReplayReport:
        gone_through.append(1)
        if progress is not None:
            progress(100, 10_000)
        base = selectors.current_release().label
        return ReplayReport(base, 10_000, 10_000, 10_000, (), (), timezone.now().isoformat(), 3)

    monkeypatch.setitem(replays._replayers, LABEL, replay)
    monkeypatch.setitem(replays._sizes, LABEL, lambda: 10_000)
    return gone_through


def _enter(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def site(yaw: User) -> Client:
    Guideline.objects.filter(code="ph-scabies").update(advice="Treat everyone at home. Come back in 2 weeks.")
    return _enter(yaw)


def _job(answer: Any) -> BackgroundJob:
    job = BackgroundJob.objects.latest("id")
    assert answer.status_code == 302
    assert answer["Location"] == background.address(job)
    return job


def _done(job: BackgroundJob) -> BackgroundJob:
    assert background.run_due() == 1
    job.refresh_from_db()
    return job


def test_past_cases_are_replayed_before_anything_is_proposed(
    site: Client, abena: User, passes: list[int]
) -> None:
    job = _job(site.post(ADD, {"preview": "yes"}))
    assert passes == [], "nothing is replayed in the request"

    page = site.get(_done(job).link).content.decode()

    assert "10000 unchanged, 0 changed" in page
    assert not GuidelineRelease.objects.filter(state=ReleaseState.PROPOSED).exists()
    assert _enter(abena).get(job.link).status_code == 404
    assert site.get(f"{ADD}?previewed=nonsense").status_code == 404


def test_a_proposal_is_made_once_and_in_the_name_of_who_asked(site: Client, yaw: User) -> None:
    job = _job(site.post(ADD, {"title": "Advice for scabies"}))
    job = _done(job)

    release = GuidelineRelease.objects.get(title="Advice for scabies")
    assert (release.state, release.proposed_by) == (ReleaseState.PROPOSED, yaw)
    assert job.link == reverse("admin:triage_guidelinerelease_change", args=[release.pk])
    event = AuditEvent.objects.get(action="release.proposed")
    assert (event.actor_id, event.request_id) == (str(yaw.pk), str(job.pk))


def test_what_stands_against_a_proposal_is_said(site: Client) -> None:
    when = {"fact": "fevre", "op": "eq", "value": True}
    job = _job(site.post(ADD, {"title": "Broken"}))
    Guideline.objects.filter(code="ph-scabies").update(when=when)

    assert background.run_due() == 0

    job.refresh_from_db()
    assert "cannot be released: 1 fault, the first at guidelines.ph-scabies" in job.error
    assert job.back == ADD
    assert not GuidelineRelease.objects.filter(title="Broken").exists()


def test_who_calls_it_off_in_time_has_proposed_nothing(site: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _job(site.post(ADD, {"title": "Not now"}))
    found = replays._replayers[LABEL]

    def called_off(*args: Any, **kwargs: Any) -> Any:
        report = found(*args, **kwargs)
        background.call_off(actor=job.asked_by, job=job)
        return report

    monkeypatch.setitem(replays._replayers, LABEL, called_off)
    assert background.run_due() == 0

    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert not GuidelineRelease.objects.filter(title="Not now").exists()


def test_an_approval_waits_for_the_replay_against_what_came_into_force_since(
    site: Client, yaw: User, abena: User, passes: list[int]
) -> None:
    release = services.propose_release(actor=yaw, title="First")
    Guideline.objects.filter(code="ph-scabies").update(advice="Come back in 3 weeks.")
    services.approve_release(actor=abena, release=services.propose_release(actor=yaw, title="Second"))
    passes.clear()
    page = reverse("admin:triage_guidelinerelease_change", args=[release.pk])
    colleague = _enter(abena)

    job = _job(colleague.post(page, {"decision": "approve"}))
    assert passes == []
    assert "past cases are replayed first" in colleague.get(background.address(job)).content.decode()
    assert _done(job).link == f"{page}#past-cases"

    colleague.post(page, {"decision": "approve"})
    release.refresh_from_db()
    assert (release.state, passes) == (ReleaseState.ACTIVE, [1])
