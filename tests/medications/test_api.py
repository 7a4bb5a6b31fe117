"""GET /medications, /medications/{id}, /medications/search."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starter_knowledge")]
URL = "/api/v1/medications"


@pytest.fixture
def client(as_user: Callable[[Any], Any], ama: Any) -> Any:
    return as_user(ama)


def _ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_the_list_pages_through_every_medicine_once(client: Any) -> None:
    url, seen, previous = f"{URL}?page_size=25", [], None
    while url:
        answer = client.get(url)
        seen += _ids(answer)
        body = answer.json()
        assert set(body) == {"next", "previous", "results"}
        url, previous = body["next"], body["previous"]
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen)
    assert _ids(client.get(previous)) == seen[25:50]


def test_a_row_carries_its_review_state_and_confidence(client: Any) -> None:
    row = next(
        r for r in client.get(f"{URL}?page_size=100").json()["results"] if r["id"] == "clotrimazole-1-cream"
    )
    assert row["name"] == "Clotrimazole 1% cream"
    assert (row["legal_class"], row["review_state"], row["confidence"]) == (
        "otc", "starter_unreviewed", "confirmed",
    )  # fmt: skip
    assert {"condition": "tinea-corporis", "name": "Tinea corporis", "line": "first"} in row["indications"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("condition=warts", {"salicylic-lactic-16-7-wart-paint"}),
        ("form=shampoo", {"ketoconazole-2-shampoo", "selenium-sulfide-2-5-shampoo"}),
        ("atc=d01ac08", {"ketoconazole-2-cream", "ketoconazole-2-shampoo"}),
        ("route=oral&legal_class=otc&condition=urticaria", {
            "cetirizine-10-tablet", "cetirizine-5-5-syrup", "loratadine-10-tablet",
            "chlorphenamine-4-tablet"}),
    ],
)  # fmt: skip
def test_filters_narrow_the_list(client: Any, query: str, expected: set[str]) -> None:
    assert set(_ids(client.get(f"{URL}?{query}"))) == expected


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("legal_class=free", "legal_class", "invalid_choice"),
        ("form=pill", "form", "invalid_choice"),
        ("route=rectal", "route", "invalid_choice"),
        ("condition=ringworm", "condition", "invalid_choice"),
        ("atc=99", "atc", "invalid"),
        ("colour=blue", "colour", "unknown_parameter"),
        ("cursor=nonsense", "cursor", "invalid_cursor"),
        ("cursor=", "cursor", "invalid_cursor"),
        ("page_size=0", "page_size", "invalid"),
        ("updated_since=yesterday", "updated_since", "invalid"),
    ],
)
def test_unknown_words_are_refused(client: Any, query: str, field: str, code: str) -> None:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, code)]


def test_the_etag_is_the_release_and_spares_the_second_download(client: Any) -> None:
    from medications.models import FormularyRelease

    for url in (URL, f"{URL}/clotrimazole-1-cream", f"{URL}/search?q=scabies"):
        answer = client.get(url)
        assert answer["ETag"] == f'"{FormularyRelease.objects.get().content_hash}"'
        again = client.get(url, HTTP_IF_NONE_MATCH=answer["ETag"])
        assert (again.status_code, again.content) == (304, b"")


def test_updated_since_gives_all_or_nothing(client: Any) -> None:
    assert len(_ids(client.get(f"{URL}?updated_since=2020-01-01T00:00:00Z"))) == 20
    assert _ids(client.get(f"{URL}?updated_since=2999-01-01T00:00:00Z")) == []


def test_one_medicine_with_everything(client: Any) -> None:
    body = client.get(f"{URL}/permethrin-5-cream").json()
    assert body["release"]["review_state"] == "starter_unreviewed"
    assert body["treatments"][0]["id"] == "scabies--permethrin-5-cream"
    assert len(body["treatments"][0]["regimens"]) == 3
    assert "pregnancy" in body
    assert body["sources"]
    warfarin = client.get(f"{URL}/miconazole-2-cream").json()["interactions"][0]
    assert (warfarin["with"], warfarin["severity"]) == ("warfarin", "major")
    assert "reviewer_notes" not in str(body)


def test_an_unknown_medicine_is_404(client: Any) -> None:
    answer = client.get(f"{URL}/snake-oil")
    assert (answer.status_code, answer.json()["code"]) == (404, "medication_not_found")


def test_search_says_what_matched(client: Any) -> None:
    hit = client.get(f"{URL}/search?q=canestn").json()["results"][0]
    assert hit["id"] == "clotrimazole-1-cream"
    assert hit["matched"] == {"field": "brand", "value": "Canesten", "how": "similar"}
    assert 0 < hit["score"] < 100


def test_search_can_be_narrowed_and_cut(client: Any) -> None:
    assert _ids(client.get(f"{URL}/search?q=ketoconazole&form=shampoo")) == ["ketoconazole-2-shampoo"]
    assert len(_ids(client.get(f"{URL}/search?q=tinea&page_size=2"))) == 2


def test_a_seller_sees_no_regimen_of_a_prescription_only_medicine(
    as_user: Callable[[Any], Any], kofi: Any
) -> None:
    kofi.cadre = "otc_medicine_seller"
    kofi.save()
    seller = as_user(kofi)
    shown, hidden = (seller.get(f"{URL}/{name}") for name in ("permethrin-5-cream", "ivermectin-3-tablet"))
    assert shown.json()["who_may_supply"] is None
    assert shown.json()["treatments"][0]["regimens"]
    assert hidden.json()["treatments"] == []
    assert "pharmacist may supply it on a valid prescription" in hidden.json()["who_may_supply"]
    assert "200 micrograms" not in hidden.content.decode()
    assert hidden["ETag"] != shown["ETag"]  # a pharmacist's copy is another


def test_a_search_is_narrowed_before_it_is_cut(client: Any) -> None:
    found = _ids(client.get(f"{URL}/search?q=tinea&legal_class=prescription_only&page_size=3"))
    assert found
    assert all(client.get(f"{URL}/{key}").json()["legal_class"] == "prescription_only" for key in found)


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", f"?q={'x' * 101}", "?q=a&z=1"])
def test_a_search_without_a_usable_question_is_refused(client: Any, query: str) -> None:
    assert client.get(f"{URL}/search{query}").status_code == 400


def test_strangers_are_sent_to_sign_in(api: Any) -> None:
    for url in (URL, f"{URL}/search?q=scabies", f"{URL}/permethrin-5-cream"):
        assert api.get(url).status_code == 401


def test_every_signed_in_role_may_read(as_user: Callable[[Any], Any], kofi: Any, yaw: Any, efua: Any) -> None:
    for person in (kofi, yaw, efua):
        assert as_user(person).get(f"{URL}/permethrin-5-cream").status_code == 200


def test_nothing_is_written_here(client: Any) -> None:
    assert client.post(URL, {}, format="json").status_code == 405


def test_without_a_release_the_answer_is_503(client: Any) -> None:
    from medications.models import FormularyRelease

    FormularyRelease.objects.update(state="archived")
    answer = client.get(URL)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_published_formulary")
    assert answer["Retry-After"]
