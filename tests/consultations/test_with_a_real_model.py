"""A real ONNX model takes part: from the upload to evidence, heat map and replay."""

import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from PIL import Image

from consultations.inference import active
from consultations.inference.services import activate_model, install_model
from consultations.models import Analysis, ModelVersion, Photo
from consultations.services.replaying import replay
from consultations.services.worker import run_analysis
from dermatech.core.ids import uuid7
from tests.consultations.cases import SKIN, ringworm, upload
from tests.consultations.inference import build

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(knowledge: None, tmp_path: Path) -> Iterator[ModelVersion]:
    """A model that calls red lesions suspicious, installed and active."""
    active.forget()
    version = install_model(actor=None, path=build.write_package(tmp_path / "package"))
    yield activate_model(actor=None, version=version)
    active.forget()


@pytest.fixture
def _every_photo_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from consultations.imaging.quality import Quality

    monkeypatch.setattr(Quality, "as_dict", _usable(Quality.as_dict))


def _usable(real: Any) -> Any:
    return lambda quality: {**real(quality), "usable": True}


def submit(client: Any, colour: tuple[int, int, int], presentation: str) -> uuid.UUID:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 320), colour).save(buffer, format="PNG")
    body = ringworm(presentation=presentation)
    answer = client.post(
        SKIN, {"data": json.dumps(body), "image": upload(buffer.getvalue(), "p.png")}, format="multipart"
    )
    assert answer.status_code == 202, answer.json()
    return uuid.UUID(answer.json()["id"])


@pytest.mark.usefixtures("_every_photo_will_do")
def test_a_red_lesion_is_flagged_shown_on_a_heat_map_and_replayed(
    model: ModelVersion, as_ama: Any, events: Any
) -> None:
    job = submit(as_ama, build.RED, "lesion")

    assert run_analysis(job) == "succeeded"

    body = as_ama.get(f"/api/v1/analysis/{job}").json()
    assert body["suspicious_lesion"]["flag"] is True
    assert body["model"]["name"] == model.name
    assert body["model"]["clinical_use"] is False
    assert body["triage"]["level"] in ("emergency", "refer_urgent")
    assert body["recommendations"] == []
    events()
    heatmap = as_ama.get(body["heatmap"])
    assert heatmap["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(heatmap.content)).mode == "RGBA"
    assert events() == ["heatmap.read"]
    assert Analysis.objects.get().model == model
    again = replay(actor=None, analysis_id=job)
    assert again.identical, again.differences
    assert "No image model took part." not in again.notes


@pytest.mark.usefixtures("_every_photo_will_do")
def test_a_rash_is_out_of_the_models_scope_and_the_answer_says_so(model: ModelVersion, as_ama: Any) -> None:
    job = submit(as_ama, build.RED, "rash")

    run_analysis(job)

    body = as_ama.get(f"/api/v1/analysis/{job}").json()
    assert body["suspicious_lesion"] is None
    assert body["heatmap"] is None
    assert "not of a rash" in body["image_note"]
    assert body["triage"]["level"] == "pharmacy_treatment"


@pytest.mark.usefixtures("_every_photo_will_do")
def test_a_model_whose_file_is_lost_does_not_stop_the_analysis(model: ModelVersion, as_ama: Any) -> None:
    default_storage.delete(model.storage_key)
    active.forget()
    job = submit(as_ama, build.RED, "lesion")

    assert run_analysis(job) == "succeeded"

    body = as_ama.get(f"/api/v1/analysis/{job}").json()
    assert body["suspicious_lesion"] is None
    assert "could not be loaded" in body["image_note"]


@pytest.mark.usefixtures("_every_photo_will_do")
def test_the_reviewer_sees_the_heat_map_on_the_photo_that_it_was_painted_for(
    model: ModelVersion, as_ama: Any, yaw: Any, client: Any
) -> None:
    run_analysis(submit(as_ama, build.RED, "lesion"))
    seen = Photo.objects.get()
    Photo.objects.bulk_create([Photo(**{**_row(seen), "id": uuid7(), "sha256_in": "0" * 64})])
    client.force_login(yaw)
    page = client.get(reverse("admin:consultations_review_case", args=[seen.consultation_id]))
    figures = page.content.decode().split("<figure")[1:]
    assert [f"photo/{seen.pk}/" in each for each in figures] == ["data-heat" in each for each in figures]
    assert len(figures) == 2
    assert "above its threshold of" in page.content.decode()


def _row(photo: Photo) -> dict[str, Any]:
    return {field.attname: getattr(photo, field.attname) for field in photo._meta.concrete_fields}
