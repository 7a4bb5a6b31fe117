"""Prepared reads say what Django's own would, whatever the condition, and never what was true before."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Premises, User
from accounts.roles import Region
from dermatech.core.prepared import Prepared, PreparedModel

START = datetime(2026, 1, 1, tzinfo=UTC)
_COLUMNS = ("id", "created_at", "name", "region", "spelt")


def _shops() -> QuerySet[Premises, Any]:
    return Premises.objects.annotate(spelt=F("region")).values_list(*_COLUMNS)


def _shop(number: int, region: str = "ashanti") -> Premises:
    return Premises.objects.create(name=f"Shop {number}", licence_number=f"L/{number}", region=region)


_LEAVES = st.one_of(
    st.builds(lambda hours: Q(created_at__lt=START + timedelta(hours=hours)), st.integers(-1, 5)),
    st.builds(lambda hours: Q(created_at__gte=START + timedelta(hours=hours)), st.integers(-1, 5)),
    st.builds(lambda region: Q(region=region), st.sampled_from(["ashanti", Region.VOLTA, "'; --", "%s"])),
    st.builds(lambda number: Q(name=f"Shop {number}"), st.integers(0, 6)),
    st.builds(lambda number: Q(name__contains=str(number)), st.integers(0, 6)),
    st.builds(lambda key: Q(pk=key), st.uuids()),
    st.builds(lambda names: Q(name__in=names), st.lists(st.sampled_from(["Shop 1", "Shop 2"]), max_size=2)),
)
_CONDITIONS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
    ),
    max_leaves=5,
)


class AnyConditionTests(TestCase):
    prepared = Prepared(_shops)

    @classmethod
    def setUpTestData(cls) -> None:
        for number in range(5):
            row = _shop(number, region="volta" if number % 2 else "ashanti")
            Premises.objects.filter(pk=row.pk).update(created_at=START + timedelta(hours=number // 2))

    @given(where=_CONDITIONS, limit=st.integers(1, 7), backwards=st.booleans())
    @settings(max_examples=40, deadline=None)
    def test_the_rows_are_those_that_django_finds(self, where: Q, limit: int, backwards: bool) -> None:
        order = ("created_at", "name") if backwards else ("-created_at", "-name")
        expected = list(_shops().filter(where).order_by(*order)[:limit])
        for _ in range(2):  # written, and taken from what was kept
            assert [tuple(row) for row in self.prepared.rows(where, order=order, limit=limit)] == expected


@pytest.mark.django_db
def test_a_second_read_has_other_values_in_the_same_sql() -> None:
    prepared, one, two = Prepared(_shops), _shop(1), _shop(2)
    with CaptureQueriesContext(connection) as asked:
        assert [row.id for row in prepared.rows(Q(pk=one.pk))] == [one.pk]
        assert [row.id for row in prepared.rows(Q(pk=two.pk))] == [two.pk]
        assert prepared.rows(Q(pk=uuid.uuid4())) == []
    assert len(asked) == 3


@pytest.mark.django_db
def test_what_was_changed_meanwhile_is_seen() -> None:
    prepared, shop = Prepared(_shops), _shop(1)
    assert prepared.rows(Q(pk=shop.pk))[0].name == "Shop 1"
    Premises.objects.filter(pk=shop.pk).update(name="Renamed")
    assert prepared.rows(Q(pk=shop.pk))[0].name == "Renamed"


@pytest.mark.django_db
def test_an_object_comes_with_those_it_leads_to_in_one_query() -> None:
    people, shop = PreparedModel(User, follow=("premises",)), _shop(1)
    ama = User.objects.create(email="ama@x.example", full_name="Ama", role="admin", premises=shop)
    alone = User.objects.create(email="kofi@x.example", full_name="Kofi", role="admin")
    with CaptureQueriesContext(connection) as asked:
        found, other = people.first(Q(pk=ama.pk)), people.first(Q(pk=alone.pk))
        assert found is not None
        assert other is not None
        assert found.premises == shop
        assert found.premises.region == "ashanti"
        assert other.premises is None
    assert len(asked) == 2
    assert found == ama
    assert found.full_name == "Ama"
    assert people.first(Q(pk=uuid.uuid4())) is None


@pytest.mark.django_db
def test_a_field_left_out_is_read_when_it_is_looked_at() -> None:
    shops, shop = PreparedModel(Premises, without=("name",)), _shop(7)
    found = shops.first(Q(pk=shop.pk))
    assert found is not None
    assert found.get_deferred_fields() == {"name"}
    assert found.name == "Shop 7"


@pytest.mark.django_db
def test_more_shapes_than_are_kept_are_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermatech.core.prepared._MOST_KEPT", 4)
    prepared, shop = Prepared(_shops), _shop(1)
    for limit in [*range(1, 11), 1, 2, 10]:
        where = Q(name="nobody") if limit % 2 else Q(pk=shop.pk)
        assert len(prepared.rows(where, limit=limit)) == (limit + 1) % 2
