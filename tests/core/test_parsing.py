"""JSON is read strictly, and fields are not guessed."""

import contextlib
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from dermatech.core.errors import PayloadTooLarge
from dermatech.core.parsers import StrictJSONParser, loads
from dermatech.core.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictFloatField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(ANY_JSON)
def test_all_real_json_is_read_as_it_stands(value: Any) -> None:
    assert loads(json.dumps(value, ensure_ascii=True).encode()) == value


@given(st.binary(max_size=300))
def test_no_bytes_at_all_make_the_parser_fail_in_another_way(raw: bytes) -> None:
    with contextlib.suppress(ParseError):
        json.dumps(loads(raw), allow_nan=False)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe",
        b"[" * 5000,
        b"[" * 40 + b"]" * 40,
        b'"\\ud800"',
        b'{"\\uDFFF\\ud800": 1}',
        b'[{"a": ["x\\udc00"]}]',
    ],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError):
        loads(raw)


def test_a_body_over_the_limit_is_refused_without_reading_it_all(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    stream = io.BytesIO(b'"' + b"a" * 10_000 + b'"')
    with pytest.raises(PayloadTooLarge):
        StrictJSONParser().parse(stream)
    assert stream.tell() == 101


class Sample(StrictSerializer):
    flag = StrictBooleanField(required=False)
    name = StrictCharField(required=False)
    count = StrictIntegerField(required=False)
    size = StrictFloatField(required=False)
    id = StrictUUIDField(required=False)


@pytest.mark.parametrize(
    "data",
    [
        {"flag": "true"}, {"flag": 1}, {"flag": 0}, {"name": 5}, {"name": True}, {"name": "a\x00b"},
        {"name": "\ud800"}, {"count": "5"}, {"count": True},
        {"count": 1.5}, {"count": 1e999}, {"size": "1.5"}, {"size": False},
        {"size": 1e999}, {"id": False}, {"id": 7}, {"id": "7"},
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_refused(data: dict[str, Any]) -> None:
    assert not Sample(data=data).is_valid()


def test_an_unknown_field_is_refused_and_named() -> None:
    sample = Sample(data={"flag": True, "flagg": True})
    assert not sample.is_valid()
    assert sample.errors["flagg"][0].code == "unknown_field"
    assert "flag" in sample.errors["flagg"][0]


def test_right_values_pass() -> None:
    assert Sample(data={"count": 84.0}).is_valid()
    sample = Sample(data={"flag": False, "name": "Ɛsi Ŋwɔla", "count": 0, "size": 1})
    assert sample.is_valid(), sample.errors
    assert sample.validated_data == {"flag": False, "name": "Ɛsi Ŋwɔla", "count": 0, "size": 1.0}


def test_a_pair_of_surrogates_is_a_character_like_any_other() -> None:
    assert loads(b'{"a": "\\ud83d\\udc8a", "b": "\\u0000"}') == {"a": "\U0001f48a", "b": "\0"}


def test_of_thousands_of_unknown_fields_the_first_are_named() -> None:
    sample = Sample(data={f"unknown_{number}": 1 for number in range(5000)})
    assert not sample.is_valid()
    assert len(sample.errors) == 20
