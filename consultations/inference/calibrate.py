"""From raw scores to calibrated probabilities, and from those to evidence."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from consultations.inference.manifest import Activation, Label

# One photo may shift the odds of a condition this much and no further, whatever the model says.
MOST_EVIDENCE = 20.0


def probabilities(
    scores: npt.NDArray[np.float32], activation: Activation, temperature: float
) -> npt.NDArray[np.float64]:
    """Probability of each label, in the model's order. `scores` has shape (labels,)."""
    scaled = scores.astype(np.float64) / temperature
    if activation is Activation.SIGMOID:
        positive = np.exp(-np.abs(scaled))
        sigmoid: npt.NDArray[np.float64] = np.where(
            scaled >= 0, 1 / (1 + positive), positive / (1 + positive)
        )
        return sigmoid
    exponents = np.exp(scaled - scaled.max())
    softmax: npt.NDArray[np.float64] = exponents / exponents.sum()
    return softmax


def suspicious_score(
    by_label: Mapping[str, float], labels: tuple[Label, ...], activation: Activation
) -> float | None:
    """How likely it is that the lesion needs a doctor's eye: the suspicious labels together (the
    highest of them where labels do not exclude each other). None where no label is suspicious."""
    values = [by_label[label.label] for label in labels if label.suspicious]
    if not values:
        return None
    return min(1.0, sum(values)) if activation is Activation.SOFTMAX else max(values)


def likelihoods(by_label: Mapping[str, float], labels: tuple[Label, ...]) -> dict[str, float]:
    """How much the photo speaks for each condition: its probability over its share of the training
    data, which is P(photo | condition) / P(photo); 1 says nothing.

    A photo may only raise urgency. So it never speaks against a suspicious condition (at least 1) and
    never for another one (at most 1): what it takes from those is all that it can move.
    """
    share: dict[str, float] = {}
    found: dict[str, float] = {}
    suspicious: set[str] = set()
    for label in labels:
        if label.condition is None:
            continue
        share[label.condition] = share.get(label.condition, 0.0) + label.prior
        found[label.condition] = found.get(label.condition, 0.0) + by_label[label.label]
        if label.suspicious:
            suspicious.add(label.condition)
    result = {}
    for condition, prior in share.items():
        ratio = found[condition] / prior
        low, high = (1.0, MOST_EVIDENCE) if condition in suspicious else (1.0 / MOST_EVIDENCE, 1.0)
        result[condition] = max(low, min(high, ratio))
    return result
