"""What goes into the photo pipeline as limits and what comes out of it."""

from dataclasses import dataclass
from http import HTTPStatus

from dermatech.core.errors import DomainError

_Bytes = bytes  # a field below is called `bytes`, as the contract calls it


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what is accepted, of what is stored and of what the child may use.

    The stored file has fewer than `max_bytes` bytes, a long edge of at most `long_edge` pixels, and an
    SSIM above `ssim_floor`; above `ssim_aim` where light allows.
    """

    max_upload_bytes: int = 10_000_000
    max_pixels: int = 50_000_000
    min_side: int = 32
    max_side: int = 16_384
    max_bytes: int = 2_000_000
    long_edge: int = 4032
    ssim_floor: float = 0.85
    ssim_aim: float = 0.94
    thumbnail_edge: int = 320
    rendition_edge: int = 1440
    wall_seconds: float = 20.0
    cpu_seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SafePhoto:
    """A picture made here from pixels alone: upright, sRGB, no metadata.

    `ssim` is luma SSIM against the upright original at the stored resolution; `ssim_full` the same at
    the original's own resolution (the two are one number when nothing was made smaller). `width` and
    `height` are of the stored picture, `source_width` and `source_height` of the upright original, all
    in pixels. `rendition` is the stored picture made smaller, as a JPEG that is quick to decode, for
    whoever judges it; empty where the stored picture is small itself. `decoder` names the libraries and
    their versions.
    """

    content: _Bytes
    format: str
    width: int
    height: int
    bytes: int
    ssim: float
    ssim_full: float
    quality: int
    source_format: str
    source_width: int
    source_height: int
    source_bytes: int
    source_sha256: str
    sha256: str
    thumbnail: _Bytes
    rendition: _Bytes
    rendition_sha256: str
    decoder: str

    @property
    def content_type(self) -> str:
        return f"image/{self.format}"


# What the person at the counter can do about it.
_SENTENCES = {
    "image_unsupported": "This is not a JPEG, PNG, WebP or HEIC picture; take a photo with the camera.",
    "image_too_large_upload": "The file is larger than 10 MB; choose a smaller picture size in the camera.",
    "image_too_large": "The picture has too many pixels; choose 48 megapixels or fewer in the camera.",
    "image_too_small": "The picture is too small to show a skin change; send the original, not a preview.",
    "image_unreadable": "The file is damaged and cannot be read; take the photo again.",
    "image_truncated": "The end of the file is missing; send the photo again.",
    "image_animated": "The file holds several pictures; send a single photo.",
    "image_bomb": "The picture would need far too much memory; send a photo as the camera takes it.",
    "image_timeout": "The picture took too long to read; send a photo as the camera takes it.",
}
_STATUS = {
    "image_unsupported": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "image_too_large_upload": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
CODES = frozenset(_SENTENCES)


class PhotoRefused(DomainError):
    """The file is not accepted: 415 for another kind of file, 413 for too many bytes, else 422.
    `code` is one of `CODES`, `detail` says in plain words what to do."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, code: str, detail: str | None = None) -> None:
        self.status = _STATUS.get(code, HTTPStatus.UNPROCESSABLE_ENTITY)
        super().__init__(detail or _SENTENCES[code], code=code)
