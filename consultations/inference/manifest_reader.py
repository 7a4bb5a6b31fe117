"""From the bytes of manifest.json to a `Manifest`, or a refusal that names the field."""

import base64
import json
import math

from consultations.inference.errors import PackageRefused
from consultations.inference.limits import Limits
from consultations.inference.manifest import (
    PRESENTATIONS,
    SKIN_TONES,
    Activation,
    FactsInput,
    Feature,
    FeatureKind,
    Fit,
    GoldenCase,
    ImageInput,
    Label,
    Layout,
    Manifest,
    Output,
    Thresholds,
)
from consultations.inference.reading import Node, invalid

FORMAT = 1
_SLUG = r"[a-z0-9][a-z0-9-]*"
_CARD_LEAST = 200
_CARD_SECTIONS = ("Intended use", "Limitations")
_PRIOR_SLACK = 0.02


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def read_manifest(content: bytes, limits: Limits) -> Manifest:
    """Parse and check everything that can be said without the model and without the database."""
    if len(content) > limits.manifest_bytes:
        raise PackageRefused(
            "manifest_too_large",
            f"manifest.json has {len(content)} bytes; at most {limits.manifest_bytes} are allowed.",
        )
    try:
        raw = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PackageRefused("manifest_not_json", f"manifest.json is not JSON: {error}.") from None
    return parse_manifest(raw, limits)


def parse_manifest(raw: object, limits: Limits) -> Manifest:
    """The same from parsed JSON, as a stored model version holds it."""
    node = Node(raw)
    if node.whole("format", 1, 1_000) != FORMAT:
        raise PackageRefused("manifest_format", f"manifest.json: only format {FORMAT} is understood.")
    labels = _labels(node)
    output = _output(node)
    _check_priors(labels, output.activation)
    manifest = Manifest(
        name=node.text("name", most=64, pattern=_SLUG),
        version=node.text("version", most=32, pattern=r"[0-9A-Za-z][0-9A-Za-z.+-]*"),
        sha256=node.text("sha256", least=64, most=64, pattern=r"[0-9a-f]{64}"),
        scope=_scope(node),
        image=_image(node.child("inputs"), limits),
        facts=_facts(node.child("inputs")),
        output=output,
        labels=labels,
        temperature=node.child("calibration").number("temperature", 0.05, 20.0),
        thresholds=_thresholds(node.child("thresholds")),
        golden=tuple(_golden(case, labels, limits) for case in _golden_nodes(node, limits)),
        licence=node.text("licence", most=500),
        card=_card(node),
        clinical_use=_clinical_use(node),
        raw=node.whole_object,
    )
    _check_training(node)
    _check_metrics(node)
    node.done()
    return manifest


def _scope(node: Node) -> tuple[str, ...]:
    scope = tuple(str(item) for item in node.list("scope", most=len(PRESENTATIONS)))
    for item in scope:
        if item not in PRESENTATIONS:
            raise PackageRefused(
                "scope_unknown",
                f"manifest.json: scope “{item}” is no presentation; they are {', '.join(PRESENTATIONS)}.",
            )
    return scope


def _image(inputs: Node, limits: Limits) -> ImageInput:
    node = inputs.child("image")
    image = ImageInput(
        name=node.text("name"),
        width=node.whole("width", 8, limits.image_side),
        height=node.whole("height", 8, limits.image_side),
        mean=_triple(node, "mean", -10.0, 10.0),
        std=_triple(node, "std", 0.001, 10.0),
        layout=node.choice("layout", Layout),
        fit=node.choice("fit", Fit, default=Fit.STRETCH),
    )
    node.done()
    return image


def _triple(node: Node, name: str, low: float, high: float) -> tuple[float, float, float]:
    first, second, third = node.numbers(name, 3, low, high)
    return first, second, third


def _facts(inputs: Node) -> FactsInput | None:
    inputs.has("image")
    if not inputs.has("facts"):
        inputs.done()
        return None
    node = inputs.child("facts")
    facts = FactsInput(
        name=node.text("name"),
        features=tuple(_feature(feature) for feature in node.children("features", most=200)),
    )
    node.done()
    inputs.done()
    return facts


def _feature(node: Node) -> Feature:
    kind = node.choice("kind", FeatureKind)
    needs_value = kind in (FeatureKind.EQUALS, FeatureKind.CONTAINS)
    feature = Feature(
        fact=node.text("fact", most=64),
        kind=kind,
        value=node.text("value", most=64) if needs_value else "",
        mean=node.number("mean", -1e6, 1e6, default=0.0),
        std=node.number("std", 1e-6, 1e6, default=1.0),
        missing=node.number("missing", -10.0, 10.0, default=0.0),
    )
    node.done()
    return feature


def _labels(node: Node) -> tuple[Label, ...]:
    labels = []
    for item in node.children("labels", most=200):
        labels.append(
            Label(
                label=item.text("label", most=64),
                condition=item.text("condition", most=64) if item.has("condition") else None,
                suspicious=item.boolean("suspicious"),
                prior=item.number("prior", 0.0001, 0.9999),
            )
        )
        item.done()
    names = [label.label for label in labels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PackageRefused("label_repeated", f"manifest.json: the label “{twice[0]}” stands there twice.")
    return tuple(labels)


def _check_priors(labels: tuple[Label, ...], activation: Activation) -> None:
    total = math.fsum(label.prior for label in labels)
    if activation is Activation.SOFTMAX and abs(total - 1.0) > _PRIOR_SLACK:
        raise invalid("labels.prior", f"must sum to 1 over all labels, not {total:.3f}")


def _output(node: Node) -> Output:
    item = node.child("output")
    output = Output(
        scores=item.text("scores"),
        activation=item.choice("activation", Activation),
        features=item.text("features") if item.has("features") else None,
        weights=item.text("weights") if item.has("weights") else None,
    )
    if (output.features is None) != (output.weights is None):
        raise invalid("output", "names features or weights alone; a heat map needs both")
    item.done()
    return output


def _thresholds(node: Node) -> Thresholds:
    tones = [str(tone) for tone in node.list("validated_skin_tones", least=0, most=len(SKIN_TONES))]
    if unknown := sorted(set(tones) - set(SKIN_TONES)):
        raise invalid(
            node.path("validated_skin_tones"), f"holds “{unknown[0]}”; groups are {', '.join(SKIN_TONES)}"
        )
    thresholds = Thresholds(
        suspicious=node.number("suspicious", 0.0001, 0.9999),
        cautious=node.number("cautious", 0.0001, 0.9999),
        validated_skin_tones=frozenset(tones),
    )
    if thresholds.cautious > thresholds.suspicious:
        raise PackageRefused(
            "threshold_not_cautious",
            f"manifest.json: the cautious threshold ({thresholds.cautious:g}) lies above the usual one "
            f"({thresholds.suspicious:g}); it must flag more, not less.",
        )
    node.done()
    return thresholds


def _golden_nodes(node: Node, limits: Limits) -> list[Node]:
    if node.has("golden") and not node.list("golden", least=0, most=10_000):
        raise PackageRefused("golden_missing", "manifest.json: “golden” holds no case; give two or more.")
    return list(node.children("golden", least=2, most=limits.golden_cases))


def _golden(node: Node, labels: tuple[Label, ...], limits: Limits) -> GoldenCase:
    encoded = node.text("image", most=limits.golden_image_bytes * 2)
    try:
        image = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise invalid(node.path("image"), "is not base64") from None
    expected = node.child("expected")
    if set(expected.whole_object) != {label.label for label in labels}:
        raise invalid(node.path("expected"), "must give a probability for every label and for nothing else")
    case = GoldenCase(
        name=node.text("name"),
        image=image,
        facts=dict(node.child("facts").whole_object) if node.has("facts") else {},
        expected={label.label: expected.number(label.label, 0.0, 1.0) for label in labels},
        tolerance=node.number("tolerance", 1e-6, 0.05),
    )
    node.done()
    return case


def _card(node: Node) -> str:
    if not node.has("card") or not str(node.get("card")).strip():
        raise PackageRefused("card_missing", "manifest.json: the model card (“card”) is missing.")
    card = node.text("card", least=1, most=50_000)
    if len(card) < _CARD_LEAST:
        raise PackageRefused(
            "card_incomplete",
            f"The model card has {len(card)} characters; it needs {_CARD_LEAST}.",
        )
    for section in _CARD_SECTIONS:
        if section.lower() not in card.lower():
            raise PackageRefused("card_incomplete", f"The model card has no section “{section}”.")
    return card


def _clinical_use(node: Node) -> bool:
    claimed = node.boolean("clinical_use")
    approved = node.has("clinical_approval")
    if claimed and not approved:
        raise PackageRefused(
            "clinical_use_unproven",
            "manifest.json: “clinical_use” is true without “clinical_approval” (authority and reference).",
        )
    if approved:
        approval = node.child("clinical_approval")
        approval.text("authority")
        approval.text("reference")
        approval.done()
    return claimed


def _check_training(node: Node) -> None:
    """Where the training data came from and under which licence it was used."""
    training = node.child("training")
    for source in training.children("data"):
        source.text("name")
        if not source.has("licence"):
            raise PackageRefused(
                "licence_missing",
                f"manifest.json: “{source.path('licence')}” is missing.",
            )
        source.text("licence", most=500)
        source.text("source", most=500)
        source.done()
    if training.has("notes"):
        training.text("notes", most=5_000)
    training.done()


def _check_metrics(node: Node) -> None:
    """Figures overall and by subgroup: `n` people or photos, and named finite numbers."""
    metrics = node.child("metrics")
    metrics.text("dataset", most=500)
    metrics.whole("n", 0, 10_000_000)
    _check_figures(metrics.child("overall"))
    for group in metrics.children("subgroups", least=0):
        group.text("by")
        group.text("group")
        group.whole("n", 0, 10_000_000)
        _check_figures(group.child("values"))
        group.done()
    metrics.done()


def _check_figures(node: Node) -> None:
    for name in node.whole_object:
        node.number(name, -1e6, 1e6)
