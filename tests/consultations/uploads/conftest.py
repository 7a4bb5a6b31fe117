"""A phone that speaks tus."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.consultations.cases import a_photo

UPLOADS = "/api/v1/uploads"
_TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}


def metadata(consultation: str, **others: str) -> str:
    """`Upload-Metadata`."""
    pairs = {"consultation": consultation, **others}
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items())


def digest(algorithm: str, content: bytes) -> str:
    """`Upload-Checksum`."""
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


@dataclass
class Phone:
    """Sends one photo to one consultation."""

    client: Any
    consultation: str
    photo: bytes = b""
    address: str = ""

    def begin(self, body: bytes = b"", *, length: int | None = None, **headers: str) -> Any:
        """POST; the address is kept."""
        given = {
            "HTTP_UPLOAD_LENGTH": str(len(self.photo) if length is None else length),
            "HTTP_UPLOAD_METADATA": metadata(self.consultation),
            **_TUS,
            **headers,
        }
        kind = "application/offset+octet-stream" if body else ""
        answer = self.client.generic("POST", UPLOADS, body, content_type=kind, **given)
        self.address = answer.get("Location", self.address)
        return answer

    def send(self, start: int, end: int | None = None, **headers: str) -> Any:
        """PATCH with the bytes from `start` to `end`."""
        return self.send_bytes(self.photo[start:end], start, **headers)

    def send_bytes(self, content: bytes, offset: int, **headers: str) -> Any:
        given = {"HTTP_UPLOAD_OFFSET": str(offset), **_TUS, **headers}
        kind = "application/offset+octet-stream"
        return self.client.generic("PATCH", self.address, content, content_type=kind, **given)

    def look(self) -> Any:
        return self.client.head(self.address, **_TUS)

    def offset(self) -> int:
        answer = self.look()
        assert answer.status_code == 200, answer
        return int(answer["Upload-Offset"])

    def end(self) -> Any:
        return self.client.delete(self.address, **_TUS)

    def read(self) -> dict[str, Any]:
        answer = self.client.get(self.address)
        assert answer.status_code == 200, answer.content
        return dict(answer.json())


@pytest.fixture
def phone(as_ama: Any, opened: dict[str, Any]) -> Phone:
    """Ama's phone, with a photo for the consultation that she has opened."""
    return Phone(as_ama, opened["id"], a_photo())


@pytest.fixture
def phone_of(as_user: Callable[[Any], Any], opened: dict[str, Any]) -> Callable[[Any], Phone]:
    """Another person's phone, for the same consultation."""
    return lambda person: Phone(as_user(person), opened["id"], a_photo())
