"""The admin pages: supervisors read, nobody edits, auditors see no patient, every look is recorded."""

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from consultations.models import Analysis, Photo
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, ringworm

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
PAGES = ("consultation", "photo", "analysis", "recommendation")


@pytest.fixture
def signed_in() -> Any:
    """An admin session."""

    def sign_in(user: Any) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def done(photographed: dict[str, Any]) -> dict[str, Any]:
    run_analysis(uuid.UUID(photographed["analysis"]["id"]))
    return photographed


def page(name: str, view: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:consultations_{name}_{view}", args=args)


@pytest.mark.parametrize("name", PAGES)
def test_supervisors_and_administrators_read_every_list(
    name: str, done: dict[str, Any], yaw: Any, adjoa: Any, signed_in: Any
) -> None:
    for person in (yaw, adjoa):
        answer = signed_in(person).get(page(name))
        assert answer.status_code == 200
        assert done["id"] in answer.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_auditors_see_no_patient(name: str, done: dict[str, Any], efua: Any, signed_in: Any) -> None:
    assert signed_in(efua).get(page(name)).status_code == 403


def test_pharmacists_do_not_get_into_the_admin(done: dict[str, Any], ama: Any, signed_in: Any) -> None:
    assert signed_in(ama).get(page("consultation")).status_code == 302


def test_a_consultation_is_shown_and_the_look_recorded(
    done: dict[str, Any], yaw: Any, signed_in: Any, events: Any
) -> None:
    client = signed_in(yaw)
    events()

    text = client.get(page("consultation", "change", done["id"])).content.decode()

    assert "Mother brought her" in text
    assert "Tinea corporis" in text
    assert "clotrimazole" in text
    assert 'name="_save"' not in text  # nothing to save
    assert "consultation.read" in events()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_added_changed_or_deleted_by_hand(
    name: str, done: dict[str, Any], adjoa: Any, signed_in: Any
) -> None:
    client = signed_in(adjoa)

    assert client.get(page(name, "add")).status_code == 403
    row: Any = {"photo": Photo, "analysis": Analysis}.get(name)
    key = row.objects.get().pk if row else done["id"]
    if name != "recommendation":
        assert client.post(page(name, "delete", key), {"post": "yes"}).status_code == 403
        assert client.post(page(name, "change", key), {"notes": "x"}).status_code == 403


def test_the_photo_is_shown_to_who_may_see_it_only(
    done: dict[str, Any], yaw: Any, efua: Any, signed_in: Any, events: Any
) -> None:
    photo = Photo.objects.get()
    supervisor = signed_in(yaw)
    auditor = signed_in(efua)
    events()

    picture = supervisor.get(page("photo", "picture", photo.pk))
    small = supervisor.get(page("photo", "picture", photo.pk) + "?size=thumbnail")

    assert picture["Content-Type"] == photo.media_type
    assert picture["X-Content-Type-Options"] == "nosniff"
    assert len(small.content) < len(picture.content)
    assert events() == ["photo.read", "photo.read"]
    assert auditor.get(page("photo", "picture", photo.pk)).status_code in (403, 404)
    assert supervisor.get(page("photo", "picture", uuid.uuid4())).status_code == 404


def test_a_failed_analysis_is_tried_again_from_the_list(
    photographed: dict[str, Any], adjoa: Any, signed_in: Any
) -> None:
    from django.utils import timezone

    job = Analysis.objects.get()
    Analysis.objects.update(status="failed", error_code="quarantined", finished_at=timezone.now())
    client = signed_in(adjoa)

    client.post(page("analysis"), {"action": "retry_selected", "_selected_action": [str(job.pk)]})

    assert Analysis.objects.get().status == "queued"
    answer = client.post(
        page("analysis"), {"action": "retry_selected", "_selected_action": [str(job.pk)]}, follow=True
    )
    assert "Only a failed analysis can be tried again." in answer.content.decode()


def test_a_failed_analysis_is_tried_again_from_its_page(
    photographed: dict[str, Any], yaw: Any, signed_in: Any
) -> None:
    from django.utils import timezone

    Analysis.objects.update(status="failed", error_code="quarantined", finished_at=timezone.now())
    client = signed_in(yaw)
    job = Analysis.objects.get().pk
    text = client.get(page("analysis", "change", job)).content.decode()
    (link,) = set(re.findall(r'href="([^"]*retry[^"]*)"', text))

    client.get(link)

    assert Analysis.objects.get().status == "queued"


@pytest.mark.parametrize("name", PAGES)
def test_a_list_costs_the_same_for_few_and_for_many(
    name: str, done: dict[str, Any], as_ama: Any, yaw: Any, signed_in: Any
) -> None:
    client = signed_in(yaw)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(page(name))
        return len(captured)

    queries()
    few = queries()
    import json

    from tests.consultations.cases import upload

    for seed in range(2, 6):
        as_ama.post(
            CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload(seed=seed)}, format="multipart"
        )

    assert queries() <= few


@pytest.mark.parametrize(
    "query", ["Osu", "Ama", "?triage_level__exact=pharmacy_treatment", "?state__exact=open"]
)
def test_consultations_are_found_by_place_person_level_and_state(
    query: str, done: dict[str, Any], yaw: Any, signed_in: Any
) -> None:
    suffix = query if query.startswith("?") else f"?q={query}"

    assert done["id"] in signed_in(yaw).get(page("consultation") + suffix).content.decode()


def test_a_consultation_is_found_by_its_id(done: dict[str, Any], yaw: Any, signed_in: Any) -> None:
    answer = signed_in(yaw).get(page("consultation") + f"?q={done['id']}").content.decode()
    assert done["id"] in answer
