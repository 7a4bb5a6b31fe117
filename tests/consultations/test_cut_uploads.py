"""An upload that lost its end on the way is refused whole: a photo never just disappears."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from consultations.models import Consultation
from consultations.services import storage
from tests.consultations.cases import CONSULTATIONS, a_photo, ringworm

pytestmark = pytest.mark.django_db
_FORM = "multipart/form-data; boundary=x"


def _body() -> bytes:
    part = b"--x\r\nContent-Disposition: form-data; name="
    data = part + b'"data"\r\n\r\n' + json.dumps(ringworm()).encode()
    photo = part + b'"image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + a_photo()
    return data + b"\r\n" + photo + b"\r\n--x--\r\n"


def test_the_same_body_with_its_end_is_taken(as_ama: Any) -> None:
    answer = as_ama.generic("POST", CONSULTATIONS, _body(), content_type=_FORM)
    assert answer.status_code == 201, answer.content
    assert len(answer.json()["images"]) == 1


@pytest.mark.parametrize("missing", [3, 7, 500, 1500])
def test_a_body_without_its_end_is_refused_and_may_be_sent_again(as_ama: Any, missing: int) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "one-for-both"}
    cut = as_ama.generic("POST", CONSULTATIONS, _body()[:-missing], content_type=_FORM, **key)
    assert cut.status_code == 400, cut.content
    assert cut.json()["code"] == "malformed_request"
    assert not Consultation.objects.exists()

    again = as_ama.generic("POST", CONSULTATIONS, _body(), content_type=_FORM, **key)
    assert again.status_code == 201, "the key is still free"


def test_a_disk_that_fills_up_keeps_no_part_of_a_picture(
    as_ama: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Overflowing(ContentFile):
        def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
            yield b"the first of it"
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage, "ContentFile", Overflowing)
    answer = as_ama.generic("POST", CONSULTATIONS, _body(), content_type=_FORM)

    assert answer.status_code == 503
    assert answer.json()["code"] == "storage_unavailable"
    assert not Consultation.objects.exists()
    assert [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()] == []
