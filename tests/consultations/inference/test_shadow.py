"""A model in shadow reads what was answered, afterwards; what it says is kept and is heard nowhere."""

import math
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit.models import AuditEvent
from consultations import tasks
from consultations.inference import active, record, shadow
from consultations.inference.retiring import retire_model
from consultations.inference.services import activate_model, install_model, shadow_model
from consultations.models import Analysis, Consultation, ModelVersion, ShadowRun
from consultations.services.dispatch import Queue, publisher
from consultations.services.worker import run_analysis
from dermatech.core.errors import Conflict, Forbidden
from tests.cast import PASSWORD
from tests.consultations.inference import build
from tests.consultations.test_with_a_real_model import submit

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def _every_photo_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from consultations.imaging.quality import Quality

    real = Quality.as_dict
    monkeypatch.setattr(Quality, "as_dict", lambda quality: {**real(quality), "usable": True})


@pytest.fixture
def models(
    knowledge: None, tmp_path: Path, _every_photo_will_do: None, in_this_process: None
) -> Iterator[tuple[ModelVersion, ModelVersion]]:
    """One in force, and one in shadow that hardly ever flags."""
    in_force = install_model(actor=None, path=build.write_package(tmp_path / "one"))
    calm = {"suspicious": 0.99, "cautious": 0.98, "validated_skin_tones": []}
    silent = install_model(
        actor=None, path=build.write_package(tmp_path / "two", version="2.0.0", thresholds=calm)
    )
    yield activate_model(actor=None, version=in_force), shadow_model(actor=None, version=silent)
    active.forget()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], Queue]]:
    """What the broker was told."""
    messages: list[tuple[str, list[str], Queue]] = []

    def tell(task: str, args: list[str], *, queue: Queue) -> bool:
        messages.append((task, args, queue))
        return True

    monkeypatch.setattr(publisher, "tell", tell)
    return messages


def rows_of(job: uuid.UUID) -> tuple[Any, Any]:
    """Everything that the answer rests on and says, as it stands in the database."""
    analysis = Analysis.objects.filter(pk=job).values().get()
    return analysis, Consultation.objects.filter(pk=analysis["consultation_id"]).values().get()


# --- What it does -----------------------------------------------------------------------------------
def test_it_is_asked_after_the_answer_in_the_queue_that_is_emptied_last(
    models: Any, as_ama: Any, told: Any
) -> None:
    job = submit(as_ama, build.RED, "lesion")
    told.clear()
    tasks.analyse(str(job))
    assert Analysis.objects.get(pk=job).status == "succeeded"
    assert told == [(shadow.TASK, [str(job)], Queue.SHADOW)]
    assert not ShadowRun.objects.exists()


def test_it_changes_nothing_of_the_answer_and_keeps_both_opinions(models: Any, as_ama: Any) -> None:
    in_force, silent = models
    job = submit(as_ama, build.RED, "lesion")
    run_analysis(job)
    before, events = rows_of(job), AuditEvent.objects.count()
    tasks.shadow(str(job))
    assert rows_of(job) == before
    assert AuditEvent.objects.count() == events
    run = ShadowRun.objects.get()
    assert (run.model, run.answered_by, run.failed) == (silent, in_force, False)
    assert (run.flag, run.answered_flag) == (False, True)
    assert run.score == pytest.approx(run.answered_score)
    assert run.milliseconds > 0


def test_a_message_that_comes_twice_counts_once(models: Any, as_ama: Any) -> None:
    job = submit(as_ama, build.RED, "lesion")
    run_analysis(job)
    assert [shadow.run_shadow(job), shadow.run_shadow(job)] == [1, 0]
    assert ShadowRun.objects.count() == 1


def test_out_of_its_scope_it_reads_nothing(models: Any, as_ama: Any) -> None:
    job = submit(as_ama, build.RED, "rash")
    run_analysis(job)
    assert shadow.run_shadow(job) == 0


def test_without_a_model_in_shadow_nobody_is_asked(models: Any, told: Any) -> None:
    retire_model(actor=None, version=models[1])
    assert not shadow.ask(uuid.uuid4())
    assert told == []
    assert shadow.run_shadow(uuid.uuid4()) == 0


def test_an_analysis_that_is_not_answered_yet_is_not_read(models: Any, as_ama: Any) -> None:
    assert shadow.run_shadow(submit(as_ama, build.RED, "lesion")) == 0


def test_a_model_whose_file_is_gone_costs_a_row_of_statistics_and_nothing_else(
    models: Any, as_ama: Any
) -> None:
    from consultations.services import storage

    job = submit(as_ama, build.RED, "lesion")
    run_analysis(job)
    storage.discard([models[1].storage_key])
    assert shadow.run_shadow(job) == 0


def test_a_photo_that_is_erased_takes_what_was_said_of_it_along(models: Any, as_ama: Any) -> None:
    job = submit(as_ama, build.RED, "lesion")
    run_analysis(job)
    shadow.run_shadow(job)
    Analysis.objects.get(pk=job).photos.all().delete()
    assert not ShadowRun.objects.exists()


# --- Its states -----------------------------------------------------------------------------------
@pytest.mark.usefixtures("known")
def test_one_model_at_a_time_runs_in_shadow_and_the_log_says_since_when(
    install: Callable[..., ModelVersion], yaw: Any
) -> None:
    first, second = install(yaw), install(yaw, version="2.0.0")
    shadow_model(actor=yaw, version=first)
    with pytest.raises(Conflict, match="Another model runs in shadow"):
        shadow_model(actor=yaw, version=second)
    with pytest.raises(Conflict):
        shadow_model(actor=yaw, version=first)
    assert AuditEvent.objects.filter(action="model.shadowed", entity_id=str(first.pk)).count() == 1
    assert activate_model(actor=yaw, version=first).state == "active"
    assert shadow_model(actor=yaw, version=second).state == "shadow"


@pytest.mark.usefixtures("known")
def test_from_shadow_to_force_needs_four_eyes_in_production_and_shadow_does_not(
    install: Callable[..., ModelVersion], yaw: Any, abena: Any, ama: Any, settings: Any
) -> None:
    settings.PRODUCTION = True
    version = install(yaw)
    with pytest.raises(Forbidden):
        shadow_model(actor=ama, version=version)
    assert shadow_model(actor=yaw, version=version).state == "shadow"
    with pytest.raises(Forbidden):
        activate_model(actor=yaw, version=version)
    assert activate_model(actor=abena, version=version).state == "active"


# --- Its record -----------------------------------------------------------------------------------
def scores(count: int, *, seed: int, shift: float = 0.0) -> list[tuple[datetime, float]]:
    chance = random.Random(seed)
    return [(NOW + timedelta(hours=n), min(1, chance.betavariate(2, 5) + shift)) for n in range(count)]


def test_scores_like_the_first_ones_are_steady_and_moved_ones_are_not() -> None:
    base = scores(record.BASE, seed=1)
    same, moved = scores(500, seed=2), scores(500, seed=3, shift=0.25)
    steady, changed = record.drift([*base, *same]), record.drift([*base, *moved])
    assert [record.meaning(block.psi or 0) for block in steady] == ["steady"] * 5
    assert {record.meaning(block.psi or 0) for block in changed} == {"changed"}


def test_the_index_by_hand() -> None:
    """Ten scores in fifths of two, and ten that all fall into the highest."""
    base = [n / 10 for n in range(1, 11)]
    e, a = 2.5 / 12.5, (0.5 / 12.5, 10.5 / 12.5)
    expected = 4 * (a[0] - e) * math.log(a[0] / e) + (a[1] - e) * math.log(a[1] / e)
    assert record.psi(base, [0.99] * 10) == pytest.approx(expected)
    assert record.psi(base, base) == pytest.approx(0)


def test_too_few_photos_say_nothing_about_drift() -> None:
    assert record.drift(scores(record.BASE + record.BLOCK - 1, seed=1)) == []


def test_agreement_counts_photos_on_which_both_spoke() -> None:
    def seen(mine: bool, theirs: bool | None) -> record.Seen:
        return record.Seen(NOW, 0.6, mine, 20.0, None if theirs is None else 0.5, theirs)

    found = record.agreement([seen(True, True), seen(True, False), seen(False, False), seen(True, None)])
    assert (found.both, found.shadow_only, found.active_only, found.neither) == (1, 1, 0, 1)
    assert (found.share.hits, found.share.n) == (2, 3)
    assert found.apart == pytest.approx(0.1)


def test_the_page_of_a_model_plots_its_record_with_the_table_behind(
    models: Any, as_ama: Any, yaw: Any
) -> None:
    in_force, silent = models
    job = submit(as_ama, build.RED, "lesion")
    run_analysis(job)
    client = Client()
    assert client.login(username=yaw.email, password=PASSWORD)

    def page() -> str:
        url = reverse("admin:consultations_modelversion_change", args=[silent.pk])
        return client.get(url).content.decode()

    assert "read no photo in shadow" in page()
    shadow.run_shadow(job)
    text = page()
    assert 'aria-label="Agreement of the two models, in percent"' in text
    assert "<script>" not in text[text.index("In shadow") : text.index("Where it comes from")]
    assert "0 of 1: 0%" in text
    assert "It has scored 1 photos" in text
    assert record.scores_of(in_force)[0][1] == pytest.approx(record.scores_of(silent)[0][1])
