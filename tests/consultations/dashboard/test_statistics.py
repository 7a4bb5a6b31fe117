"""Intervals and kappa, against figures from the literature and against their own laws."""

from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consultations.dashboard.statistics import Share, kappa

pytestmark = pytest.mark.one_database


def test_wilsons_interval_is_that_of_newcombe_1998() -> None:
    # Newcombe, Statistics in Medicine 17:857, table I, method 3
    for hits, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        interval = Share(hits, n).interval
        assert interval is not None
        assert isclose(interval[0], low, abs_tol=5e-5)
        assert isclose(interval[1], high, abs_tol=5e-5)


def test_nothing_has_no_share() -> None:
    assert Share(0, 0).value is None
    assert Share(0, 0).interval is None


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_between_nothing_and_all(of: tuple[int, int]) -> None:
    share = Share(*of)
    assert share.interval is not None
    assert share.value is not None
    low, high = share.interval
    assert 0 <= low <= share.value <= high <= 1


def test_kappa_is_that_of_the_textbook() -> None:
    # Two readers, 50 cases: 20 both yes, 15 both no, 5 and 10 apart; observed 0.7, expected 0.5.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = kappa(pairs)
    assert found.observed == pytest.approx(0.7)
    assert found.value == pytest.approx(0.4)
    assert found.interval is not None
    assert found.interval[0] < 0.4 < found.interval[1]


def test_a_near_level_weighs_less_than_a_far_one() -> None:
    order = ("emergency", "refer_urgent", "refer_routine", "pharmacy_treatment", "self_care")
    same = [(level, level) for level in order] * 4
    near = kappa([*same, ("emergency", "refer_urgent")], ordered=order).value
    far = kappa([*same, ("emergency", "self_care")], ordered=order).value
    assert near is not None
    assert far is not None
    assert near > far


def test_one_category_alone_says_nothing() -> None:
    assert kappa([("a", "a")] * 5).value is None
    assert kappa([]).n == 0
