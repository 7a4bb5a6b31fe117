"""What the product promises to do quickly, measured: `make bench`, or `make bench ONLY=photos`.

A module here measures one part. It has `measure() -> Iterable[Figure]`; figures are ratios against a
peer measured in the same run wherever that is possible, so that they mean the same on any machine.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `bound` is what the product promises, in the same unit."""

    name: str
    value: float
    unit: str
    """ratio, ms, MB, per s, ..."""
    peer: str = ""
    """What it is compared with, when `value` is a ratio."""
    bound: float | None = None
    better: Literal["lower", "higher"] = "lower"
    series: str = ""
    """The line of a plot that it is a point of, at `at`."""
    at: float = 0.0

    @property
    def kept(self) -> bool | None:
        """Whether the promise is kept; None when nothing was promised."""
        if self.bound is None:
            return None
        return self.value <= self.bound if self.better == "lower" else self.value >= self.bound
