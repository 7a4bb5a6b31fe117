"""Keyset pages: nothing twice, nothing missed, whatever is inserted in between."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.models import Premises
from dermatech.core.errors import ValidationFailed
from dermatech.core.pagination import Cursor, paginate, updated_since

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


def _request(url: str = "/api/v1/things", **query: Any) -> Request:
    return Request(APIRequestFactory().get(url, query))


def _follow(url: str | None) -> Request:
    assert url is not None
    parts = urlsplit(url)
    return Request(APIRequestFactory().get(f"{parts.path}?{parts.query}"))


@pytest.fixture
def shops() -> list[Premises]:
    """25 premises; each five share one instant, so that the id must break the tie."""
    rows = []
    for number in range(25):
        row = Premises.objects.create(name=f"Shop {number}", licence_number=f"L/{number}", region="ashanti")
        Premises.objects.filter(pk=row.pk).update(created_at=START + timedelta(hours=number // 5))
        row.refresh_from_db()
        rows.append(row)
    return sorted(rows, key=lambda r: (r.created_at, r.id), reverse=True)


def test_walking_forward_sees_every_row_once_newest_first(shops: list[Premises]) -> None:
    seen: list[Premises] = []
    request = _request(page_size=4)
    for _ in range(20):
        rows, following, _previous = paginate(request, Premises.objects.all())
        seen += rows
        if following is None:
            break
        request = _follow(following)
    assert seen == shops


def test_walking_back_returns_to_the_first_page(shops: list[Premises]) -> None:
    first, following, previous = paginate(_request(page_size=10), Premises.objects.all())
    assert previous is None
    second, following, previous = paginate(_follow(following), Premises.objects.all())
    third, following, previous_of_third = paginate(_follow(following), Premises.objects.all())
    assert following is None
    assert len(third) == 5
    again, following, previous = paginate(_follow(previous_of_third), Premises.objects.all())
    assert again == second
    start, _, before = paginate(_follow(previous), Premises.objects.all())
    assert start == first
    assert before is None


def test_a_row_inserted_meanwhile_neither_repeats_nor_hides_another(shops: list[Premises]) -> None:
    first, following, _ = paginate(_request(page_size=10), Premises.objects.all())
    Premises.objects.create(name="New", licence_number="L/new", region="ashanti")
    second, _, _ = paginate(_follow(following), Premises.objects.all())
    assert first + second == shops[:20]


def test_an_empty_list_has_no_neighbours() -> None:
    assert paginate(_request(), Premises.objects.all()) == ([], None, None)


def test_other_parameters_stay_in_the_links(shops: list[Premises]) -> None:
    _, following, _ = paginate(_request(page_size=3, region="ashanti"), Premises.objects.all())
    assert following is not None
    assert "region=ashanti" in following


@pytest.mark.parametrize("size", ["0", "101", "-1", "x", "1.5", "99999999999999999999", "\u0661"])
def test_a_page_size_outside_1_to_100_is_refused(size: str) -> None:
    with pytest.raises(ValidationFailed):
        paginate(_request(page_size=size), Premises.objects.all())


@pytest.mark.parametrize(
    "cursor", ["x", "e30", "bnVsbA", "WyJhIiwgImIiLCB0cnVlXQ", "%00", "A" * 5000, "WzEsMiwzXQ", "é"]
)
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        paginate(_request(cursor=cursor), Premises.objects.all())
    assert caught.value.errors[0].code == "invalid_cursor"


def test_a_cursor_survives_its_url(shops: list[Premises]) -> None:
    cursor = Cursor(shops[3].created_at, shops[3].id, backwards=True)
    assert Cursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize(
    "text", ["2026-01-31T08:00:00Z", "2026-01-31T08:00:00+00:00", "2026-01-31T08:00:00 00:00"]
)
def test_updated_since_takes_rfc_3339_quoted_or_not(text: str) -> None:
    assert updated_since(_request(updated_since=text)) == datetime(2026, 1, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-01-31", "2026-01-31T08:00:00", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"],
)
def test_updated_since_refuses_what_is_no_time_with_an_offset(text: str) -> None:
    with pytest.raises(ValidationFailed):
        updated_since(_request(updated_since=text))
