"""What the API's document says of uploads."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers

from consultations.models import UploadState
from consultations.uploads import headers as said

TAG = ["Uploads"]
BYTES = {said.CONTENT_TYPE: OpenApiTypes.BINARY}

CREATE = (
    "tus 1.0 (https://tus.io), for photos that do not get through in one request; any tus client works. "
    "`Upload-Metadata` names the consultation: `consultation <its id in Base64>`. Nothing is accepted that "
    "could not become a photo of it. `Location` is where the bytes go (PATCH). With a body of "
    f"`{said.CONTENT_TYPE}` the first bytes come along. An upload is open for two days, ten at a time."
)
READ = (
    "For an app; it changes nothing. A tus client asks by HEAD, which gives the same in `Upload-Offset`, "
    "`Upload-Length`, `Upload-Expires` and `Upload-Metadata`, and takes the upload over from any earlier "
    "request that still hangs in the network. 410 to HEAD: expired, or refused as a photo."
)
APPEND = (
    "Bytes from `Upload-Offset` on. Whatever arrives before the connection breaks is kept (with "
    "`Upload-Checksum`: only all of it, if it is right). 409 where the offset is another, which "
    "`Upload-Offset` of the answer then says. The last byte makes it a photo and queues its analysis, as "
    "POST /analysis/skin does: `Upload-Image` and `Upload-Analysis` name them. A photo that is refused is "
    "refused here, and the upload is at its end."
)


def _header(name: str, description: str, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(
        name, options.pop("type", str), OpenApiParameter.HEADER, description=description, **options
    )


_VERSION = _header("Tus-Resumable", "The version of the protocol.", required=True, enum=[said.VERSION])
_CHECKSUM = _header("Upload-Checksum", "`sha1` or `sha256`, a space, the digest of this body in Base64.")
_LENGTH = _header("Upload-Length", "Bytes of the whole photo, at most 10,000,000.", type=int, required=True)
_METADATA = _header(
    "Upload-Metadata", "`consultation <id in Base64>`; `filename` and `filetype` are ignored.", required=True
)
_KEY = _header("Idempotency-Key", "The same key and headers begin one upload.")
_OFFSET = _header("Upload-Offset", "Where these bytes begin.", type=int, required=True)


def _answered(name: str, description: str, status: int, kind: Any = str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=description, response=[status])


EVERY_HEADER = [_VERSION]
CREATE_HEADERS = [
    _VERSION,
    _LENGTH,
    _METADATA,
    _CHECKSUM,
    _KEY,
    _answered("Location", "Where the bytes go.", 201),
    _answered("Upload-Offset", "Bytes that are here.", 201, int),
    _answered("Upload-Expires", "Until when it is open, as an HTTP date.", 201),
]
APPEND_HEADERS = [
    _VERSION,
    _OFFSET,
    _CHECKSUM,
    _answered("Upload-Offset", "Bytes that are here now.", 204, int),
    _answered("Upload-Expires", "Until when it is open, as an HTTP date.", 204),
    _answered("Upload-Image", "Id of the photo that it became.", 204),
    _answered("Upload-Analysis", "Id of the analysis of that photo.", 204),
]


class UploadErrorOut(serializers.Serializer[dict[str, Any]]):
    code = serializers.CharField()
    detail = serializers.CharField()


class UploadOut(serializers.Serializer[dict[str, Any]]):
    """An upload."""

    id = serializers.UUIDField()
    consultation = serializers.UUIDField()
    state = serializers.ChoiceField(choices=UploadState.choices)
    length = serializers.IntegerField(help_text="Bytes of the whole photo.")
    received = serializers.IntegerField(help_text="Bytes that are here.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="Null once it is not open any more.")
    image = serializers.UUIDField(allow_null=True, help_text="The photo, when it is done.")
    analysis = serializers.UUIDField(allow_null=True, help_text="The analysis of that photo.")
    error = UploadErrorOut(allow_null=True, help_text="Why the photo was refused.")


_OPEN: dict[str, Any] = {
    "id": "0199e2b4-6c3a-7c52-b1d0-2f6a80c4e911",
    "consultation": "0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10",
    "state": "open",
    "length": 287_412,
    "received": 0,
    "created_at": "2026-01-31T09:12:40.020000Z",
    "expires_at": "2026-02-02T09:12:40.020000Z",
    "image": None,
    "analysis": None,
    "error": None,
}
_DONE = {
    **_OPEN,
    "state": "done",
    "received": 287_412,
    "expires_at": None,
    "image": "0199e2b4-6c20-7b11-8e02-5d8c7a914f33",
    "analysis": "0199e2b4-6c21-7f60-a4d7-91be02c35a78",
}


def _example(name: str, value: Any, status: int) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[str(status)])


CREATED = [_example("Begun", _OPEN, 201)]
SEEN = [
    _example("Half of it is here", {**_OPEN, "received": 143_360}, 200),
    _example("It became a photo", _DONE, 200),
]
