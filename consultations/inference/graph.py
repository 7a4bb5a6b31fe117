"""What an ONNX file holds, read from its bytes without running any of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from consultations.inference import wire
from consultations.inference.errors import PackageRefused
from consultations.inference.limits import CONTROL_FLOW, OPSETS, Limits

# Field numbers of onnx.proto (IR version 3 and later).
_MODEL_IR, _MODEL_GRAPH, _MODEL_OPSET, _MODEL_TRAINING, _MODEL_FUNCTIONS = 1, 7, 8, 20, 25
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_SPARSE = 1, 5, 11, 12, 15
_NODE_OP, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTR_TENSOR, _ATTR_GRAPH, _ATTR_TENSORS, _ATTR_GRAPHS, _ATTR_SPARSE, _ATTR_SPARSES = 5, 6, 10, 11, 22, 23
_SPARSE_VALUES, _SPARSE_INDICES = 1, 2
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_VALUE_NAME = 1

_STANDARD_DOMAINS = frozenset({"", "ai.onnx"})


@dataclass(slots=True)
class GraphFacts:
    """Everything the checks ask about, subgraphs included."""

    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    external: list[str] = field(default_factory=list)
    nodes: int = 0
    functions: int = 0
    training: bool = False


def read_graph(model: bytes, limits: Limits) -> GraphFacts:
    """The facts of one ONNX file; PackageRefused `model_unreadable` where it is none."""
    try:
        facts = _Walk(limits).model(memoryview(model))
    except wire.WireError as error:
        raise PackageRefused("model_unreadable", f"model.onnx is no readable ONNX file: {error}.") from None
    if not facts.nodes:
        raise PackageRefused("model_unreadable", "model.onnx is no readable ONNX file: it holds no graph.")
    return facts


class _Walk:
    """One pass through a file, noting facts on the way."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._wire = wire.Reader(limits.fields)
        self._facts = GraphFacts()

    def model(self, view: memoryview) -> GraphFacts:
        read, facts = self._wire, self._facts
        facts.ir_version = read.integer(view, _MODEL_IR)
        for opset in read.messages(view, _MODEL_OPSET):
            facts.opsets[read.text(opset, _OPSET_DOMAIN)] = read.integer(opset, _OPSET_VERSION)
        facts.functions = sum(1 for _ in read.messages(view, _MODEL_FUNCTIONS))
        facts.training = any(True for _ in read.messages(view, _MODEL_TRAINING))
        for graph in read.messages(view, _MODEL_GRAPH):
            facts.inputs += [read.text(value, _VALUE_NAME) for value in read.messages(graph, _GRAPH_INPUT)]
            facts.outputs += [read.text(value, _VALUE_NAME) for value in read.messages(graph, _GRAPH_OUTPUT)]
            self._graph(graph, depth=0)
        return facts

    def _graph(self, graph: memoryview, *, depth: int) -> None:
        if depth > self._limits.depth:
            raise PackageRefused(
                "model_too_deep", f"model.onnx nests graphs more than {self._limits.depth} deep."
            )
        for tensor in self._tensors(graph, (_GRAPH_INITIALIZER,), (_GRAPH_SPARSE,)):
            self._note_external(tensor)
        for node in self._wire.messages(graph, _GRAPH_NODE):
            self._node(node, depth)

    def _node(self, node: memoryview, depth: int) -> None:
        read, facts = self._wire, self._facts
        facts.nodes += 1
        if facts.nodes > self._limits.nodes:
            raise PackageRefused(
                "model_too_many_nodes", f"model.onnx has more than {self._limits.nodes} operators."
            )
        domain, name = read.text(node, _NODE_DOMAIN), read.text(node, _NODE_OP)
        facts.operators.add(name if domain in _STANDARD_DOMAINS else f"{domain}::{name}")
        for attribute in read.messages(node, _NODE_ATTRIBUTE):
            for tensor in self._tensors(
                attribute, (_ATTR_TENSOR, _ATTR_TENSORS), (_ATTR_SPARSE, _ATTR_SPARSES)
            ):
                self._note_external(tensor)
            for number in (_ATTR_GRAPH, _ATTR_GRAPHS):
                for inner in read.messages(attribute, number):
                    self._graph(inner, depth=depth + 1)

    def _tensors(
        self, message: memoryview, dense: tuple[int, ...], sparse: tuple[int, ...]
    ) -> Iterator[memoryview]:
        for number in dense:
            yield from self._wire.messages(message, number)
        for number in sparse:
            for tensor in self._wire.messages(message, number):
                yield from self._wire.messages(tensor, _SPARSE_VALUES)
                yield from self._wire.messages(tensor, _SPARSE_INDICES)

    def _note_external(self, tensor: memoryview) -> None:
        read = self._wire
        entries = {
            read.text(entry, _ENTRY_KEY): read.text(entry, _ENTRY_VALUE)
            for entry in read.messages(tensor, _TENSOR_EXTERNAL)
        }
        if entries or read.integer(tensor, _TENSOR_LOCATION) == 1:
            name = read.text(tensor, _TENSOR_NAME) or "unnamed"
            self._facts.external.append(f"{name} -> {entries.get('location', '(no location)')}")


def check_self_contained(facts: GraphFacts) -> str:
    """No tensor lies in another file: a location could point anywhere on this machine."""
    if facts.external:
        raise PackageRefused(
            "model_external_data",
            f"model.onnx keeps weights in another file ({facts.external[0]}); save the model in one file.",
        )
    return "all weights are inside model.onnx"


def check_operators(facts: GraphFacts, limits: Limits) -> str:
    """Only known, deterministic operators of the standard domain, in an opset the runtime knows."""
    if facts.functions:
        raise PackageRefused(
            "model_functions",
            f"model.onnx defines {facts.functions} functions of its own; export it inlined.",
        )
    if facts.training:
        raise PackageRefused(
            "model_training_graph", "model.onnx holds a training graph; export for inference."
        )
    if looping := sorted((facts.operators & CONTROL_FLOW) - limits.operators):
        raise PackageRefused(
            "model_control_flow",
            f"model.onnx uses {', '.join(looping)}; control flow could run for ever and is not allowed.",
        )
    if unknown := sorted(facts.operators - limits.operators):
        raise PackageRefused(
            "model_operator_unknown", f"model.onnx uses operators that are not allowed: {', '.join(unknown)}."
        )
    version = facts.opsets.get("", facts.opsets.get("ai.onnx", 0))
    if version not in OPSETS:
        raise PackageRefused(
            "model_opset_unsupported",
            f"model.onnx is written in opset {version}; {OPSETS.start} to {OPSETS.stop - 1} are supported.",
        )
    return f"{facts.nodes} operators of {len(facts.operators)} kinds, opset {version}"


def check_names(facts: GraphFacts, inputs: set[str], outputs: set[str]) -> str:
    """The graph's inputs are exactly those of the manifest; the outputs that it names exist."""
    if set(facts.inputs) != inputs:
        raise PackageRefused(
            "model_inputs_differ",
            f"model.onnx takes the inputs {_listed(facts.inputs)}; the manifest names {_listed(inputs)}.",
        )
    if missing := outputs - set(facts.outputs):
        raise PackageRefused(
            "model_outputs_missing",
            f"model.onnx has no output {_listed(missing)}; its outputs are {_listed(facts.outputs)}.",
        )
    return f"inputs {_listed(inputs)}, outputs {_listed(outputs)}"


def _listed(names: set[str] | list[str]) -> str:
    return ", ".join(f"“{name}”" for name in sorted(names)) or "(none)"
