"""Small real ONNX models, and packages around them, sound and broken.

The sound one sees redness: a 1x1 convolution makes four feature maps (redness, blueness, brightness, a
constant), their averages go through a linear layer to three labels. What it must answer for a picture
of one colour is worked out here in plain numpy, apart from the code under test.
"""

import base64
import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper
from PIL import Image

SIDE = 32
KNOWN = frozenset({"suspected-skin-cancer", "warts", "tinea-corporis"})
TEMPERATURE = 1.5
RED, SKIN = (200, 40, 40), (120, 90, 70)
# redness, blueness, brightness, constant
KERNEL = np.array([[1, -0.5, -0.5], [-0.5, -0.5, 1], [1 / 3, 1 / 3, 1 / 3], [0, 0, 0]], np.float32)
KERNEL_BIAS = np.array([0, 0, 0, 0.5], np.float32)
# rows: MEL, NEV, WART
HEAD = np.array([[9, 0, 0, -1], [-6, 0, 2, 2], [0, 3, -2, 1]], np.float32)
HEAD_BIAS = np.array([-1.5, 0.5, -0.5], np.float32)
LABELS: tuple[dict[str, Any], ...] = (
    {"label": "MEL", "condition": "suspected-skin-cancer", "suspicious": True, "prior": 0.2},
    {"label": "NEV", "condition": None, "suspicious": False, "prior": 0.5},
    {"label": "WART", "condition": "warts", "suspicious": False, "prior": 0.3},
)
CARD = """# Redness
## Intended use
A demonstration of the way from a photo to evidence. It measures how red a picture is and nothing else.
## Limitations
It was trained on nothing, it knows no lesion, and it is validated on no skin at all. Never use it for care.
"""


def expected(colour: tuple[int, int, int]) -> dict[str, float]:
    """What the redness model must say of a picture of one colour."""
    values = np.array(colour, np.float64) / 255
    maps = np.maximum(KERNEL.astype(np.float64) @ values + KERNEL_BIAS, 0)
    scores = (HEAD.astype(np.float64) @ maps + HEAD_BIAS) / TEMPERATURE
    exponents = [math.exp(score) for score in scores]
    return {str(row["label"]): value / sum(exponents) for row, value in zip(LABELS, exponents, strict=True)}


def picture(
    colour: tuple[int, int, int], size: tuple[int, int] = (64, 64), *, spot: Any = None, kind: str = "PNG"
) -> bytes:
    """A picture of one colour, with a red spot in the given box where asked."""
    image = Image.new("RGB", size, colour)
    if spot:
        image.paste(RED, spot)
    buffer = io.BytesIO()
    image.save(buffer, format=kind)
    return buffer.getvalue()


def _value(name: str, shape: list[Any] | None, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def model_of(
    nodes: list[Any],
    *,
    inputs: list[Any] | None = None,
    outputs: list[Any] | None = None,
    constants: Mapping[str, Any] | None = None,
    opset: int = 17,
    imports: tuple[str, ...] = (),
) -> ModelProto:
    """A model of the given nodes, by default from `image` to `scores`."""
    graph = helper.make_graph(
        nodes,
        "classifier",
        inputs or [_value("image", [1, 3, SIDE, SIDE])],
        outputs or [_value("scores", [1, 3])],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in imports)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def redness_model(*, extra: list[Any] | None = None, last: str = "scores", opset: int = 17) -> ModelProto:
    """The sound model. `extra` nodes are appended; `last` names what the linear layer gives."""
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "kernel_bias"], ["maps"]),
        helper.make_node("Relu", ["maps"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "head", "head_bias"], [last], transB=1),
        helper.make_node("Identity", ["head"], ["weights"]),
        *(extra or []),
    ]
    return model_of(
        nodes,
        outputs=[
            _value("scores", [1, 3]),
            _value("features", [1, 4, SIDE, SIDE]),
            _value("weights", [3, 4]),
        ],
        constants={
            "kernel": KERNEL.reshape(4, 3, 1, 1),
            "kernel_bias": KERNEL_BIAS,
            "head": HEAD,
            "head_bias": HEAD_BIAS,
        },
        opset=opset,
    )


def facts_model() -> ModelProto:
    """Scores that rest on the facts alone: MEL = number of years over 50 (scaled), NEV = flag."""
    return model_of(
        [
            helper.make_node("ReduceMean", ["image"], ["bright"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Mul", ["bright", "zero"], ["nothing"]),
            helper.make_node("Gemm", ["facts", "head"], ["by_facts"], transB=1),
            helper.make_node("Add", ["by_facts", "nothing"], ["scores"]),
        ],
        inputs=[_value("image", [1, 3, SIDE, SIDE]), _value("facts", [1, 3])],
        constants={
            "zero": np.array(0, np.float32),
            "head": np.array([[1, 0, 2], [0, 1, 0], [0, 0, 0]], np.float32),
        },
    )


def endless_model() -> ModelProto:
    """A loop whose condition never turns false."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["x"], ["y"])],
        "body",
        [_value("i", [], TensorProto.INT64), _value("go", [], TensorProto.BOOL), _value("x", [1, 3])],
        [_value("go_on", [], TensorProto.BOOL), _value("y", [1, 3])],
    )
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Loop", ["", "yes", "means"], ["scores"], body=body),
    ]
    return model_of(nodes, constants={"yes": np.array(True)})


def heavy_model(side: int = 1500, products: int = 400) -> ModelProto:
    """Allowed operators alone, and yet minutes of work: a chain of large matrix products."""
    nodes = [helper.make_node("ReduceMean", ["image"], ["m0"], axes=[1], keepdims=0)]
    nodes += [helper.make_node("Resize", ["image", "", "", "sizes"], ["big"], mode="nearest")]
    nodes += [helper.make_node("Mul", ["big", "big"], ["p0"])]
    nodes += [
        helper.make_node("MatMul", [f"p{index}", "big"], [f"p{index + 1}"]) for index in range(products)
    ]
    nodes += [helper.make_node("ReduceMean", [f"p{products}"], ["scores"], axes=[2, 3], keepdims=0)]
    return model_of(nodes, constants={"sizes": np.array([1, 3, side, side], np.int64)})


def greedy_model() -> ModelProto:
    """Asks for 32 GB at once."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("ReduceMax", ["means"], ["top"], keepdims=0),
        helper.make_node("Cast", ["top"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Add", ["whole", "huge"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["giant"]),
        helper.make_node("ReduceMax", ["giant"], ["most"], keepdims=0),
        helper.make_node("Add", ["means", "most"], ["scores"]),
    ]
    return model_of(nodes, constants={"huge": np.array([1 << 33], np.int64)})


def manifest_for(model: bytes, **changes: Any) -> dict[str, Any]:
    """The manifest of the redness model; `changes` replace top-level fields, `...` removes one."""
    manifest: dict[str, Any] = {
        "format": 1,
        "name": "redness",
        "version": "1.0.0",
        "sha256": hashlib.sha256(model).hexdigest(),
        "scope": ["lesion"],
        "inputs": {
            "image": {
                "name": "image",
                "width": SIDE,
                "height": SIDE,
                "mean": [0, 0, 0],
                "std": [1, 1, 1],
                "layout": "NCHW",
            }
        },
        "output": {
            "scores": "scores",
            "activation": "softmax",
            "features": "features",
            "weights": "weights",
        },
        "labels": [dict(row) for row in LABELS],
        "calibration": {"temperature": TEMPERATURE},
        "thresholds": {"suspicious": 0.5, "cautious": 0.2, "validated_skin_tones": ["light", "intermediate"]},
        "training": {
            "data": [{"name": "None", "licence": "CC0-1.0", "source": "weights set by hand"}],
            "notes": "Not trained.",
        },
        "metrics": {
            "dataset": "none",
            "n": 0,
            "overall": {"auc": 0.5},
            "subgroups": [{"by": "skin_tone", "group": "brown", "n": 0, "values": {}}],
        },
        "golden": [golden("red", RED), golden("skin", SKIN)],
        "licence": "Apache-2.0",
        "card": CARD,
        "clinical_use": False,
    }
    manifest.update(changes)
    return {name: value for name, value in manifest.items() if value is not ...}


def golden(name: str, colour: tuple[int, int, int], **changes: Any) -> dict[str, Any]:
    """A golden case of one colour."""
    case = {
        "name": name,
        "image": base64.b64encode(picture(colour)).decode(),
        "expected": expected(colour),
        "tolerance": 0.001,
    }
    return {**case, **changes}


def write_package(folder: Path, model: ModelProto | bytes | None = None, **changes: Any) -> Path:
    """A package folder; the sound one unless something else is given."""
    content = model if isinstance(model, bytes) else (model or redness_model()).SerializeToString()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest_for(content, **changes)))
    return folder


def scores_only(**changes: Any) -> dict[str, Any]:
    """Manifest changes for a model that exports no features."""
    return {"output": {"scores": "scores", "activation": "softmax"}, **changes}


def zipped(folder: Path, target: Path, *, under: str = "") -> Path:
    """The package folder as a zip archive, its files in the folder `under` where given."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{under}{file.name}")
    return target
