"""On real phone photographs of skin, where they lie beside the checkout: they are never part of it."""

from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from consultations.imaging import make_safe
from consultations.imaging.quality import Quality, judge

from .pictures import pack

PHOTOS = Path(__file__).resolve().parents[4] / "shared" / "data" / "pad-ufes-20" / "photos"
SAMPLE = sorted(PHOTOS.glob("*/*.jpg"))[::13]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SAMPLE, reason=f"no photographs at {PHOTOS}"),
]


def judged(picture: Image.Image) -> Quality:
    return judge(pack(picture, "JPEG", quality=92))


def share(worse: list[bool]) -> float:
    return sum(worse) / len(worse)


def test_blurred_and_darkened_copies_score_worse_than_their_originals() -> None:
    originals = [Image.open(path).convert("RGB") for path in SAMPLE]
    first = [judged(picture) for picture in originals]
    assert share([not quality.usable for quality in first]) < 0.1
    blurred = [judged(picture.filter(ImageFilter.GaussianBlur(2))) for picture in originals]
    assert (
        share([b.sharpness < a.sharpness and b.score < a.score for a, b in zip(first, blurred, strict=True)])
        >= 0.95
    )
    darkened = [judged(picture.point(lambda value: int(value * 0.6))) for picture in originals]
    assert (
        share([b.exposure < a.exposure and b.score < a.score for a, b in zip(first, darkened, strict=True)])
        >= 0.95
    )


def test_each_real_photo_comes_out_small_and_faithful() -> None:
    for path in SAMPLE[::2]:
        photo = make_safe(path)
        assert photo.bytes < 2_000_000
        assert photo.ssim > 0.94
