"""Shares with their uncertainty, and agreement beyond chance. Pure."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

Z: Final = 1.959963984540054  # two-sided 95 %


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n`, with the 95 % interval of Wilson (1927), which also holds for small n."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """Between 0 and 1; None of nothing."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper bound, between 0 and 1; None of nothing."""
        if not self.n:
            return None
        p, n, z2 = self.hits / self.n, self.n, Z * Z
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        # At the ends the formula gives 0 and 1 but for rounding.
        low = 0.0 if self.hits == 0 else max(0.0, centre - half)
        high = 1.0 if self.hits == n else min(1.0, centre + half)
        return low, high


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's kappa (1960) of two raters; `interval` by his large-sample standard error. `value` is None
    where chance alone would always agree (one category), or nothing was rated."""

    n: int
    observed: float | None
    value: float | None
    interval: tuple[float, float] | None


def kappa(pairs: Iterable[tuple[str, str]], *, ordered: Sequence[str] = ()) -> Kappa:
    """Agreement of two raters who each named a category. With `ordered` categories a disagreement weighs
    by its distance (linear weights): emergency against urgent is less than emergency against self care."""
    rows = list(pairs)
    n = len(rows)
    if not n:
        return Kappa(0, None, None, None)
    places = {name: at for at, name in enumerate(ordered)}
    widest = max(len(places) - 1, 1)

    def weight(one: str, other: str) -> float:
        if one == other:
            return 1.0
        if one in places and other in places:
            return 1.0 - abs(places[one] - places[other]) / widest
        return 0.0

    left, right = _shares([a for a, _ in rows]), _shares([b for _, b in rows])
    observed = sum(weight(a, b) for a, b in rows) / n
    expected = sum(p * q * weight(a, b) for a, p in left.items() for b, q in right.items())
    if expected >= 1.0:
        return Kappa(n, observed, None, None)
    value = (observed - expected) / (1 - expected)
    error = sqrt(max(0.0, observed * (1 - observed)) / n) / (1 - expected)
    return Kappa(n, observed, value, (max(-1.0, value - Z * error), min(1.0, value + Z * error)))


def _shares(values: Sequence[Hashable]) -> dict[str, float]:
    return {str(name): count / len(values) for name, count in Counter(values).items()}
