"""Bands of age and weight: for each patient one regimen, none for two, and nobody between two bands left out.

Ages are whole months with both ends included, weights half open: 15 to 25 kg and 25 to 36 kg touch.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from medications.engine.model import Population
from medications.engine.results import plain

_OPEN_END = 10**6
_Numbered = tuple[int, Population]


class Gap(NamedTuple):
    """Patients between two bands. `regimen` (from 0) is the one after the gap, `field` its lower end."""

    regimen: int
    field: str
    message: str


def overlap(a: Population, b: Population) -> bool:
    """Whether some patient would be in both."""
    if a.severity and b.severity and a.severity != b.severity:
        return False
    return _ages_meet(a, b) and _weights_meet(a, b)


def gaps(populations: Sequence[Population]) -> list[Gap]:
    """Every gap between the bands, for each severity that the regimens tell apart."""
    found: dict[tuple[int, str], Gap] = {}
    for severity in {population.severity for population in populations}:
        group = [
            (number, population)
            for number, population in enumerate(populations)
            if population.severity in (None, severity)
        ]
        for gap in (*_gaps_of_age(group), *_gaps_of_weight(group)):
            found.setdefault((gap.regimen, gap.field), gap)
    return sorted(found.values())


def _youngest(population: Population) -> int:
    return population.age_min_months or 0


def _oldest(population: Population) -> int:
    return _OPEN_END if population.age_max_months is None else population.age_max_months


def _lightest(population: Population) -> Decimal:
    return population.weight_min_kg or Decimal(0)


def _heaviest(population: Population) -> Decimal:
    return Decimal(_OPEN_END) if population.weight_max_kg is None else population.weight_max_kg


def _ages_meet(a: Population, b: Population) -> bool:
    return max(_youngest(a), _youngest(b)) <= min(_oldest(a), _oldest(b))


def _weights_meet(a: Population, b: Population) -> bool:
    return max(_lightest(a), _lightest(b)) < min(_heaviest(a), _heaviest(b))


def _gaps_of_age(group: Sequence[_Numbered]) -> Iterator[Gap]:
    reached: int | None = None
    for number, population in sorted(group, key=lambda each: _youngest(each[1])):
        start = _youngest(population)
        if reached is not None and start > reached + 1:
            yield Gap(
                number,
                "age_min_months",
                f"No regimen is for patients of {reached + 1} to {start - 1} months.",
            )
        reached = max(_oldest(population), reached or 0)


def _gaps_of_weight(group: Sequence[_Numbered]) -> Iterator[Gap]:
    """Weights are compared among the regimens of one stretch of ages."""
    edges = {_youngest(each) for _, each in group} | {_oldest(each) + 1 for _, each in group}
    for start, end in pairwise(sorted(edges)):
        here = [each for each in group if _youngest(each[1]) <= start and _oldest(each[1]) >= end - 1]
        reached: Decimal | None = None
        for number, population in sorted(here, key=lambda each: _lightest(each[1])):
            low = _lightest(population)
            if reached is not None and low > reached:
                yield Gap(
                    number,
                    "weight_min_kg",
                    f"No regimen is for patients from {plain(reached)} to below {plain(low)} kg.",
                )
            reached = max(_heaviest(population), reached or Decimal(0))
