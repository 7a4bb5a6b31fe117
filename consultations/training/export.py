"""The network and a head as one ONNX file, written operator by operator.

Batch normalisation is folded into the convolutions, and TensorFlow's lopsided padding becomes an attribute
of each: the runtime finds nothing left to tidy. The network's weights are stored in half precision and
widened when the session is made: half the file, computed in single precision.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from consultations.training import backbone, inputs
from consultations.training.data import LABELS
from consultations.training.head import Head

OPSET, IR = 17, 9
Array = npt.NDArray[Any]


@dataclass(slots=True)
class _Graph:
    """Nodes and constants as they are written; `flops` counts multiply-adds twice."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    flops: int = 0

    def constant(self, name: str, value: Array) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def halved(self, name: str, value: Array) -> str:
        """A constant in half precision with the operator that widens it, done once by the runtime."""
        self.constant(f"{name}.half", value.astype(np.float16))
        self.nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
        return name

    def add(self, kind: str, sources: list[str], out: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, sources, [out], name=out, **attributes))
        return out

    def convolve(
        self, source: str, name: str, layer: Any, norm: Any, size: int, *, clip: bool
    ) -> tuple[str, int]:
        """Convolution and normalisation in one, then ReLU6 where asked; the name and side of its output."""
        weight = layer.weight.detach().numpy()
        scale = norm.weight.detach().numpy() / np.sqrt(norm.running_var.numpy() + norm.eps)
        bias = norm.bias.detach().numpy() - norm.running_mean.numpy() * scale
        stride, kernel = layer.stride[0], weight.shape[2]
        out = -(-size // stride)
        spare = max((out - 1) * stride + kernel - size, 0)
        first = spare // 2
        self.flops += 2 * out * out * int(weight.size)
        result = self.add(
            "Conv",
            [
                source,
                self.halved(f"{name}.weight", weight * scale[:, None, None, None]),
                self.constant(f"{name}.bias", bias.astype(np.float32)),
            ],
            name,
            group=layer.groups,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[first, first, spare - first, spare - first],
        )
        return (self.add("Clip", [result, "zero", "six"], f"{name}.relu6") if clip else result), out


def model_of(network: Any, head: Head) -> tuple[bytes, int]:
    """The file's bytes, and the floating-point operations of one run."""
    graph = _Graph()
    graph.constant("zero", np.array(0, np.float32))
    graph.constant("six", np.array(6, np.float32))
    size = backbone.SIDE
    last, size = graph.convolve("image", "stem", network._conv_stem, network._bn0, size, clip=True)
    for number, block in enumerate(network._blocks[: backbone.LAST + 1]):
        last, size = _block(graph, last, f"block{number}", block, size)
        if number == backbone.MIDDLE:
            middle, wide = last, size
    step = wide // size
    graph.add("AveragePool", [middle], "middle", kernel_shape=[step, step], strides=[step, step])
    graph.add("Concat", ["middle", last], "features", axis=1)
    _head(graph, head)
    model = _assembled(graph, size)
    checker.check_model(model)
    return model.SerializeToString(), graph.flops


def _block(graph: _Graph, source: str, name: str, block: Any, size: int) -> tuple[str, int]:
    """One inverted bottleneck: widen, filter by channel, narrow, add what came in."""
    args = block._block_args
    last = source
    if args.expand_ratio != 1:
        last, size = graph.convolve(last, f"{name}.expand", block._expand_conv, block._bn0, size, clip=True)
    last, size = graph.convolve(last, f"{name}.depth", block._depthwise_conv, block._bn1, size, clip=True)
    last, size = graph.convolve(last, f"{name}.project", block._project_conv, block._bn2, size, clip=False)
    if block.id_skip and args.stride in (1, [1]) and args.input_filters == args.output_filters:
        last = graph.add("Add", [last, source], f"{name}.sum")
    return last, size


def _head(graph: _Graph, head: Head) -> None:
    matrix, ceiling = inputs.grouping()
    graph.add("GlobalAveragePool", ["features"], "average")
    graph.add("Flatten", ["average"], "pooled")
    graph.add(
        "Gemm",
        ["pooled", graph.constant("head", head.picture), graph.constant("bias", head.bias)],
        "seen",
        transB=1,
    )
    graph.add("MatMul", ["facts", graph.constant("parts", matrix)], "summed")
    graph.add("Min", ["summed", graph.constant("once", ceiling)], "answers")
    graph.add("MatMul", ["answers", graph.constant("answers_head", head.facts.T)], "said")
    graph.add("Add", ["seen", "said"], "scores")
    graph.add("Identity", ["head"], "weights")
    graph.flops += 2 * int(head.picture.size)


def _assembled(graph: _Graph, size: int) -> ModelProto:
    def value(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    matrix, _ = inputs.grouping()
    whole = helper.make_graph(
        graph.nodes,
        "lesion",
        [value("image", *backbone.INPUT.shape), value("facts", 1, len(matrix))],
        [
            value("scores", 1, len(LABELS)),
            value("features", 1, backbone.FEATURES, size, size),
            value("weights", len(LABELS), backbone.FEATURES),
        ],
        graph.constants,
    )
    return helper.make_model(
        whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="dermatech"
    )
