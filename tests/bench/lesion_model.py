"""The shipped image model on one core: against what its arithmetic must cost, and against PyTorch; and the
way from a stored photo of 12 megapixels to its input.

The comparison with PyTorch is made where it is installed (`consultations/training/requirements.txt`).
"""

import importlib.util
import io
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, shape_inference

from consultations.imaging import make_safe
from consultations.imaging.quality import judge
from consultations.inference.limits import DEFAULT_LIMITS
from consultations.inference.manifest import ImageInput
from consultations.inference.manifest_reader import read_manifest
from consultations.inference.preprocess import decoded_once, picture_tensor
from consultations.inference.session import Session
from tests.bench import Figure
from tests.bench.photos import daylight, night
from tests.consultations.imaging.pictures import pack

PACKAGE = Path(__file__).parents[2] / "consultations" / "training" / "package"
ROUNDS = 40
SIDE = 768  # of the matrices whose product sets the rate
FLOOR_RATIO, EAGER_RATIO, SESSION_MS, PREPARED_MS = 2.5, 3.0, 200.0, 20.0


def measure() -> Iterable[Figure]:
    model = (PACKAGE / "model.onnx").read_bytes()
    manifest = read_manifest((PACKAGE / "manifest.json").read_bytes(), DEFAULT_LIMITS)
    made = [_waited(lambda: Session(model, manifest)) for _ in range(10)]
    yield Figure("session made", min(made), "ms", bound=SESSION_MS)

    yield from _prepared(manifest.image)
    run = _runner(_plain_session(model), manifest.input_names)
    product = _runner(_plain_session(_product()), {"a"})
    kinds: dict[str, Callable[[], object]] = {"model": run, "product": product}
    if importlib.util.find_spec("torch") and importlib.util.find_spec("efficientnet_lite_pytorch"):
        kinds["eager"] = _eager()
    best = _best(kinds)
    rate = 2 * SIDE**3 / best["product"]
    floor = flops(model) / rate
    yield Figure("one photo through the model", best["model"], "ms")
    yield Figure(
        "one photo through the model", best["model"] / floor, "ratio",
        peer=f"its {flops(model) / 1e9:.2f} GFLOP at the rate of a matrix product, {rate / 1e6:.0f} GFLOP/s",
        bound=FLOOR_RATIO,
    )  # fmt: skip
    if "eager" in best:
        yield Figure(
            "PyTorch eager, the same network", best["eager"] / best["model"], "ratio", peer="the model",
            bound=EAGER_RATIO, better="higher",
        )  # fmt: skip


def _prepared(wanted: ImageInput) -> Iterable[Figure]:
    """From what is stored of a photo to the model's input, with its rendition and without, as for photos
    stored before there were any; and how much sooner its quality is judged."""

    def to_input(content: bytes) -> float:
        return _fastest(lambda: picture_tensor(decoded_once(content), wanted))

    def judging(content: bytes) -> float:
        return _fastest(lambda: judge(decoded_once(content)))

    for name, picture in (("JPEG", daylight()), ("WebP", night())):
        photo = make_safe(io.BytesIO(pack(picture, "JPEG", quality=75)))
        whole = photo.content if name == "JPEG" else pack(picture, "WEBP", quality=5, method=2)
        small, sizes = photo.rendition, f"{len(photo.rendition) / 1e6:.2f} for {len(whole) / 1e6:.1f} MB"
        yield Figure(f"12-megapixel {name} to the model's input", to_input(small), "ms", bound=PREPARED_MS)
        yield Figure(f"12-megapixel {name} to it without a rendition ({sizes})", to_input(whole), "ms")
        faster = judging(whole) / judging(small)
        yield Figure(f"quality of a 12-megapixel {name}", faster, "ratio", "the photo", better="higher")


def _fastest(run: Callable[[], object]) -> float:
    return min(_took(run) for _ in range(8))


def flops(model: bytes) -> int:
    """Multiply-adds of convolutions and the linear layer, counted twice; the rest is small."""
    graph = shape_inference.infer_shapes(onnx.load_model_from_string(model)).graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.output, *graph.input)
    }
    shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            total += 2 * int(np.prod(shapes[node.output[0]][2:])) * int(np.prod(shapes[node.input[1]]))
        elif node.op_type == "Gemm":
            total += 2 * int(np.prod(shapes[node.input[1]]))
    return total


def _product() -> bytes:
    matrix = np.random.default_rng(1).normal(size=(SIDE, SIDE)).astype(np.float32)
    shape = [SIDE, SIDE]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(matrix, "b")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(made.SerializeToString())


def _plain_session(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _runner(session: Any, names: set[str]) -> Callable[[], object]:
    random = np.random.default_rng(2)
    feeds = {
        item.name: random.normal(size=item.shape).astype(np.float32)
        for item in session.get_inputs()
        if item.name in names
    }
    return lambda: session.run(None, feeds)


def _eager() -> Callable[[], object]:
    import torch

    from consultations.training import backbone

    torch.set_num_threads(1)
    network = backbone.load()
    picture = torch.randn(1, 3, backbone.SIDE, backbone.SIDE)

    def run() -> object:
        with torch.inference_mode():
            return network(picture)

    return run


def _best(kinds: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The best of many rounds in turn, so that what else the machine does falls on all alike; ms."""
    best = dict.fromkeys(kinds, float("inf"))
    for _ in range(ROUNDS):
        for name, run in kinds.items():
            best[name] = min(best[name], _took(run))
    return best


def _took(run: Callable[[], object]) -> float:
    """Milliseconds of this thread on a core: all that is run here has one thread, and what else the machine
    does is not counted."""
    began = time.thread_time()
    run()
    return (time.thread_time() - began) * 1000


def _waited(run: Callable[[], object]) -> float:
    """Milliseconds by the clock."""
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000
