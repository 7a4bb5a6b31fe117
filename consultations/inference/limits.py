"""How large, how deep and how slow a model package may be, and which operators it may use."""

from dataclasses import dataclass

MEGABYTE = 1_000_000

# What image classifiers are made of: deterministic, without side effects, without control flow.
# Random operators would make answers differ from replay to replay; file, string, sequence and
# training operators have no business in a classifier.
_NAMES = """
    Abs Add And ArgMax AveragePool BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape
    Conv ConvInteger DepthToSpace DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp
    Expand Flatten Floor Gather Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
    GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization
    LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization MatMul MatMulInteger Max MaxPool Min Mish
    Mul Neg Not Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear Reciprocal ReduceL2 ReduceMax
    ReduceMean ReduceMin ReduceSum Relu Reshape Resize Round Selu Shape Sigmoid Slice Softmax Softplus
    SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Where
"""
OPERATORS = frozenset(_NAMES.split())
# Named apart because they deserve their own answer: they can run for ever on a photo that no
# golden case shows.
CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
OPSETS = range(13, 24)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a package. The defaults hold a MobileNet, a ResNet-18 or an EfficientNet-lite
    several times over."""

    model_bytes: int = 64 * MEGABYTE
    manifest_bytes: int = 2 * MEGABYTE
    nodes: int = 5_000
    fields: int = 2_000_000  # of the protobuf, about a second to walk
    depth: int = 8
    image_side: int = 1_024
    golden_cases: int = 20
    golden_image_bytes: int = 200_000
    operators: frozenset[str] = OPERATORS
    trial_seconds: float = 30.0
    trial_memory_bytes: int = 1_500 * MEGABYTE
    latency_ms: float = 2_000.0


DEFAULT_LIMITS = Limits()
