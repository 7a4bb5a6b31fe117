"""Rules and imports that cannot be understood are refused, and the place is named."""

from typing import Any

import pytest

from dermatech.core.errors import ValidationFailed
from tests.triage import malformed
from triage import starter
from triage.engine import CriteriaError, parse_criteria
from triage.services import exchange

CONDITIONS = {row["code"] for row in starter.conditions()}
RULES = list(malformed.rules())
DOCUMENTS = list(malformed.documents())
SHEETS = list(malformed.sheets())
ROWS = list(malformed.rows())
pytestmark = pytest.mark.one_database


def test_there_are_more_than_two_hundred_of_them() -> None:
    assert len(RULES) + len(DOCUMENTS) + len(SHEETS) + len(ROWS) >= 200


@pytest.mark.parametrize(("raw", "place"), [case[1:] for case in RULES], ids=[case[0] for case in RULES])
def test_a_rule_is_refused_at_its_place(raw: Any, place: str) -> None:
    with pytest.raises(CriteriaError) as refused:
        parse_criteria(raw, path="when", conditions=CONDITIONS)
    assert refused.value.path == place
    assert 0 < len(refused.value.message) < 400


@pytest.mark.parametrize(
    ("content", "place"), [case[1:] for case in DOCUMENTS], ids=[c[0] for c in DOCUMENTS]
)
def test_a_document_is_refused_at_its_place(content: bytes, place: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        exchange.read_set(content)
    assert refused.value.errors[0].field.startswith(place)
    assert refused.value.errors[0].message in refused.value.detail


@pytest.mark.parametrize(
    ("file_format", "content", "place"), [case[1:] for case in SHEETS], ids=[case[0] for case in SHEETS]
)
def test_a_table_is_refused_at_its_place(file_format: str, content: bytes, place: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        exchange.read_table("guidelines", file_format, content)
    assert refused.value.errors[0].field.startswith(place)


@pytest.mark.django_db
@pytest.mark.usefixtures("starter_knowledge")
def test_rows_that_do_not_fit_are_refused_each_at_its_place() -> None:
    assert exchange.plan(exchange.read_set(malformed.document(guidelines=[malformed.rule()]))).faults == ()
    for what, content, place in ROWS:
        found = exchange.plan(exchange.read_set(content)).faults
        assert place in [fault.place for fault in found], (what, found[:3])
