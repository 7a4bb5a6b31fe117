"""Doing an analysis again: the same comes out, or the difference is named."""

import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from consultations.models import Analysis, Consultation, Photo
from consultations.services.replaying import replay
from consultations.services.worker import run_analysis
from dermatech.core.errors import Unprocessable
from tests.consultations.cases import CONSULTATIONS

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(photographed: dict[str, Any]) -> uuid.UUID:
    """A finished analysis."""
    job = uuid.UUID(photographed["analysis"]["id"])
    assert run_analysis(job) == "succeeded"
    return job


def test_the_same_inputs_under_the_same_releases_give_the_same_answer(done: uuid.UUID) -> None:
    result = replay(actor=None, analysis_id=done)

    assert result.identical, result.differences
    assert "No image model took part." in result.notes


def test_later_changes_of_the_case_and_the_knowledge_do_not_matter(done: uuid.UUID, as_ama: Any) -> None:
    import json

    from dermatech.core import releases
    from triage.models import GuidelineRelease

    as_ama.patch(
        f"{CONSULTATIONS}/{Consultation.objects.get().pk}",
        {"facts": {"difficulty_breathing": True}},
        format="json",
    )
    old = releases.active(GuidelineRelease)
    assert old is not None
    snapshot = json.loads(old.snapshot)
    snapshot["guidelines"] = []
    releases.publish(GuidelineRelease, snapshot=snapshot, title="No rules at all")

    assert replay(actor=None, analysis_id=done).identical


def test_a_difference_is_named_with_its_place(done: uuid.UUID) -> None:
    row = Analysis.objects.get()
    inputs: Any = row.inputs
    inputs["outcome"]["triage"]["level"] = "self_care"
    row.save()

    (difference,) = replay(actor=None, analysis_id=done).differences

    assert difference == "triage.level: was 'self_care', now 'pharmacy_treatment'"


def test_another_picture_under_the_same_name_is_noticed(done: uuid.UUID) -> None:
    name = str(Photo.objects.get().file.name)
    default_storage.delete(name)
    default_storage.save(name, ContentFile(b"another picture"))

    assert "is not the picture" in replay(actor=None, analysis_id=done).differences[0]


def test_an_unfinished_analysis_cannot_be_replayed(photographed: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable):
        replay(actor=None, analysis_id=uuid.UUID(photographed["analysis"]["id"]))


def test_the_command_says_identical_or_what_differs(done: uuid.UUID, capsys: Any, events: Any) -> None:
    events()
    call_command("replay", str(done))
    assert "identical" in capsys.readouterr().out
    assert events() == ["analysis.replayed"]

    row = Analysis.objects.get()
    inputs: Any = row.inputs
    inputs["outcome"]["triage"]["timeframe"] = "some day"
    row.save()
    with pytest.raises(CommandError, match="1 differences") as failed:
        call_command("replay", str(done))
    assert failed.value.returncode == 1

    with pytest.raises(CommandError) as failed:
        call_command("replay", str(uuid.uuid4()))
    assert failed.value.returncode == 2


def test_a_supervisor_replays_in_the_admin(done: uuid.UUID, yaw: Any) -> None:
    from django.test import Client
    from django.urls import reverse

    client = Client()
    client.force_login(yaw)
    page = reverse("admin:consultations_analysis_change", args=[done])
    answer = client.get(reverse("admin:consultations_analysis_do_again", args=[done]), follow=True)
    assert answer.redirect_chain[0][0] == page
    assert "the same inputs give the same answer" in answer.content.decode()
