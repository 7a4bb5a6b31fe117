"""What a model package says of itself, as typed values. `manifest_reader` makes them from JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

PRESENTATIONS = ("rash", "lesion", "ulcer", "nail", "hair", "other")
# Individual typology angle groups, lightest first (the imaging package estimates them).
SKIN_TONES = ("very_light", "light", "intermediate", "tan", "brown", "dark")


class Layout(StrEnum):
    """Order of the axes of the picture tensor."""

    NCHW = "NCHW"
    NHWC = "NHWC"


class Fit(StrEnum):
    """How a photo becomes a square: squeezed whole, or the middle cut out."""

    STRETCH = "stretch"
    CROP = "crop"


class Activation(StrEnum):
    """What turns the model's raw outputs into probabilities."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"


class FeatureKind(StrEnum):
    """How a fact becomes a number: `number` is scaled, `flag` is 1 or 0, `equals` and `contains`
    are 1 where the fact is, or holds, the value."""

    NUMBER = "number"
    FLAG = "flag"
    EQUALS = "equals"
    CONTAINS = "contains"


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The picture as the model wants it. `mean` and `std` are per channel, of values in 0 to 1."""

    name: str
    width: int
    height: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    layout: Layout
    fit: Fit

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the tensor for one photo."""
        if self.layout is Layout.NCHW:
            return (1, 3, self.height, self.width)
        return (1, self.height, self.width, 3)


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the facts vector. `missing` stands for an unknown fact; for a number it is
    given after scaling, so 0 is the average patient."""

    fact: str
    kind: FeatureKind
    value: str
    mean: float
    std: float
    missing: float


@dataclass(frozen=True, slots=True)
class FactsInput:
    """The second input: a vector of shape (1, len(features))."""

    name: str
    features: tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """One output, in the model's order. `prior` is its share of the training data, `condition` the
    condition it is evidence for (None: none that the product knows)."""

    label: str
    condition: str | None
    suspicious: bool
    prior: float


@dataclass(frozen=True, slots=True)
class Output:
    """`scores`: (1, labels), raw. `features`: (1, channels, h, w) and `weights`: (labels, channels)
    make the heat map; both or neither."""

    scores: str
    activation: Activation
    features: str | None
    weights: str | None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A score at or above the threshold is flagged. `cautious` (never above `suspicious`) holds
    for every skin tone that the model was not validated on, and where the tone is unknown."""

    suspicious: float
    cautious: float
    validated_skin_tones: frozenset[str]

    def for_tone(self, tone: str | None) -> float:
        """The threshold that holds for this skin."""
        return self.suspicious if tone in self.validated_skin_tones else self.cautious


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """A picture (encoded file), facts and the probabilities that must come out, within `tolerance`
    (absolute)."""

    name: str
    image: bytes
    facts: Mapping[str, object]
    expected: Mapping[str, float]
    tolerance: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole manifest. `raw` is the JSON it was read from, for storage and for display."""

    name: str
    version: str
    sha256: str
    scope: tuple[str, ...]
    image: ImageInput
    facts: FactsInput | None
    output: Output
    labels: tuple[Label, ...]
    temperature: float
    thresholds: Thresholds
    golden: tuple[GoldenCase, ...]
    licence: str
    card: str
    clinical_use: bool
    raw: Mapping[str, object]

    @property
    def input_names(self) -> set[str]:
        """The graph inputs that are fed."""
        return {self.image.name} | ({self.facts.name} if self.facts else set())

    @property
    def output_names(self) -> tuple[str, ...]:
        """The graph outputs that are read: scores first, then features and weights where given."""
        output = self.output
        return tuple(name for name in (output.scores, output.features, output.weights) if name)

    @property
    def conditions(self) -> frozenset[str]:
        """Every condition that some label is evidence for."""
        return frozenset(label.condition for label in self.labels if label.condition)
