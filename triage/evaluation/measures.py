"""Figures of a ranking, and how sure they are. All over pooled held-out answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triage.evaluation.table import Flags, Floats, Indices

DEPTHS = (1, 3, 5)
MEASURES = ("top-1", "top-3", "top-5", "log loss")
BINS = 10
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)


@dataclass(frozen=True, slots=True)
class Scored:
    """Each case's own share in every measure. `each` (n, 4) in the order of MEASURES; `sure` (n,): the
    probability of the first answer; `right` (n,): whether it is right."""

    each: Floats
    sure: Floats
    right: Flags


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


@dataclass(frozen=True, slots=True)
class Bin:
    """One tenth of the cases, by how sure the first answer was."""

    sure: float
    right: float
    cases: int


def scored(probabilities: Floats, accepted: Flags) -> Scored:
    """Judge one ranking of n cases; equal probabilities keep the order of the conditions."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    hits = np.take_along_axis(accepted, order, axis=1)
    right = np.where(accepted, probabilities, 0.0).sum(axis=1)
    columns = [hits[:, :depth].any(axis=1).astype(float) for depth in DEPTHS]
    columns.append(-np.log(np.maximum(right, 1e-12)))
    return Scored(np.stack(columns, axis=1), probabilities.max(axis=1), hits[:, 0])


def joined(parts: Sequence[Scored]) -> Scored:
    """Several as one."""
    return Scored(
        np.concatenate([part.each for part in parts]),
        np.concatenate([part.sure for part in parts]),
        np.concatenate([part.right for part in parts]),
    )


def chosen(whole: Scored, rows: Flags) -> Scored:
    """The same for some of the cases."""
    return Scored(whole.each[rows], whole.sure[rows], whole.right[rows])


def resampled(values: Floats, kin: Indices, *, draws: int, seed: int) -> tuple[Interval, ...]:
    """The mean of each column of `values` (n, k) with its interval: groups of kin are drawn again with
    replacement, so that cases that hang together are not counted as independent ones."""
    groups = np.unique(kin, return_inverse=True)[1]
    count = int(groups.max()) + 1
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, groups, values)
    sizes = np.bincount(groups, minlength=count).astype(float)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    means = (drawn @ sums) / (drawn @ sizes)[:, np.newaxis]
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    return tuple(
        Interval(float(value), float(a), float(b))
        for value, a, b in zip(values.mean(axis=0), low, high, strict=True)
    )


def reliability(whole: Scored) -> tuple[Bin, ...]:
    """Tenths of equal size, least sure first."""
    parts = np.array_split(np.argsort(whole.sure, kind="stable"), BINS)
    return tuple(
        Bin(float(whole.sure[part].mean()), float(whole.right[part].mean()), len(part))
        for part in parts
        if len(part)
    )


def calibration_error(whole: Scored) -> float:
    """Expected calibration error: how far sureness and truth are apart, a mean over the tenths."""
    bins = reliability(whole)
    total = sum(each.cases for each in bins)
    return sum(each.cases * abs(each.sure - each.right) for each in bins) / total


def abstention(whole: Scored) -> tuple[tuple[float, float, float], ...]:
    """(share answered, top-1, top-3) when the least sure cases are left unanswered."""
    order = np.argsort(-whole.sure, kind="stable")
    found = []
    for share in COVERAGES:
        kept = order[: max(1, round(share * len(order)))]
        found.append((share, float(whole.each[kept, 0].mean()), float(whole.each[kept, 1].mean())))
    return tuple(found)
