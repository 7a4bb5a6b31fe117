"""Photos of a consultation and their analyses, over HTTP."""

import io
import json
import threading
import time
from typing import Any, cast

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from consultations.models import Analysis, Photo
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, NOBODY, SKIN, a_photo, ringworm, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def images(opened: dict[str, Any]) -> str:
    return f"{CONSULTATIONS}/{opened['id']}/images"


# --- Photos -------------------------------------------------------------------------------------
def test_a_photo_is_added_and_can_be_looked_at(as_ama: Any, images: str) -> None:
    added = as_ama.post(images, {"image": upload()}, format="multipart")

    assert added.status_code == 201
    assert added["Location"] == added.json()["url"]
    picture = as_ama.get(added["Location"])
    assert picture.status_code == 200
    assert picture["Content-Type"] == f"image/{added.json()['format']}"
    assert picture["X-Content-Type-Options"] == "nosniff"
    assert picture["Cache-Control"].startswith("private")
    assert len(picture.content) == added.json()["bytes"]
    assert Image.open(io.BytesIO(picture.content)).size == (640, 480)


def test_adding_a_photo_queues_nothing_but_moves_the_etag(
    as_ama: Any, images: str, opened: dict[str, Any]
) -> None:
    as_ama.post(images, {"image": upload()}, format="multipart")

    assert not Analysis.objects.exists()
    assert as_ama.get(f"{CONSULTATIONS}/{opened['id']}").json()["etag"] != opened["etag"]


def test_the_same_photo_again_is_the_one_that_is_there(as_ama: Any, images: str, settings: Any) -> None:
    first = as_ama.post(images, {"image": upload()}, format="multipart")
    files = sorted(settings.MEDIA_ROOT.rglob("*"))

    second = as_ama.post(images, {"image": upload()}, format="multipart")

    assert second.status_code == 200
    assert second.json() == first.json()
    assert Photo.objects.count() == 1
    assert sorted(settings.MEDIA_ROOT.rglob("*")) == files


def test_the_thumbnail_is_small(as_ama: Any, photographed: dict[str, Any]) -> None:
    answer = as_ama.get(photographed["images"][0]["thumbnail_url"])

    assert answer["Content-Type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(answer.content)).size) <= 320


def test_a_picture_that_the_phone_has_is_not_sent_again(as_ama: Any, photographed: dict[str, Any]) -> None:
    url = photographed["images"][0]["url"]
    etag = as_ama.get(url)["ETag"]

    assert as_ama.get(url, HTTP_IF_NONE_MATCH=etag).status_code == 304


@pytest.mark.parametrize(
    "accept", ["image/jpeg", "image/*", "*/*", "application/json", "image/webp,image/*;q=0.8"]
)
def test_the_picture_is_given_whatever_the_phone_says_it_accepts(
    as_ama: Any, photographed: dict[str, Any], accept: str
) -> None:
    assert as_ama.get(photographed["images"][0]["url"], HTTP_ACCEPT=accept).status_code == 200


def test_a_missing_picture_is_a_problem_document_for_an_image_reader_too(as_ama: Any, images: str) -> None:
    answer = as_ama.get(f"{images}/{NOBODY}", HTTP_ACCEPT="image/*")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_a_picture_that_the_store_lost_is_unavailable_not_a_crash(
    as_ama: Any, photographed: dict[str, Any], events: Any
) -> None:
    default_storage.delete(str(Photo.objects.get().file.name))
    events()

    answer = as_ama.get(photographed["images"][0]["url"])

    assert answer.status_code == 503
    assert events() == []  # nobody saw anything


def test_a_photo_of_another_consultation_is_not_found_under_this_one(
    as_ama: Any, opened: dict[str, Any], photographed: dict[str, Any]
) -> None:
    image = photographed["images"][0]["id"]

    assert as_ama.get(f"{CONSULTATIONS}/{opened['id']}/images/{image}").status_code == 404


def test_a_sixth_photo_is_too_many(as_ama: Any, images: str) -> None:
    codes = [as_ama.post(images, {"image": upload(seed=n)}, format="multipart").status_code for n in range(6)]

    assert codes == [201] * 5 + [422]
    assert Photo.objects.count() == 5


@pytest.mark.parametrize(
    ("parts", "field", "code"),
    [
        ({}, "image", "required"),
        ({"image": [upload(seed=1), upload(seed=2)]}, "image", "too_many_images"),
        ({"image": upload(), "caption": "left arm"}, "caption", "unknown_field"),
    ],
)
def test_adding_a_photo_wants_one_part_named_image(
    as_ama: Any, images: str, parts: dict[str, Any], field: str, code: str
) -> None:
    answer = as_ama.post(images, parts, format="multipart")

    assert answer.status_code == 400
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, code)]
    assert not Photo.objects.exists()


def test_a_photo_needs_consent_here_too(as_ama: Any) -> None:
    case = as_ama.post(CONSULTATIONS, {"patient": {}}, format="json").json()

    answer = as_ama.post(f"{CONSULTATIONS}/{case['id']}/images", {"image": upload()}, format="multipart")

    assert answer.status_code == 422
    assert answer.json()["code"] == "consent_required"


def test_an_unknown_size_is_refused(as_ama: Any, photographed: dict[str, Any]) -> None:
    assert as_ama.get(photographed["images"][0]["url"] + "?size=huge").status_code == 400


def test_photos_in_s3_are_given_by_a_signed_address(
    as_ama: Any, photographed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Signing:
        querystring_auth = True

        def url(self, name: str, parameters: dict[str, str]) -> str:
            return f"https://photos.example/{name}?signature=x"

    monkeypatch.setattr("consultations.views.images.default_storage", Signing())

    answer = as_ama.get(photographed["images"][0]["url"])

    assert answer.status_code == 302
    assert "signature" in answer["Location"]
    assert answer["Cache-Control"] == "no-store"


# --- Asking for an analysis ---------------------------------------------------------------------
def test_a_new_patient_with_a_photo_in_one_request(as_ama: Any) -> None:
    answer = as_ama.post(SKIN, {"data": json.dumps(ringworm()), "image": upload()}, format="multipart")

    body = answer.json()
    assert answer.status_code == 202, body
    assert answer["Location"] == f"/api/v1/analysis/{body['id']}"
    assert body["status"] == "queued"
    assert as_ama.get(f"{CONSULTATIONS}/{body['consultation']}").json()["analysis"]["id"] == body["id"]


def test_a_new_photo_of_a_known_patient(as_ama: Any, opened: dict[str, Any]) -> None:
    answer = as_ama.post(SKIN, {"consultation": opened["id"], "image": upload()}, format="multipart")

    assert answer.status_code == 202
    assert answer.json()["consultation"] == opened["id"]
    assert Photo.objects.count() == 1


def test_a_stored_photo_is_analysed_again_once_the_first_is_done(
    as_ama: Any, photographed: dict[str, Any]
) -> None:
    body = {"consultation": photographed["id"], "image": photographed["images"][0]["id"]}

    still = as_ama.post(SKIN, body, format="json").json()
    run_analysis(Analysis.objects.get().pk)
    fresh = as_ama.post(SKIN, body, format="json").json()

    assert still["id"] == photographed["analysis"]["id"]  # it is queued already
    assert fresh["id"] != still["id"]


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"data": "{}"}, "data.patient"),
        ({"patient.sex": "female"}, "image"),
        ({"consultation": NOBODY, "data": '{"patient": {}}', "image": upload()}, "data.patient"),
    ],
)
def test_an_analysis_wants_a_photo_and_one_patient(as_ama: Any, parts: dict[str, Any], field: str) -> None:
    answer = as_ama.post(SKIN, parts, format="multipart")

    assert answer.status_code == 400, answer.json()
    assert answer.json()["errors"][0]["field"] == field


def test_a_new_patient_without_consent_gets_no_analysis(as_ama: Any) -> None:
    body = ringworm(consent={})

    answer = as_ama.post(SKIN, {"data": json.dumps(body), "image": upload()}, format="multipart")

    assert answer.status_code == 422
    assert not Analysis.objects.exists()


# --- Waiting for it -----------------------------------------------------------------------------
def test_an_unfinished_analysis_says_when_to_come_back(as_ama: Any, photographed: dict[str, Any]) -> None:
    answer = as_ama.get(f"/api/v1/analysis/{photographed['analysis']['id']}")

    assert answer.status_code == 200
    assert answer["Retry-After"] == "2"
    assert "Preference-Applied" not in answer


def test_waiting_is_bounded_by_what_was_asked(as_ama: Any, photographed: dict[str, Any]) -> None:
    started = time.monotonic()

    answer = as_ama.get(f"/api/v1/analysis/{photographed['analysis']['id']}", HTTP_PREFER="wait=1")

    assert 0.9 < time.monotonic() - started < 3
    assert answer["Preference-Applied"] == "wait=1"
    assert answer.json()["status"] == "queued"


def test_nobody_waits_longer_than_25_seconds(photographed: dict[str, Any]) -> None:
    from consultations.views.analyses import _wanted

    class Asked:
        def __init__(self, prefer: str) -> None:
            self.headers = {"Prefer": prefer}

    wanted = [
        _wanted(cast(Any, Asked(p)))
        for p in ("wait=600", "respond-async, wait=7", 'wait="3"', "wait=-1", "await=9", "")
    ]
    assert wanted == [25, 7, 3, 0, 0, 0]


def test_the_answer_comes_as_soon_as_it_is_there(
    as_ama: Any, photographed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Analysis.objects.get().pk
    naps: list[float] = []

    def work_instead_of_sleeping(seconds: float) -> None:
        naps.append(seconds)
        run_analysis(job)

    monkeypatch.setattr("consultations.views.analyses.time.sleep", work_instead_of_sleeping)

    answer = as_ama.get(f"/api/v1/analysis/{job}", HTTP_PREFER="wait=20")

    assert answer.json()["status"] == "succeeded"
    assert "Retry-After" not in answer
    assert len(naps) == 1


def test_when_too_many_wait_the_next_is_answered_at_once(
    as_ama: Any, photographed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consultations.views.analyses._waiting", threading.BoundedSemaphore(1))
    from consultations.views import analyses

    analyses._waiting.acquire()
    answer = as_ama.get(f"/api/v1/analysis/{photographed['analysis']['id']}", HTTP_PREFER="wait=20")

    assert answer.status_code == 200
    assert "Preference-Applied" not in answer


def test_a_finished_analysis_has_an_etag(as_ama: Any, photographed: dict[str, Any]) -> None:
    job = Analysis.objects.get().pk
    run_analysis(job)

    first = as_ama.get(f"/api/v1/analysis/{job}")

    assert as_ama.get(f"/api/v1/analysis/{job}", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304


def test_without_a_model_there_is_no_heat_map(as_ama: Any, photographed: dict[str, Any]) -> None:
    run_analysis(Analysis.objects.get().pk)

    answer = as_ama.get(f"/api/v1/analysis/{photographed['analysis']['id']}/heatmap")

    assert answer.status_code == 404
    assert answer.json()["code"] == "no_heatmap"


# --- The same request twice ---------------------------------------------------------------------
@pytest.mark.parametrize("data", ["-6.1e-05", "true", "[1]", '"text"', '{"notes": "x"}'])
def test_a_consultation_and_data_for_a_new_one_are_refused_together(
    as_ama: Any, opened: dict[str, Any], data: str
) -> None:
    parts = {"consultation": opened["id"], "data": data, "image": upload()}
    answer = as_ama.post(SKIN, parts, format="multipart")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["field"].split(".")[0], error["code"]) == ("data", "ambiguous")


@pytest.mark.parametrize("path", [CONSULTATIONS, SKIN])
def test_the_same_key_and_body_give_the_first_answer_again(as_ama: Any, path: str) -> None:
    def send(notes: str = "") -> Any:
        body = {"data": json.dumps(ringworm(notes=notes)), "image": upload()}
        return as_ama.post(path, body, format="multipart", HTTP_IDEMPOTENCY_KEY="k-1")

    first, again, other = send(), send(), send("another body")

    assert again.status_code == first.status_code
    assert again["Idempotency-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert again.json() == first.json()
    assert other.status_code == 422
    assert Photo.objects.count() == Analysis.objects.count() == 1


def test_a_refused_request_gives_its_key_back(as_ama: Any) -> None:
    bad = {"data": json.dumps(ringworm()), "image": upload(b"no photo")}
    good = {"data": json.dumps(ringworm()), "image": upload()}

    assert as_ama.post(CONSULTATIONS, bad, format="multipart", HTTP_IDEMPOTENCY_KEY="k").status_code == 415
    assert as_ama.post(CONSULTATIONS, good, format="multipart", HTTP_IDEMPOTENCY_KEY="k").status_code == 201


def test_the_whole_way_of_a_photo_stands_in_the_audit_log(
    as_ama: Any, events: Any, django_capture_on_commit_callbacks: Any
) -> None:
    events()

    body = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload()}, format="multipart"
    ).json()
    assert events() == ["consultation.created", "photo.added", "recommendation.made", "analysis.queued"]

    run_analysis(Analysis.objects.get().pk)
    assert events() == ["analysis.started", "analysis.succeeded", "recommendation.made"]

    as_ama.get(body["images"][0]["url"])
    as_ama.get(f"/api/v1/analysis/{body['analysis']['id']}")
    assert events() == ["photo.read", "analysis.read"]

    as_ama.post(f"{CONSULTATIONS}/{body['id']}/images", {"image": upload(seed=2)}, format="multipart")
    assert events() == ["photo.added"]


def test_png_webp_and_heic_are_taken_and_stored_as_safe_pictures(as_ama: Any, images: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    for number, kind in enumerate(("PNG", "WEBP", "HEIF")):
        buffer = io.BytesIO()
        Image.open(io.BytesIO(a_photo(20 + number))).save(buffer, format=kind)
        answer = as_ama.post(images, {"image": upload(buffer.getvalue(), f"p.{kind}")}, format="multipart")
        assert answer.status_code == 201, answer.json()
        assert answer.json()["format"] in ("jpeg", "webp")
