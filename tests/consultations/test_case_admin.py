"""The admin pages: supervisors read, nobody edits, auditors see no patient, every look is recorded."""

import json
import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from consultations.models import Analysis, Photo, Recommendation
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, ringworm, upload

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


def test_every_list_is_read_by_supervisors_and_administrators_alone(
    done: dict[str, Any], yaw: Any, adjoa: Any, efua: Any, ama: Any, signed_in: Any
) -> None:
    for person in (yaw, adjoa):
        client = signed_in(person)
        for name in PAGES:
            answer = client.get(page(name))
            assert answer.status_code == 200
            assert done["id"] in answer.content.decode()
    auditor, pharmacist = signed_in(efua), signed_in(ama)
    for name in PAGES:
        assert auditor.get(page(name)).status_code == 403
        assert pharmacist.get(page(name)).status_code == 302


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


def test_nothing_is_added_changed_or_deleted_by_hand(
    done: dict[str, Any], adjoa: Any, signed_in: Any
) -> None:
    client = signed_in(adjoa)
    keys = {
        "consultation": done["id"], "photo": Photo.objects.get().pk, "analysis": Analysis.objects.get().pk,
        "recommendation": Recommendation.objects.current()[0].pk,
    }  # fmt: skip
    for name, key in keys.items():
        assert client.get(page(name, "add")).status_code == 403
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

    asked = client.get(link).content.decode()
    assert "Release this analysis from quarantine?" in asked
    assert Analysis.objects.get().status == "failed", "looking at the question changes nothing"

    client.post(link, {"confirmed": "yes"})

    assert Analysis.objects.get().status == "queued"


def test_a_list_costs_the_same_for_few_and_for_many(
    done: dict[str, Any], as_ama: Any, yaw: Any, signed_in: Any
) -> None:
    client = signed_in(yaw)

    def queries(name: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(page(name))
        return len(captured)

    queries(PAGES[0])
    few = {name: queries(name) for name in PAGES}
    for seed in range(2, 5):
        as_ama.post(
            CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload(seed=seed)}, format="multipart"
        )
    for name in PAGES:
        assert queries(name) <= few[name], name


def test_consultations_are_found_by_place_person_level_state_and_id(
    opened: dict[str, Any], yaw: Any, signed_in: Any
) -> None:
    client = signed_in(yaw)
    for query in (
        "?q=Osu", "?q=Ama", f"?q={opened['id']}", "?triage_level__exact=pharmacy_treatment",
        "?state__exact=open",
    ):  # fmt: skip
        assert opened["id"] in client.get(page("consultation") + query).content.decode(), query
    assert opened["id"] not in client.get(page("consultation") + "?q=Tamale").content.decode()
