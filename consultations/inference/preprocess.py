"""From a stored photo and known facts to the tensors a model takes."""

import io
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from consultations.inference.errors import InferenceFailed
from consultations.inference.manifest import FactsInput, Feature, FeatureKind, Fit, ImageInput, Layout

FloatArray = npt.NDArray[np.float32]
Photograph = bytes | Image.Image  # a stored photo, as its file or decoded already
_UNREADABLE = (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError)
# libjpeg decodes at 1/2, 1/4 or 1/8 for next to nothing; twice the wanted size is left to the resize
# so that fine structure is averaged, not skipped.
_DRAFT_FACTOR = 2
_NUMBER_BOUND = 5.0
# A decoded photo is kept this large at least: twice what quality is judged on, enough for every model.
_KEPT_EDGE = 1440


def decoded_once(content: bytes) -> Photograph:
    """A WebP photo decoded and made smaller, for all who look at it in one analysis; others as they are.

    libwebp decodes whole or not at all (12 megapixels: some 15 times a JPEG's `draft`), so it is done once
    and not by each. WebP is what photos full of noise are stored as, because no JPEG would do. One that
    cannot be decoded is given back as it is, for those who report it.
    """
    if content[8:12] != b"WEBP":
        return content
    try:
        with Image.open(io.BytesIO(content), formats=("WEBP",)) as photo:
            rgb = photo.convert("RGB")
    except _UNREADABLE:
        return content
    factor = max(rgb.size) // _KEPT_EDGE
    return rgb.reduce(factor) if factor > 1 else rgb


def picture_tensor(content: Photograph, wanted: ImageInput) -> tuple[FloatArray, tuple[int, int]]:
    """The photo as a normalised float32 tensor of `wanted.shape`, and the photo's (width, height).

    The content is a stored photo: upright, sRGB, of bounded size. `InferenceFailed` with code
    `photo_unreadable` where it cannot be decoded.
    """
    rgb, size = _pixels(content, _DRAFT_FACTOR * max(wanted.width, wanted.height))
    fitted = rgb.resize(
        (wanted.width, wanted.height),
        Image.Resampling.BILINEAR,
        box=crop_box(rgb.size, wanted),
        reducing_gap=2.0,
    )
    mean, std = np.array(wanted.mean, dtype=np.float32), np.array(wanted.std, dtype=np.float32)
    values = (np.asarray(fitted, dtype=np.float32) / np.float32(255) - mean) / std
    if wanted.layout is Layout.NCHW:
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[np.newaxis], dtype=np.float32), size


def _pixels(content: Photograph, edge: int) -> tuple[Image.Image, tuple[int, int]]:
    """The photo as RGB, not much larger than `edge` where its format allows, and its own size."""
    if isinstance(content, Image.Image):
        return content, content.size
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as photo:
            size = photo.size
            photo.draft("RGB", (edge, edge))
            return photo.convert("RGB"), size
    except _UNREADABLE as error:
        raise InferenceFailed("The photo could not be decoded.", code="photo_unreadable") from error


def crop_box(size: tuple[int, int], wanted: ImageInput) -> tuple[float, float, float, float]:
    """The part of a picture of `size` that the model sees, as (left, top, right, bottom) in pixels."""
    width, height = size
    if wanted.fit is Fit.STRETCH:
        return (0.0, 0.0, float(width), float(height))
    scale = min(width / wanted.width, height / wanted.height)
    across, down = wanted.width * scale, wanted.height * scale
    # Rounding may leave either a hair below nothing, which a resize refuses.
    left, top = max(0.0, (width - across) / 2), max(0.0, (height - down) / 2)
    return (left, top, min(float(width), left + across), min(float(height), top + down))


def facts_tensor(facts: Mapping[str, object], wanted: FactsInput) -> FloatArray:
    """Known facts as one float32 row; an unknown fact becomes the feature's `missing` value."""
    return np.asarray([[_encode(facts.get(item.fact), item) for item in wanted.features]], dtype=np.float32)


def _encode(value: object, feature: Feature) -> float:
    if value is None:
        return feature.missing
    match feature.kind:
        case FeatureKind.NUMBER:
            if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
                return feature.missing
            scaled = (float(value) - feature.mean) / feature.std
            return max(-_NUMBER_BOUND, min(_NUMBER_BOUND, scaled))
        case FeatureKind.FLAG:
            return float(value is True) if isinstance(value, bool) else feature.missing
        case FeatureKind.EQUALS:
            return float(value == feature.value)
        case FeatureKind.CONTAINS:
            holder = cast(Collection[object], value) if isinstance(value, Collection) else ()
            return float(feature.value in holder and not isinstance(value, str))
