"""What tus says in headers, read strictly."""

import base64
import binascii
import re
import uuid
from collections.abc import Mapping

from rest_framework.request import Request

from consultations.uploads.parts import ALGORITHMS, Checksum
from dermatech.core.errors import FieldError, ValidationFailed

VERSION = "1.0.0"
CONTENT_TYPE = "application/offset+octet-stream"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
# What clients of tus say of a file by themselves; it counts for nothing here.
_IGNORED = frozenset({"filename", "filetype", "name", "type", "relativePath"})
_LONGEST_METADATA = 2_000
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)


def number(request: Request, name: str) -> int:
    """A whole number, not negative. Raises ValidationFailed."""
    value = request.headers.get(name)
    if value is None:
        raise ValidationFailed.of(name, "required", "This header is needed.")
    if not _NUMBER.fullmatch(value):
        raise ValidationFailed.of(name, "invalid", "Must be a whole number of bytes.")
    return int(value)


def upload_length(request: Request) -> int:
    """How long the photo is, which tus lets one say later; it is needed here first. Raises
    ValidationFailed."""
    for name in ("Upload-Defer-Length", "Upload-Concat"):
        if name in request.headers:
            raise ValidationFailed.of(name, "not_supported", f"Supported here: {EXTENSIONS}.")
    length = number(request, "Upload-Length")
    if not length:
        raise ValidationFailed.of("Upload-Length", "min_value", "An empty file is no photo.")
    return length


def body_length(request: Request) -> int:
    """Bytes of the body, as declared. Raises ValidationFailed where they are not."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if "Transfer-Encoding" in request.headers or not _NUMBER.fullmatch(declared):
        raise ValidationFailed.of("Content-Length", "required", "Say how many bytes you send.")
    return int(declared)


def metadata(request: Request) -> tuple[str, uuid.UUID]:
    """`Upload-Metadata` as it was sent, and the consultation that it names. Raises ValidationFailed."""
    raw = request.headers.get("Upload-Metadata", "")
    if len(raw) > _LONGEST_METADATA or not raw.isascii() or not raw.isprintable():
        raise ValidationFailed.of(
            "Upload-Metadata", "invalid", f"At most {_LONGEST_METADATA:,} printable ASCII characters."
        )
    pairs = _pairs(raw)
    unknown = sorted(set(pairs) - _IGNORED - {"consultation"})
    if unknown:
        raise ValidationFailed(
            errors=[
                FieldError(f"Upload-Metadata.{name}", "unknown_field", "Known here: consultation, filename.")
                for name in unknown
            ]
        )
    if "consultation" not in pairs:
        raise ValidationFailed.of(
            "Upload-Metadata.consultation", "required", "Name the consultation: its id in Base64."
        )
    try:
        return raw, uuid.UUID(pairs["consultation"].decode("ascii"))
    except ValueError:
        raise ValidationFailed.of(
            "Upload-Metadata.consultation", "invalid", "Must be a UUID in Base64."
        ) from None


def _pairs(raw: str) -> Mapping[str, bytes]:
    pairs: dict[str, bytes] = {}
    for pair in filter(None, (part.strip() for part in raw.split(","))):
        name, _, value = pair.partition(" ")
        try:
            if name in pairs:
                raise ValueError(name)
            pairs[name] = base64.b64decode(value.strip(), validate=True)
        except (ValueError, binascii.Error):
            raise ValidationFailed.of(
                "Upload-Metadata", "invalid", "Must be names, each once, with values in Base64."
            ) from None
    return pairs


def checksum(request: Request) -> Checksum | None:
    """`Upload-Checksum`. Raises ValidationFailed."""
    given = request.headers.get("Upload-Checksum")
    if given is None:
        return None
    algorithm, _, value = given.partition(" ")
    if algorithm not in ALGORITHMS:
        raise ValidationFailed.of("Upload-Checksum", "invalid_choice", f"One of: {', '.join(ALGORITHMS)}.")
    try:
        return Checksum(algorithm, base64.b64decode(value.strip(), validate=True))
    except (ValueError, binascii.Error):
        raise ValidationFailed.of("Upload-Checksum", "invalid", "Must be the digest in Base64.") from None
