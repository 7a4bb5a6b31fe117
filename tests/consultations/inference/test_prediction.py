"""One photo in, evidence out: deterministic, calibrated, and never able to lower urgency."""

import io
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from consultations.imaging import quality
from consultations.inference.calibrate import MOST_EVIDENCE, likelihoods, probabilities, suspicious_score
from consultations.inference.errors import InferenceFailed
from consultations.inference.limits import DEFAULT_LIMITS
from consultations.inference.manifest import Activation, Label, Manifest
from consultations.inference.manifest_reader import parse_manifest
from consultations.inference.prediction import Prediction, Standing, from_outcome, no_model
from consultations.inference.preprocess import crop_box, decoded_once, facts_tensor, picture_tensor
from consultations.inference.session import Session
from tests.consultations.imaging.pictures import pack, skin
from tests.consultations.inference import build

LEFT_SPOT = (20, 80, 100, 160)


def manifest(model: bytes = b"", **changes: Any) -> Manifest:
    return parse_manifest(build.manifest_for(model, **changes), DEFAULT_LIMITS)


def session(**changes: Any) -> Session:
    content = build.redness_model().SerializeToString()
    return Session(content, manifest(content, **changes))


def see(content: bytes, *, tone: str | None = "light", **changes: Any) -> Prediction:
    """What the redness model says of one photo."""
    ready = session(**changes)
    return from_outcome(ready.run(content, {}), ready.manifest, tone)


# --- From picture to numbers -----------------------------------------------------------------------
def test_a_picture_of_one_colour_becomes_its_normalised_values() -> None:
    wanted = manifest().image
    tensor, size = picture_tensor(build.picture((255, 0, 51), (90, 60)), wanted)
    assert tensor.shape == (1, 3, build.SIDE, build.SIDE)
    assert tensor.dtype == np.float32
    assert size == (90, 60)
    assert tensor[0, :, 3, 5].tolist() == pytest.approx([1.0, 0.0, 0.2], abs=1e-6)


def test_channels_come_last_where_the_model_wants_them_last() -> None:
    inputs = build.manifest_for(b"")["inputs"]
    wanted = manifest(inputs={"image": {**inputs["image"], "layout": "NHWC", "mean": [1, 1, 1]}}).image
    tensor, _ = picture_tensor(build.picture((255, 0, 0)), wanted)
    assert tensor.shape == (1, build.SIDE, build.SIDE, 3)
    assert tensor[0, 0, 0].tolist() == pytest.approx([0, -1, -1], abs=1e-6)


def test_a_webp_photo_is_decoded_once_for_all_who_look_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pack(skin(800, 600, noise=12), "WEBP", quality=80, method=0)
    once = decoded_once(content)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("decoded again"))
    judged, tensor = quality.judge(once), picture_tensor(once, manifest().image)[0]
    monkeypatch.undo()
    assert judged.skin_fraction == pytest.approx(quality.judge(content).skin_fraction, abs=0.01)
    assert judged.sharpness == pytest.approx(quality.judge(content).sharpness, abs=0.05)
    assert np.abs(tensor - picture_tensor(content, manifest().image)[0]).max() < 0.02


def test_a_large_webp_photo_is_kept_no_larger_than_needed() -> None:
    small = decoded_once(pack(Image.new("RGB", (4032, 64), (120, 90, 70)), "WEBP", quality=50))
    assert isinstance(small, Image.Image)
    assert small.size == (2016, 32)


@pytest.mark.parametrize("content", [b"RIFF\x00\x00\x00\x00WEBPnothing", b"", pack(skin(64, 64), "JPEG")])
def test_what_is_no_webp_photo_is_left_to_whoever_reads_it(content: bytes) -> None:
    assert decoded_once(content) is content


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_every_stored_format_reads_the_same(kind: str) -> None:
    tensor, _ = picture_tensor(build.picture((120, 90, 70), (640, 480), kind=kind), manifest().image)
    assert tensor[0, 0].mean() * 255 == pytest.approx(120, abs=3)


def test_a_large_photo_is_read_fast() -> None:
    """A stored photo of 12 megapixels; the target is 20 ms on a free core, with room for a busy one."""
    content = build.picture((120, 90, 70), (4000, 3000), kind="JPEG")
    picture_tensor(content, manifest().image)
    started = time.perf_counter()
    picture_tensor(content, manifest().image)
    assert time.perf_counter() - started < 0.25


def test_a_crop_takes_the_middle_and_a_stretch_takes_all() -> None:
    inputs = build.manifest_for(b"")["inputs"]
    crop = manifest(inputs={"image": {**inputs["image"], "fit": "crop"}}).image
    assert crop_box((400, 200), crop) == (100, 0, 300, 200)
    assert crop_box((400, 200), manifest().image) == (0, 0, 400, 200)


@pytest.mark.parametrize("content", [b"", b"text", build.picture(build.RED)[:40], b"GIF89a" + bytes(50)])
def test_what_is_no_photo_is_a_named_failure(content: bytes) -> None:
    with pytest.raises(InferenceFailed) as caught:
        session().run(content, {})
    assert caught.value.code == "photo_unreadable"


def facts_inputs() -> dict[str, Any]:
    features = [
        {"fact": "age_months", "kind": "number", "mean": 600, "std": 240, "missing": 0},
        {"fact": "bleed", "kind": "flag", "missing": 0.5},
        {"fact": "body_sites", "kind": "contains", "value": "face", "missing": 0.25},
    ]
    return {**build.manifest_for(b"")["inputs"], "facts": {"name": "facts", "features": features}}


@pytest.mark.parametrize(
    ("facts", "row"),
    [
        ({}, [0, 0.5, 0.25]),
        ({"age_months": 840, "bleed": True, "body_sites": ["face", "back"]}, [1, 1, 1]),
        ({"age_months": 120, "bleed": False, "body_sites": ["back"]}, [-2, 0, 0]),
        ({"age_months": Decimal("360.0")}, [-1, 0.5, 0.25]),
        ({"age_months": 10**6, "bleed": None, "body_sites": []}, [5, 0.5, 0]),
        ({"age_months": "old", "bleed": "yes", "body_sites": "face"}, [0, 0.5, 0]),
    ],
)
def test_facts_become_one_row_and_an_unknown_fact_stays_unknown(
    facts: dict[str, Any], row: list[float]
) -> None:
    wanted = manifest(inputs=facts_inputs()).facts
    assert wanted is not None
    assert facts_tensor(facts, wanted).tolist() == [pytest.approx(row)]


def test_a_model_that_takes_facts_uses_them() -> None:
    content = build.facts_model().SerializeToString()
    ready = Session(content, manifest(content, **build.scores_only(inputs=facts_inputs())))
    young = ready.run(build.picture(build.SKIN), {"age_months": 120, "body_sites": []})
    old = ready.run(build.picture(build.SKIN), {"age_months": 840, "body_sites": ["face"]})
    assert old.probabilities["MEL"] > young.probabilities["MEL"] + 0.3


# --- From numbers to evidence ----------------------------------------------------------------------
def test_a_red_photo_is_suspicious_and_plain_skin_is_not() -> None:
    red, skin = see(build.picture(build.RED)), see(build.picture(build.SKIN))
    assert red.flag
    assert not skin.flag
    assert red.probabilities == pytest.approx(build.expected(build.RED), abs=1e-4)
    assert red.label == "MEL"


def test_the_same_photo_always_gives_the_same_answer() -> None:
    content = build.picture(build.SKIN, (300, 200), spot=LEFT_SPOT, kind="JPEG")
    assert see(content).as_dict() == see(content).as_dict()
    assert see(content).heatmap_png() == see(content).heatmap_png()


def test_skin_that_the_model_was_not_validated_on_gets_the_cautious_threshold() -> None:
    light, brown, unknown = (see(build.picture(build.SKIN), tone=tone) for tone in ("light", "brown", None))
    assert (light.threshold, brown.threshold, unknown.threshold) == (0.5, 0.2, 0.2)
    assert "not validated on brown skin" in brown.note
    assert "unknown tone" in unknown.note
    assert "not validated" not in light.note


def test_every_answer_says_that_the_model_is_not_for_clinical_use() -> None:
    prediction = see(build.picture(build.RED))
    assert "not approved for clinical use" in prediction.note
    assert prediction.as_dict()["model"] == {
        "name": "redness",
        "version": "1.0.0",
        "sha256": session().manifest.sha256,
        "clinical_use": False,
        "scope": ["lesion"],
    }


def test_the_contract_s_objects_are_plain_json_values() -> None:
    answer = see(build.picture(build.RED)).as_dict()
    assert answer["suspicious_lesion"] == {
        "score": round(build.expected(build.RED)["MEL"], 4),
        "threshold": 0.5,
        "flag": True,
    }


def test_the_differential_gets_likelihoods_and_the_flag() -> None:
    evidence = see(build.picture(build.RED)).as_evidence()
    assert evidence is not None
    assert evidence.flag
    assert evidence.likelihoods["suspected-skin-cancer"] > 1
    assert evidence.likelihoods["warts"] < 1


def test_a_harmless_photo_is_no_evidence_against_skin_cancer() -> None:
    evidence = see(build.picture(build.SKIN)).as_evidence()
    assert evidence is not None
    assert evidence.likelihoods["suspected-skin-cancer"] == 1.0


def test_without_a_model_the_answer_says_so_and_is_empty() -> None:
    nothing = no_model()
    assert nothing.standing is Standing.NO_MODEL
    assert "No image model is installed" in nothing.note
    assert nothing.as_dict() == {"suspicious_lesion": None, "model": None}
    assert nothing.as_evidence() is None
    assert nothing.heatmap_png() is None
    assert not nothing.flag


LABELS = tuple(
    Label(str(row["label"]), row["condition"], bool(row["suspicious"]), float(row["prior"]))
    for row in build.LABELS
)
SCORES = st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=3)


@given(scores=SCORES, temperature=st.floats(0.05, 20), activation=st.sampled_from(Activation))
@settings(max_examples=150)
def test_probabilities_are_probabilities(
    scores: list[float], temperature: float, activation: Activation
) -> None:
    values = probabilities(np.array(scores, np.float32), activation, temperature)
    assert np.isfinite(values).all()
    assert ((values >= 0) & (values <= 1)).all()
    if activation is Activation.SOFTMAX:
        assert values.sum() == pytest.approx(1)


@given(scores=SCORES, priors=st.tuples(*[st.floats(0.001, 1)] * 3))
@settings(max_examples=150)
def test_a_photo_never_makes_a_suspicious_condition_less_likely(
    scores: list[float], priors: tuple[float, float, float]
) -> None:
    """Whatever the model says and however common the three are, after the photo the suspicious one
    has at least the share it had before."""
    values = probabilities(np.array(scores, np.float32), Activation.SOFTMAX, 1.0).tolist()
    by_label = dict(zip(("MEL", "NEV", "WART"), values, strict=True))
    moved = likelihoods(by_label, LABELS)
    cancer, warts, other = priors
    weights = cancer * moved["suspected-skin-cancer"], warts * moved["warts"], other
    assert weights[0] / sum(weights) >= cancer / sum(priors) - 1e-12
    assert all(1 / MOST_EVIDENCE <= value <= MOST_EVIDENCE for value in moved.values())


def test_labels_of_one_condition_count_together() -> None:
    labels = (
        Label("MEL", "suspected-skin-cancer", suspicious=True, prior=0.1),
        Label("BCC", "suspected-skin-cancer", suspicious=True, prior=0.1),
        Label("NEV", None, suspicious=False, prior=0.8),
    )
    by_label = {"MEL": 0.3, "BCC": 0.3, "NEV": 0.4}
    assert likelihoods(by_label, labels) == {"suspected-skin-cancer": pytest.approx(3.0)}
    assert suspicious_score(by_label, labels, Activation.SOFTMAX) == pytest.approx(0.6)
    assert suspicious_score(by_label, labels, Activation.SIGMOID) == pytest.approx(0.3)


def test_a_model_without_suspicious_labels_has_no_score() -> None:
    labels = [{**row, "suspicious": False} for row in build.LABELS]
    prediction = see(build.picture(build.RED), labels=labels)
    assert prediction.suspicious_score is None
    assert prediction.as_dict()["suspicious_lesion"] is None
    assert not prediction.flag


# --- The heat map ----------------------------------------------------------------------------------
def overlay(content: bytes, **changes: Any) -> Image.Image:
    png = see(content, **changes).heatmap_png()
    assert png is not None
    image = Image.open(io.BytesIO(png))
    image.load()
    assert (image.format, image.mode) == ("PNG", "RGBA")
    return image


def test_the_heat_map_is_hot_where_the_red_spot_is() -> None:
    image = overlay(build.picture(build.SKIN, (320, 240), spot=LEFT_SPOT))
    assert image.size == (320, 240)
    alpha = np.asarray(image)[..., 3].astype(float)
    assert alpha[80:160, 20:100].mean() > 2 * alpha[:, 200:].mean()


def test_the_heat_map_of_a_large_photo_is_small_and_keeps_its_proportions() -> None:
    image = overlay(build.picture(build.RED, (2000, 1000), kind="JPEG"))
    assert image.size == (512, 256)


def test_what_a_crop_left_out_stays_clear_in_the_heat_map() -> None:
    inputs = build.manifest_for(b"")["inputs"]
    image = overlay(
        build.picture(build.RED, (400, 200)), inputs={"image": {**inputs["image"], "fit": "crop"}}
    )
    assert np.asarray(image)[:, :90, 3].max() == 0
    assert np.asarray(image)[:, 320:, 3].max() == 0


def test_a_model_that_exports_no_features_has_no_heat_map() -> None:
    assert see(build.picture(build.RED), **build.scores_only()).heatmap_png() is None


# --- A model that misbehaves at work ---------------------------------------------------------------
def test_a_model_that_hangs_on_a_photo_is_stopped() -> None:
    content = build.endless_model().SerializeToString()
    ready = Session(content, manifest(content, **build.scores_only()), seconds=0.5)
    with pytest.raises(InferenceFailed) as caught:
        ready.run(build.picture(build.RED), {})
    assert caught.value.code == "inference_timeout"


def test_a_model_that_fails_on_a_photo_is_a_named_failure() -> None:
    content = build.greedy_model().SerializeToString()
    ready = Session(content, manifest(content, **build.scores_only()))
    with pytest.raises(InferenceFailed) as caught:
        ready.run(build.picture(build.RED), {})
    assert caught.value.code == "inference_error"


def test_a_package_file_of_the_checks_can_be_run_directly(package: Path) -> None:
    """The child's own work, in this process: what it measures is what the report shows."""
    from consultations.inference.trial_child import try_out

    content = (package / "model.onnx").read_bytes()
    figures = try_out(content, manifest(content), seconds=5, latency_limit_ms=5000)
    assert figures["cases"] == 2
    assert figures["deviation"] < 1e-5
