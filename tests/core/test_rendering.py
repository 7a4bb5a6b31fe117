"""What orjson writes is what DRF would have written."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.utils.translation import gettext_lazy
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework import renderers

from accounts.roles import Region
from dermatech.core.rendering import JSONRenderer

pytestmark = pytest.mark.one_database
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), _TEXT, st.sampled_from([0.5, -2.25, 100.0]),
    st.sampled_from([
        UUID(int=7), Decimal("1.50"), Region.VOLTA, gettext_lazy("Yes"),
        datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "line\u2028paragraph\u2029",
    ]),
)  # fmt: skip
_ANY = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=8,
)


@given(_ANY.filter(lambda data: data is not None))
@settings(max_examples=60, deadline=None)
def test_the_bytes_are_those_of_the_framework(data: Any) -> None:
    assert JSONRenderer().render(data) == renderers.JSONRenderer().render(data)


def test_nothing_is_an_empty_answer() -> None:
    assert JSONRenderer().render(None) == b""
