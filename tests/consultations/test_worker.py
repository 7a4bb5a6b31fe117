"""The worker: every analysis is done, done once, and never lost."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from consultations.inference.prediction import Prediction, Standing
from consultations.models import Analysis, Consultation, Photo, Recommendation
from consultations.services import analyses, storage
from consultations.services.sweeping import sweep_once
from consultations.services.worker import run_analysis
from consultations.tasks import analyse
from tests.consultations.cases import CONSULTATIONS, NOBODY

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(photographed: dict[str, Any]) -> uuid.UUID:
    """A queued analysis."""
    return uuid.UUID(photographed["analysis"]["id"])


def says(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """An image model that gives this answer to every photo."""
    said: dict[str, Any] = {
        "standing": Standing.USED,
        "note": "The photo was read by tests 1.",
        "likelihoods": {"suspected-skin-cancer": 9.0},
        "label": "MEL",
        "suspicious_score": 0.9,
        "threshold": 0.3,
        **changes,
    }
    monkeypatch.setattr(
        "consultations.services.examination.active.predict", lambda *_, **__: Prediction(**said)
    )


def usable(monkeypatch: pytest.MonkeyPatch, *, yes: bool = True) -> None:
    """Every photo is good enough, or none is."""
    from consultations.imaging import quality

    real = quality.judge

    class Judged:
        def __init__(self, content: bytes) -> None:
            self.said = {**real(content).as_dict(), "usable": yes}

        def as_dict(self) -> dict[str, Any]:
            return self.said

    monkeypatch.setattr("consultations.services.examination.quality.judge", Judged)


def broken_judge(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[int]:
    """Looking at a photo fails; the list counts how often it was tried."""
    tries: list[int] = []

    def judge(content: bytes) -> Any:
        tries.append(1)
        raise error

    monkeypatch.setattr("consultations.services.examination.quality.judge", judge)
    return tries


def test_a_queued_analysis_becomes_a_result(job: uuid.UUID, as_ama: Any) -> None:
    analyse(str(job))

    body = as_ama.get(f"/api/v1/analysis/{job}").json()
    assert body["status"] == "succeeded"
    assert body["error"] is None
    assert body["image_quality"]["sharpness"] is not None
    assert body["conditions"][0]["condition"] == "tinea-corporis"
    assert body["conditions"][0]["evidence"]
    assert body["triage"]["level"] == "pharmacy_treatment"
    assert body["recommendations"]
    assert body["model"] is None
    assert body["suspicious_lesion"] is None
    assert body["heatmap"] is None
    assert body["duration_ms"] >= 0
    assert "starter content" in body["disclaimer"]


def test_without_an_image_model_the_answer_says_so(
    job: uuid.UUID, as_ama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usable(monkeypatch)

    analyse(str(job))

    assert "No image model is installed" in as_ama.get(f"/api/v1/analysis/{job}").json()["image_note"]


def test_a_photo_that_is_not_good_enough_is_not_shown_to_the_model(
    job: uuid.UUID, as_ama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usable(monkeypatch, yes=False)
    says(monkeypatch)

    analyse(str(job))

    body = as_ama.get(f"/api/v1/analysis/{job}").json()
    assert body["suspicious_lesion"] is None
    assert "take it again" in body["image_note"]


def test_delivered_twice_it_is_done_once(job: uuid.UUID, events: Any) -> None:
    events()

    analyse(str(job))
    analyse(str(job))

    assert events() == [
        "analysis.started",
        "analysis.succeeded",
        "recommendation.made",
    ]
    assert Analysis.objects.get().fence == 1


def test_the_photo_and_the_consultation_learn_from_the_analysis(job: uuid.UUID) -> None:
    before = Consultation.objects.get().version

    run_analysis(job)

    consultation, photo = Consultation.objects.get(), Photo.objects.get()
    assert photo.quality is not None
    assert photo.quality["sharpness"] is not None
    assert consultation.version == before + 1
    ours = Recommendation.objects.filter(analysis__isnull=True)
    theirs = Recommendation.objects.filter(analysis_id=job)
    assert [row.payload for row in ours] == [row.payload for row in theirs]


def test_a_vanished_analysis_ends_the_task_cleanly(knowledge: None) -> None:
    analyse(NOBODY)


def test_a_claimed_analysis_is_left_to_its_worker(job: uuid.UUID) -> None:
    assert analyses.claim(job) is not None

    assert run_analysis(job) is None
    assert Analysis.objects.get().status == "running"


def test_an_expired_lease_is_taken_over_and_counted(job: uuid.UUID) -> None:
    analyses.claim(job)
    Analysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert run_analysis(job) == "succeeded"

    row = Analysis.objects.get()
    assert (row.fence, row.interruptions, row.attempts) == (2, 1, 0)


def test_who_lost_the_fence_writes_nothing(job: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first worker sleeps past its lease; the second has done the work when it wakes up."""
    from consultations.services import results

    real = results.published

    def late() -> Any:
        monkeypatch.setattr(results, "published", real)
        Analysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert run_analysis(job) == "succeeded"
        return real()

    monkeypatch.setattr(results, "published", late)

    assert run_analysis(job) is None

    row = Analysis.objects.get()
    assert (row.status, row.fence) == ("succeeded", 2)
    assert Recommendation.objects.filter(analysis=row, proposed=True, rank=1).count() == 1


def test_a_lease_can_only_be_renewed_by_its_holder(job: uuid.UUID) -> None:
    first = analyses.claim(job)
    assert first is not None
    analyses.renew(first)
    Analysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert analyses.claim(job) is not None

    with pytest.raises(analyses.FenceLost):
        analyses.renew(first)


def test_an_error_is_tried_three_times_and_then_fails_with_a_code(
    job: uuid.UUID, as_ama: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any, events: Any
) -> None:
    tries = broken_judge(monkeypatch, ZeroDivisionError("somewhere deep"))
    events()

    outcomes = [run_analysis(job) for _ in range(4)]

    assert outcomes == ["queued", "queued", "failed", None]
    assert len(tries) == 3
    body = as_ama.get(f"/api/v1/analysis/{job}").json()
    assert body["status"] == "failed"
    assert body["error"]["code"] == "internal_error"
    assert "ZeroDivision" not in str(body)
    assert events() == ["analysis.started"] * 3 + ["analysis.failed", "analysis.read"]


def test_a_failure_reaches_phones_that_ask_what_changed_since(
    job: uuid.UUID, as_ama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dermatech.core.errors import Unprocessable

    Consultation.objects.update(updated_at=timezone.now() - timedelta(days=2))
    since = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    broken_judge(monkeypatch, Unprocessable("It cannot be read.", code="image_unreadable"))

    run_analysis(job)

    (row,) = as_ama.get(f"{CONSULTATIONS}?updated_since={since}").json()["results"]
    assert row["analysis"] == {"id": str(job), "status": "failed"}


def test_an_error_of_the_case_itself_is_not_tried_again(
    job: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dermatech.core.errors import Unprocessable

    broken_judge(monkeypatch, Unprocessable("It cannot be read.", code="image_unreadable"))

    assert run_analysis(job) == "failed"
    assert Analysis.objects.get().error_code == "image_unreadable"


def test_a_store_that_is_away_for_a_moment_costs_nothing(job: uuid.UUID) -> None:
    photo = Photo.objects.get()
    content = storage.read(photo.file.name)
    default_storage.delete(str(photo.file.name))
    assert run_analysis(job) == "queued"

    from django.core.files.base import ContentFile

    default_storage.save(photo.file.name, ContentFile(content))

    assert run_analysis(job) == "succeeded"
    assert Analysis.objects.get().error_code == ""


def test_a_case_that_stops_every_worker_is_quarantined(job: uuid.UUID, events: Any) -> None:
    for _ in range(analyses.MAX_INTERRUPTIONS + 1):
        assert analyses.claim(job) is not None
        Analysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert run_analysis(job) is None

    row = Analysis.objects.get()
    assert (row.status, row.error_code) == ("failed", "quarantined")
    assert events()[-1] == "analysis.failed"
    assert sweep_once() == 0


def test_interruptions_do_not_use_up_the_budget_of_errors(
    job: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyses.claim(job)
    Analysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    broken_judge(monkeypatch, OSError("disk"))

    assert run_analysis(job) == "queued"

    row = Analysis.objects.get()
    assert (row.interruptions, row.attempts) == (1, 1)


def test_too_slow_an_analysis_is_given_another_chance(
    job: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billiard.exceptions import SoftTimeLimitExceeded

    broken_judge(monkeypatch, SoftTimeLimitExceeded())

    assert run_analysis(job) == "queued"
    assert Analysis.objects.get().error_code == "time_limit"


# --- What the image may do ----------------------------------------------------------------------
def test_a_suspicious_photo_raises_the_level_and_takes_the_medicines_away(
    job: uuid.UUID, as_ama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usable(monkeypatch)
    says(monkeypatch)

    run_analysis(job)

    body = as_ama.get(f"/api/v1/analysis/{job}").json()
    assert body["triage"]["level"] in ("emergency", "refer_urgent")
    assert body["recommendations"] == []
    assert body["suspicious_lesion"] == {"score": 0.9, "threshold": 0.3, "flag": True}
    case = as_ama.get(f"{CONSULTATIONS}/{body['consultation']}").json()
    assert case["triage"]["level"] == body["triage"]["level"]
    assert case["recommendations"] == []


def test_a_harmless_looking_photo_lowers_nothing(
    as_ama: Any, photographed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{CONSULTATIONS}/{photographed['id']}"
    as_ama.patch(path, {"facts": {"spreading_rapidly": True, "fever": True}}, format="json")
    before = as_ama.get(path).json()["triage"]["level"]
    usable(monkeypatch)
    says(monkeypatch, suspicious_score=0.01, likelihoods={"healthy-skin": 50.0}, label="NEV")

    run_analysis(uuid.UUID(photographed["analysis"]["id"]))

    assert as_ama.get(path).json()["triage"]["level"] == before


def test_a_warning_of_the_image_survives_every_later_change(
    as_ama: Any, photographed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{CONSULTATIONS}/{photographed['id']}"
    usable(monkeypatch)
    says(monkeypatch)
    run_analysis(uuid.UUID(photographed["analysis"]["id"]))
    raised = as_ama.get(path).json()["triage"]["level"]

    patched = as_ama.patch(path, {"facts": {"itch_score": 1}}, format="json").json()
    monkeypatch.undo()
    says(monkeypatch, suspicious_score=0.0, likelihoods={}, label="NEV")
    monkeypatch.setattr("consultations.services.dispatch.publisher.send", lambda _: True)
    again = as_ama.post(
        "/api/v1/analysis/skin",
        {"consultation": photographed["id"], "image": photographed["images"][0]["id"]},
        format="json",
    ).json()
    run_analysis(uuid.UUID(again["id"]))

    assert patched["triage"]["level"] == raised
    assert as_ama.get(path).json()["triage"]["level"] == raised


def test_facts_that_come_while_the_worker_looks_are_not_lost(
    as_ama: Any, photographed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{CONSULTATIONS}/{photographed['id']}"
    from consultations.imaging import quality

    real = quality.judge

    def judge(content: bytes) -> Any:
        as_ama.patch(path, {"facts": {"difficulty_breathing": True}}, format="json")
        return real(content)

    monkeypatch.setattr("consultations.services.examination.quality.judge", judge)

    run_analysis(uuid.UUID(photographed["analysis"]["id"]))

    body = as_ama.get(path).json()
    assert body["facts"]["difficulty_breathing"] is True
    assert body["triage"]["level"] == "emergency"
    assert body["recommendations"] == []


# --- The sweeper --------------------------------------------------------------------------------
def waits_since(seconds: int) -> None:
    Analysis.objects.update(sent_at=timezone.now() - timedelta(seconds=seconds))


def test_the_sweeper_sends_what_was_lost(job: uuid.UUID, sent: list[uuid.UUID]) -> None:
    waits_since(30)

    assert sweep_once() == 1
    assert sent == [job]
    assert sweep_once() == 0  # only just sent


def test_the_sweeper_leaves_fresh_running_and_finished_ones_alone(
    job: uuid.UUID, sent: list[uuid.UUID]
) -> None:
    assert sweep_once() == 0
    waits_since(30)
    analyses.claim(job)
    assert sweep_once() == 0
    Analysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sweep_once() == 1
    run_analysis(job)
    waits_since(30)
    assert sweep_once() == 0
    assert sent == [job]


def test_the_sweeper_stops_when_the_broker_is_away(job: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consultations.services.dispatch.publisher.send", lambda _: False)
    waits_since(30)

    assert sweep_once() == 0
    assert Analysis.objects.get().status == "queued"


def test_a_person_can_try_a_failed_one_again(
    job: uuid.UUID, adjoa: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dermatech.core.errors import Conflict, Unprocessable

    with monkeypatch.context() as patched:
        broken_judge(patched, Unprocessable("It cannot be read.", code="image_unreadable"))
        run_analysis(job)

    assert analyses.retry(actor=adjoa, analysis_id=job).status == "queued"
    assert run_analysis(job) == "succeeded"
    with pytest.raises(Conflict):
        analyses.retry(actor=adjoa, analysis_id=job)


def test_the_worker_acts_under_the_request_id_of_who_asked(
    job: uuid.UUID, photographed: dict[str, Any]
) -> None:
    from accounts.audit.models import AuditEvent

    run_analysis(job)

    queued = AuditEvent.objects.get(action="analysis.queued").request_id
    assert queued
    assert AuditEvent.objects.get(action="analysis.succeeded").request_id == queued
