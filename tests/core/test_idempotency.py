"""The same request sent twice over a bad network is carried out once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from accounts.models import IdempotencyRecord, Premises
from dermatech.core.errors import Conflict
from dermatech.core.idempotency import idempotent, remember
from dermatech.core.parsers import StrictJSONParser
from dermatech.core.views import APIView

pytestmark = pytest.mark.django_db


class OpenShop(APIView):
    """Creates one row a call; enough of a view to see what the key does."""

    authentication_classes = ()
    permission_classes = ()
    parser_classes = (StrictJSONParser, MultiPartParser)

    @idempotent
    def post(self, request: Request) -> Response:
        body: Any = request.data
        name = body["name"]
        if name == "refused":
            raise Conflict("No.")
        if name == "slow":
            # So long that its lease is over and the phone's next try has taken the claim over.
            IdempotencyRecord.objects.update(expires_at=timezone.now() + timedelta(minutes=2))
        with transaction.atomic():
            shop = Premises.objects.create(name=name, licence_number=name, region="ashanti")
            response = Response(
                {"id": shop.id, "name": shop.name}, status=201, headers={"Location": f"/shops/{shop.id}"}
            )
            remember(request, response)
            if name == "rolled back":
                raise Conflict("Changed my mind.")
        return response


def send(user: Any, data: dict[str, Any], key: str | None = "k1", encoding: str = "json") -> Any:
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key is not None else {}
    request = APIRequestFactory().post("/shops", data, format=encoding, **headers)
    force_authenticate(request, user=user)
    view = OpenShop.as_view()
    response = view(request)
    if hasattr(response, "render"):
        response.render()
    return response


def test_the_second_request_gets_the_first_answer_and_nothing_is_done_twice(ama: Any) -> None:
    first = send(ama, {"name": "Osu"})
    second = send(ama, {"name": "Osu"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert second["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert second["Location"] == first["Location"]
    assert str(first.data["id"]).encode() in second.content
    assert Premises.objects.filter(name="Osu").count() == 1


def test_the_same_key_with_another_body_is_refused(ama: Any) -> None:
    send(ama, {"name": "Osu"})
    answer = send(ama, {"name": "Tema"})
    assert answer.status_code == 422
    assert answer.data["code"] == "idempotency_key_reused"
    assert not Premises.objects.filter(name="Tema").exists()


def test_two_people_may_use_the_same_key(ama: Any, esi: Any) -> None:
    assert send(ama, {"name": "Osu"}).status_code == 201
    assert send(esi, {"name": "Tamale"}).status_code == 201


def test_a_request_still_in_flight_is_told_so(ama: Any) -> None:
    send(ama, {"name": "Osu"})
    IdempotencyRecord.objects.update(
        state="in_flight", expires_at=timezone.now() + timedelta(seconds=30), body=""
    )
    answer = send(ama, {"name": "Osu"})
    assert answer.status_code == 409
    assert answer.data["code"] == "idempotency_in_flight"
    assert answer["Retry-After"]


def test_a_claim_whose_process_died_is_taken_over(ama: Any) -> None:
    send(ama, {"name": "Osu"})
    Premises.objects.filter(name="Osu").delete()
    IdempotencyRecord.objects.update(state="in_flight", expires_at=timezone.now() - timedelta(seconds=1))
    assert send(ama, {"name": "Osu"}).status_code == 201
    assert Premises.objects.filter(name="Osu").count() == 1


def test_a_claim_that_was_taken_over_meanwhile_keeps_nothing(ama: Any) -> None:
    answer = send(ama, {"name": "slow"})
    assert (answer.status_code, answer.data["code"]) == (409, "idempotency_in_flight")
    assert not Premises.objects.filter(name="slow").exists(), "its rows are rolled back"
    assert IdempotencyRecord.objects.get().state == "in_flight", "the claim is the other request's"


def test_the_first_answer_is_given_again_to_the_byte(ama: Any) -> None:
    first, again = (send(ama, {"name": "Osu ɔɛ \u2028 <&>"}) for _ in range(2))
    assert first.rendered_content == again.content


@pytest.mark.parametrize("name", ["refused", "rolled back"])
def test_a_request_that_failed_leaves_its_key_free(ama: Any, name: str) -> None:
    assert send(ama, {"name": name}).status_code == 409
    assert not IdempotencyRecord.objects.exists()
    assert send(ama, {"name": "Osu"}).status_code == 201


def test_after_a_day_the_key_is_forgotten(ama: Any) -> None:
    send(ama, {"name": "Osu"})
    IdempotencyRecord.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert send(ama, {"name": "Tema"}).status_code == 201


def test_the_bytes_of_a_file_count_and_its_boundary_does_not(ama: Any) -> None:
    def photo(content: bytes) -> dict[str, Any]:
        return {"name": "Osu", "image": SimpleUploadedFile("a.jpg", content)}

    assert send(ama, photo(b"one"), encoding="multipart").status_code == 201
    assert send(ama, photo(b"one"), encoding="multipart")["Idempotency-Replayed"] == "true"
    assert send(ama, photo(b"two"), encoding="multipart").status_code == 422


@pytest.mark.parametrize("key", ["", "k" * 201, "ké"])
def test_a_key_that_is_no_key_is_refused(ama: Any, key: str) -> None:
    answer = send(ama, {"name": "Osu"}, key=key)
    assert answer.status_code == 400
    assert answer.data["errors"][0]["field"] == "Idempotency-Key"


def test_without_a_key_every_request_counts(ama: Any) -> None:
    assert send(ama, {"name": "Osu"}, key=None).status_code == 201
    assert not IdempotencyRecord.objects.exists()
