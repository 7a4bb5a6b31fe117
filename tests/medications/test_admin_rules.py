"""What makes a code, a dose or a set of bands wrong, and that the starter content is none of it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medications.engine.model import Population, Strength
from medications.rules import amounts, atc
from medications.rules.bands import gaps, overlap

pytestmark = pytest.mark.one_database
TABLET = amounts.Product("tablet", "oral", Strength(Decimal(10), Decimal(1), "tablet"), None)
UNSCORED = amounts.Product("tablet", "oral", Strength(Decimal(10), Decimal(1), "tablet"), False)
CAPSULE = amounts.Product("capsule", "oral", Strength(Decimal(250), Decimal(1), "capsule"), None)
SYRUP = amounts.Product("oral solution", "oral", Strength(Decimal(5), Decimal(5), "mL"), None)
CREAM = amounts.Product("cream", "topical", None, None)


def _said(product: amounts.Product, **numbers: Any) -> list[tuple[str, str]]:
    given_ = {name: Decimal(str(value)) for name, value in numbers.items()}
    found = [*amounts.faults(given_), *amounts.faults_with(product, given_)]
    return [(wrong.field, wrong.message) for wrong in found]


def _fixed(mg: float, **more: Any) -> dict[str, Any]:
    return {"dose_mg_low": mg, "dose_mg_high": mg, "doses_per_day_high": 1, **more}


@pytest.mark.parametrize(
    ("product", "numbers", "field", "reason"),
    [
        (TABLET, _fixed(7), "dose_mg_low", "with whole and half tablets of 10 mg: 5 or 10 mg can."),
        (UNSCORED, _fixed(5), "dose_mg_low", "5 mg cannot be given with whole tablets of 10 mg: 10 mg can."),
        (CAPSULE, _fixed(125), "dose_mg_low", "with whole capsules of 250 mg: 250 mg can."),
        (TABLET, _fixed(20, units_low=1, units_high=1), "units_low", "1 of 10 mg are 10 mg, not 20 mg."),
        (TABLET, _fixed(1000), "dose_mg_low", "That is 100 tablets at once."),
        (TABLET, _fixed(10, dose_ml_high=5), "dose_ml_high", "A tablet has no mL."),
        (TABLET, _fixed(10, max_single_mg=4), "dose_mg_high", "Above the most at once, 4 mg."),
        (TABLET, _fixed(10, max_single_mg=40, max_daily_mg=20), "max_daily_mg", "Below the most at once"),
        (TABLET, {"doses_per_day_high": 1}, "dose_mg_high", "A medicine taken by mouth needs its dose in mg"),
        (TABLET, {"dose_mg_high": 10}, "doses_per_day_high", "Say how often"),
        (SYRUP, _fixed(5, dose_ml_low=2.5, dose_ml_high=2.5), "dose_ml_low", "2.5 mL hold 2.5 mg, not 5 mg."),
        (SYRUP, _fixed(3.3, dose_ml_low=3.3, dose_ml_high=3.3), "dose_ml_low", "by 0.5 mL above: 3 mL."),
        (SYRUP, _fixed(50), "dose_mg_low", "That is 50 mL at once."),
        (SYRUP, _fixed(5, units_high=1), "units_high", "A liquid is not counted; say mL."),
        (SYRUP, {"mg_per_kg_high": 15, "doses_per_day_high": 4}, "max_single_mg", "nobody gets too much"),
        (
            SYRUP,
            {"mg_per_kg_high": 15, "doses_per_day_high": 4, "max_single_mg": 500, "max_daily_mg": 2000,
             "max_daily_mg_per_kg": 50},
            "max_daily_mg_per_kg",
            "15 mg/kg 4 times a day are 60 mg/kg a day.",
        ),
        (CREAM, {"dose_mg_high": 10}, "dose_mg_high", "A medicine used on the skin has no such dose"),
    ],
)  # fmt: skip
def test_a_dose_that_cannot_be_given_is_named(
    product: amounts.Product, numbers: dict[str, Any], field: str, reason: str
) -> None:
    said = _said(product, **numbers)
    assert any(at == field and reason in text for at, text in said), said


@pytest.mark.parametrize(
    ("product", "numbers"),
    [
        (TABLET, _fixed(5, units_low=0.5, units_high=0.5, max_single_mg=5, max_daily_mg=5)),
        (CAPSULE, _fixed(500, units_low=2, units_high=2)),
        (SYRUP, _fixed(2.5, dose_ml_low=2.5, dose_ml_high=2.5)),
        (CREAM, {"dose_ml_high": 30}),
        (CREAM, {}),
    ],
)
def test_a_dose_that_can_be_given_is_not_complained_of(
    product: amounts.Product, numbers: dict[str, Any]
) -> None:
    assert _said(product, **numbers) == []


@pytest.mark.parametrize(
    ("code", "route", "aware", "reason"),
    [
        ("d01ac01", "topical", "", "Five or seven characters"),
        ("D01AC0", "topical", "", "Five or seven characters"),
        ("D12AA01", "topical", "", "There is no group D12"),
        ("D01AC01", "oral", "", "used on the skin, and this one is taken by mouth"),
        ("D01BA02", "topical", "", "that are taken, and this one is used on the skin"),
        ("R06AE07", "topical", "", "that are taken"),
        ("J01CF05", "oral", "", "say its AWaRe group"),
        ("R06AE07", "oral", "Access", "R06AE07 is none"),
    ],
)
def test_a_code_that_cannot_be_right_is_named(code: str, route: str, aware: str, reason: str) -> None:
    assert reason in " ".join(wrong.message for wrong in atc.faults(code, route=route, aware_group=aware))


@pytest.mark.parametrize("code", ["D01AC01", "D02AC", "P03AC04", "D10AF01"])
def test_codes_for_the_skin_are_taken_for_the_skin(code: str) -> None:
    assert list(atc.faults(code, route="topical", aware_group="")) == []


def test_one_code_names_one_substance_but_for_groups_and_combinations() -> None:
    there = [atc.Coded("clotrimazole 1% cream", "D01AC01", ("clotrimazole",))]
    assert atc.conflict(atc.Coded("", "D01AC01", ("bifonazole",)), there)
    assert not atc.conflict(atc.Coded("", "D01AC01", ("clotrimazole",)), there)
    emollient = [atc.Coded("white soft paraffin", "D02AC", ("white soft paraffin",))]
    assert not atc.conflict(atc.Coded("", "D02AC", ("emulsifying wax",)), emollient)
    combined = [atc.Coded("x", "D01AC20", ("clotrimazole",))]
    assert not atc.conflict(atc.Coded("", "D01AC20", ("miconazole",)), combined)


def _people(
    low: int | None, high: int | None, light: Any = None, heavy: Any = None, how: Any = None
) -> Population:
    kg = [None if each is None else Decimal(str(each)) for each in (light, heavy)]
    return Population(low, high, kg[0], kg[1], how)


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ([(144, None), (72, 143)], []),
        ([(144, None), (72, 142)], [(0, "age_min_months", "of 143 to 143 months")]),
        ([(60, None, 15, 25), (60, None, 25, 36)], []),
        ([(60, None, 15, 25), (60, None, 27, 36)], [(1, "weight_min_kg", "from 25 to below 27 kg")]),
        ([(144, None), (72, 143, 31, None), (72, 143, None, 31)], []),
        ([(72, 143, 31, None), (72, 143, None, 30)], [(0, "weight_min_kg", "from 30 to below 31 kg")]),
        ([(0, 23, None, None, "mild"), (36, None, None, None, "severe")], []),
        ([(0, 23, None, None, "mild"), (36, None)], [(1, "age_min_months", "of 24 to 35 months")]),
    ],
)  # fmt: skip
def test_a_gap_is_named_at_the_band_after_it(bands: list[Any], said: list[Any]) -> None:
    found = gaps([_people(*band) for band in bands])
    assert found == [(place, field, f"No regimen is for patients {who}.") for place, field, who in said]


_BAND = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)


@settings(max_examples=50)
@given(st.lists(_BAND, min_size=1, max_size=4))
def test_gaps_and_overlaps_are_what_counting_finds(bands: list[list[int]]) -> None:
    people = [_people(low, high) for low, high in bands]
    covered = [sum(low <= age <= high for low, high in bands) for age in range(13)]
    inside = covered[min(low for low, _ in bands) : max(high for _, high in bands) + 1]
    assert bool(gaps(people)) == (0 in inside)
    twice = any(overlap(a, b) for i, a in enumerate(people) for b in people[i + 1 :])
    assert twice == any(count > 1 for count in covered)
