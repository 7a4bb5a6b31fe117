"""The image model that comes with the product: what is in its package, and what it does in a case."""

import base64
import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from consultations.inference import active
from consultations.inference.answers import told_to_model
from consultations.inference.limits import DEFAULT_LIMITS
from consultations.inference.manifest_reader import read_manifest
from consultations.inference.preprocess import facts_tensor
from consultations.inference.services import activate_model, install_model
from consultations.models import ModelVersion
from consultations.services.replaying import replay
from consultations.services.worker import run_analysis
from tests.consultations.cases import SKIN, ringworm, upload
from triage.engine.vocabulary import FACTS

pytestmark = pytest.mark.one_database
PACKAGE = Path(__file__).parents[3] / "consultations" / "training" / "package"
MOST_BYTES = 15_000_000


@pytest.fixture(scope="module")
def manifest() -> Any:
    return read_manifest((PACKAGE / "manifest.json").read_bytes(), DEFAULT_LIMITS)


# --- What is in it ------------------------------------------------------------------------------
def test_the_package_is_small_and_names_its_sources(manifest: Any) -> None:
    assert sum(file.stat().st_size for file in PACKAGE.iterdir()) < MOST_BYTES
    notice = (PACKAGE / "NOTICE").read_text()
    assert "PAD-UFES-20" in notice
    assert "CC BY 4.0" in notice
    assert "Apache License" in notice
    assert {source["licence"] for source in manifest.raw["training"]["data"]} == {"CC BY 4.0", "Apache-2.0"}


def test_it_is_for_lesions_alone_and_not_for_clinical_use(manifest: Any) -> None:
    assert manifest.scope == ("lesion",)
    assert manifest.clinical_use is False
    assert "Not validated on dark skin" in manifest.card


def test_what_it_promises_is_what_was_measured(manifest: Any) -> None:
    measured = json.loads((PACKAGE / "metrics.json").read_text())["overall"]
    for variant in ("picture and findings", "picture alone"):
        figures = {name: figure["value"] for name, figure in measured[variant].items()}
        assert figures["auc_suspicious"] >= 0.80
        assert figures["sensitivity"] >= 0.90
        assert figures["ece"] <= 0.08
    assert (
        manifest.raw["metrics"]["overall"]["auc_suspicious"]
        == measured["picture and findings"]["auc_suspicious"]["value"]
    )


def test_darker_skin_gets_the_cautious_threshold(manifest: Any) -> None:
    thresholds = manifest.thresholds
    assert thresholds.cautious < thresholds.suspicious
    for tone in ("tan", "brown", "dark", None):
        assert thresholds.for_tone(tone) == thresholds.cautious
    assert thresholds.for_tone("light") == thresholds.suspicious


def test_its_golden_pictures_are_drawn_and_none_is_a_photograph(manifest: Any) -> None:
    for case in manifest.raw["golden"]:
        with Image.open(io.BytesIO(base64.b64decode(case["image"]))) as picture:
            assert picture.format == "PNG"
            # Grain is drawn in blocks of four by four pixels, which no camera does.
            corner = np.asarray(picture.convert("RGB"))[:4, :4].reshape(-1, 3)
        assert len(np.unique(corner, axis=0)) == 1
    assert not [file for file in PACKAGE.iterdir() if file.suffix in (".jpg", ".jpeg", ".webp", ".heic")]


# --- What it is told ----------------------------------------------------------------------------
def test_it_asks_only_for_what_the_product_can_tell(manifest: Any) -> None:
    told = told_to_model({"itch_score": 3}, ("raised_bumps", "changing_mole", "non_healing_sore"), ())
    asked = {feature.fact for feature in manifest.facts.features}
    assert asked - {"lesion_grew"} <= set(FACTS) | set(told)


def test_what_nobody_answered_says_nothing(manifest: Any) -> None:
    nothing = facts_tensor({}, manifest.facts)[0]
    for feature, value in zip(manifest.facts.features, nothing, strict=True):
        assert value == pytest.approx(feature.missing)
        if feature.kind == "flag":  # the average of the training photographs: neither yes nor no
            assert 0 < value < 1


@pytest.mark.parametrize(
    ("facts", "present", "absent", "told"),
    [
        ({}, (), (), {}),
        ({"itch_score": 0}, (), (), {"lesion_itches": False}),
        ({"itch_score": 4}, (), (), {"lesion_itches": True}),
        ({}, ("itchy",), ("raised_bumps",), {"lesion_itches": True, "lesion_raised": False}),
        ({}, ("non_healing_sore", "changing_mole"), (), {"lesion_bleeds": True, "lesion_changed": True}),
        ({}, (), ("non_healing_sore", "changing_mole"), {}),
        ({"changing_pigmented_lesion": True}, (), (), {"lesion_changed": True}),
        ({"changing_pigmented_lesion": False}, (), (), {}),
    ],
)
def test_answers_reach_the_model_and_a_no_to_a_wider_question_does_not(
    facts: dict[str, object], present: tuple[str, ...], absent: tuple[str, ...], told: dict[str, bool]
) -> None:
    assert told_to_model(facts, present, absent) == {**facts, **told}


# --- What it does in a case ---------------------------------------------------------------------
@pytest.fixture
def model(knowledge: None) -> Iterator[ModelVersion]:
    active.forget()
    version = install_model(actor=None, path=PACKAGE)
    yield activate_model(actor=None, version=version)
    active.forget()


def _submit(client: Any, picture: bytes, **changes: Any) -> uuid.UUID:
    body = ringworm(**changes)
    answer = client.post(
        SKIN, {"data": json.dumps(body), "image": upload(picture, "p.png")}, format="multipart"
    )
    assert answer.status_code == 202, answer.json()
    return uuid.UUID(answer.json()["id"])


def _spot(manifest: Any) -> bytes:
    """A drawn red patch, enlarged to what a phone would send."""
    with Image.open(io.BytesIO(manifest.golden[0].image)) as small:
        buffer = io.BytesIO()
        small.resize((640, 640), Image.Resampling.BICUBIC).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.django_db
def test_a_lesion_is_judged_and_explained_and_a_rash_is_not(
    model: ModelVersion, manifest: Any, as_ama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consultations.imaging.quality import Quality

    real = Quality.as_dict
    monkeypatch.setattr(Quality, "as_dict", lambda quality: {**real(quality), "usable": True})
    findings = {"present": ["non_healing_sore", "raised_bumps"], "absent": ["itchy"]}

    lesion = _submit(as_ama, _spot(manifest), presentation="lesion", findings=findings)
    assert run_analysis(lesion) == "succeeded"
    body = as_ama.get(f"/api/v1/analysis/{lesion}").json()
    score = body["suspicious_lesion"]
    assert score["flag"] is (score["score"] >= score["threshold"])
    assert body["model"]["name"] == "lesion-reference"
    assert body["model"]["clinical_use"] is False
    assert "never lower it" in body["image_note"]
    overlay = Image.open(io.BytesIO(as_ama.get(body["heatmap"]).content))
    assert overlay.mode == "RGBA"
    again = replay(actor=None, analysis_id=lesion)
    assert again.identical, again.differences

    rash = _submit(as_ama, _spot(manifest), presentation="rash")
    run_analysis(rash)
    body = as_ama.get(f"/api/v1/analysis/{rash}").json()
    assert body["suspicious_lesion"] is None
    assert "not of a rash" in body["image_note"]

    loaded = active.active_model()
    assert loaded is not None
    dark = loaded.predict(_spot(manifest), presentation="lesion", facts={}, skin_tone="dark")
    assert dark.threshold == manifest.thresholds.cautious
    assert "not validated on dark skin" in dark.note
