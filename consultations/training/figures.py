"""How good a model is, in numbers: pure numpy, every figure with the definition it was taken by."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def softmax(scores: Floats, temperature: float = 1.0) -> Floats:
    """(n, labels) probabilities."""
    scaled = scores / temperature
    exponents = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    result: Floats = exponents / exponents.sum(axis=1, keepdims=True)
    return result


def auc(truth: Flags, score: Floats) -> float:
    """The chance that a positive scores above a negative; ties count half. NaN without both kinds."""
    positive, negative = score[truth], score[~truth]
    if not len(positive) or not len(negative):
        return float("nan")
    order = np.sort(negative)
    below = np.searchsorted(order, positive, side="left")
    upto = np.searchsorted(order, positive, side="right")
    return float((below + upto).sum() / (2 * len(positive) * len(negative)))


def sensitivity(truth: Flags, score: Floats, threshold: float) -> float:
    """The share of positives at or above the threshold."""
    return float((score[truth] >= threshold).mean()) if truth.any() else float("nan")


def specificity(truth: Flags, score: Floats, threshold: float) -> float:
    """The share of negatives below the threshold."""
    return float((score[~truth] < threshold).mean()) if (~truth).any() else float("nan")


def ece(truth: Flags, score: Floats, bins: int = 10) -> float:
    """Expected calibration error of the probability of the positive class: ten bins of equal width."""
    total = 0.0
    for _, _, mean, share, count in reliability(truth, score, bins):
        total += count * abs(mean - share)
    return total / len(score)


def reliability(truth: Flags, score: Floats, bins: int = 10) -> list[tuple[float, float, float, float, int]]:
    """Bins that hold anything: (low, high, mean score, share of positives, count)."""
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(score, edges[1:-1]), 0, bins - 1)
    rows = []
    for index in range(bins):
        inside = place == index
        if inside.any():
            rows.append(
                (
                    float(edges[index]),
                    float(edges[index + 1]),
                    float(score[inside].mean()),
                    float(truth[inside].mean()),
                    int(inside.sum()),
                )
            )
    return rows


def temperature(scores: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The temperature of least log loss, from a grid of 1 % steps."""
    grid = np.geomspace(0.2, 5.0, 325)
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(scores, t)[rows, labels] + 1e-12).mean() for t in grid]
    return round(float(grid[int(np.argmin(losses))]), 3)


def threshold_for(truth: Flags, score: Floats, wanted: float) -> float:
    """The highest threshold, rounded down to 0.005, whose sensitivity is at least `wanted`."""
    positives = np.sort(score[truth])
    missed = int(np.floor((1 - wanted) * len(positives) + 1e-9))
    return max(0.005, round(float(np.floor(positives[missed] / 0.005)) * 0.005, 3))


def interval(
    figure: Callable[[npt.NDArray[np.int64]], float],
    people: Sequence[str],
    *,
    rounds: int = 1000,
    seed: int = 7,
) -> tuple[float, float]:
    """95 % bootstrap interval; people are drawn, with all their pictures, not pictures."""
    random = np.random.default_rng(seed)
    names, owner = np.unique(np.asarray(people), return_inverse=True)
    theirs = [np.flatnonzero(owner == index) for index in range(len(names))]
    values = []
    for _ in range(rounds):
        drawn = random.integers(0, len(names), len(names))
        values.append(figure(np.concatenate([theirs[index] for index in drawn])))
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def folds(people: Sequence[str], labels: Sequence[str], count: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each picture: all of a person's in one, each label spread as evenly as that allows."""
    random = np.random.default_rng(seed)
    kinds = sorted(set(labels))
    each = {name: np.zeros(len(kinds)) for name in people}
    for name, label in zip(people, labels, strict=True):
        each[name][kinds.index(label)] += 1
    rarity = 1 / np.maximum(1, sum(each.values()))
    order = sorted(each)
    random.shuffle(order)
    order.sort(key=lambda name: -float((each[name] * rarity).sum()))
    held = np.zeros((count, len(kinds)))
    chosen: dict[str, int] = {}
    for name in order:
        costs = [((held[fold] + each[name]) * each[name] * rarity).sum() for fold in range(count)]
        sizes = held.sum(axis=1)
        fold = min(range(count), key=lambda index: (costs[index], sizes[index]))
        held[fold] += each[name]
        chosen[name] = fold
    return np.array([chosen[name] for name in people])
