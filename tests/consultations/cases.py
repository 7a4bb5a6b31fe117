"""Cases and photos for the tests: what phones send."""

import functools
import io
import random
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw, ImageFilter

CONSULTATIONS = "/api/v1/consultations"
SKIN = "/api/v1/analysis/skin"
# A well-formed id that nothing has.
NOBODY = "0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10"


def ringworm(**changes: Any) -> dict[str, Any]:
    """A girl of seven with ringworm on the trunk; consent to photos is given."""
    return {
        "patient": {
            "age_months": 84,
            "sex": "female",
            "weight_kg": 22.5,
            "pregnant": False,
            "breastfeeding": False,
            "allergies": ["penicillins"],
            "current_medicines": [],
            "conditions": [],
            "initials": "AB",
        },
        "consent": {"photo": True, "data_use": True, "given_by": "parent", "language": "en"},
        "presentation": "rash",
        "facts": {"duration_days": 14, "body_sites": ["trunk"], "itch_score": 6, "fever": False},
        "findings": {
            "present": ["ring_shaped", "scaly_edge", "central_clearing", "itchy"],
            "absent": ["numb_patch", "herald_patch"],
        },
        "working_diagnosis": "tinea-corporis",
        "notes": "Mother brought her; shares a bed with her sister.",
        **changes,
    }


def breathless() -> dict[str, Any]:
    """An adult whose face swells and who cannot breathe: an emergency."""
    return {
        "patient": {"age_months": 400, "sex": "male"},
        "facts": {"difficulty_breathing": True, "facial_swelling": True},
        "findings": ["wheals"],
    }


@functools.cache
def a_photo(seed: int = 1, *, size: tuple[int, int] = (640, 480), kind: str = "JPEG") -> bytes:
    """A skin-coloured picture with a ring on it, sharp enough to be judged usable; every seed is
    another picture, the same one whenever it is asked for."""
    chance = random.Random(seed)
    picture = Image.new("RGB", size, (141, 98, 74))
    grain = Image.effect_noise(size, 22).convert("RGB")
    picture = Image.blend(picture, grain, 0.12)
    draw = ImageDraw.Draw(picture)
    x, y = chance.randint(180, 260), chance.randint(120, 180)
    draw.ellipse((x, y, x + 220, y + 200), outline=(96, 48, 40), width=14)
    for _ in range(250):
        px, py = chance.randint(0, size[0] - 3), chance.randint(0, size[1] - 3)
        draw.ellipse((px, py, px + 2, py + 2), fill=(108, 70, 54))
    buffer = io.BytesIO()
    picture.filter(ImageFilter.SHARPEN).save(buffer, format=kind, quality=90)
    return buffer.getvalue()


def upload(content: bytes | None = None, name: str = "photo.jpg", *, seed: int = 1) -> SimpleUploadedFile:
    """A photo as a multipart part."""
    return SimpleUploadedFile(name, a_photo(seed) if content is None else content, content_type="image/jpeg")
