"""Generated pictures, none of a person: skin-like colours and texture, known orientation, every format."""

import io
import struct
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image, ImageCms, ImageFilter

pillow_heif.register_heif_opener()

ORIENTATION = 0x0112
# What is stored -> upright, by EXIF orientation, the other way round: upright -> stored.
TURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
CORNERS = ((200, 40, 40), (40, 160, 60), (40, 60, 200), (210, 200, 60))


def quarters(width: int = 320, height: int = 200) -> Image.Image:
    """Red, green over blue, yellow: tells how it was turned."""
    picture = Image.new("RGB", (width, height))
    for index, colour in enumerate(CORNERS):
        left, top = (index % 2) * width // 2, (index // 2) * height // 2
        picture.paste(colour, (left, top, left + width // 2, top + height // 2))
    return picture


def corners_of(picture: Image.Image) -> list[tuple[int, ...]]:
    """The colours in the middle of each quarter, row by row."""
    w, h = picture.size
    spots = ((w // 4, h // 4), (3 * w // 4, h // 4), (w // 4, 3 * h // 4), (3 * w // 4, 3 * h // 4))
    rgb = picture.convert("RGB")
    return [tuple(rgb.getpixel(spot)) for spot in spots]  # type: ignore[arg-type]


@lru_cache(maxsize=8)
def skin(
    width: int = 640,
    height: int = 480,
    *,
    colour: tuple[int, int, int] = (198, 150, 122),
    noise: float = 4.0,
    light: float = 1.0,
    seed: int = 7,
) -> Image.Image:
    """Skin-like texture with a darker, redder spot in the middle."""
    random = np.random.default_rng(seed)
    fine = random.normal(0, 1, (height // 2, width // 2)).astype(np.float32)
    texture = np.asarray(
        Image.fromarray(fine).filter(ImageFilter.BoxBlur(0)).resize((width, height), Image.Resampling.BICUBIC)
    )
    coarse = random.normal(0, 1, (height // 24 + 2, width // 24 + 2)).astype(np.float32)
    shade = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    y, x = np.ogrid[:height, :width]
    distance = np.hypot(x - width / 2, y - height / 2) / (min(width, height) / 5)
    spot = 1 / (1 + np.exp(8 * (distance - 1)))
    pixels = np.empty((height, width, 3), np.float32)
    for channel in range(3):
        base = colour[channel] * (1 - spot * (0.25, 0.45, 0.45)[channel])
        pixels[..., channel] = base + 10 * texture + 5 * shade
    pixels = pixels * light + random.normal(0, noise, (height, width, 1)).astype(np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def pack(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode as JPEG, PNG, WEBP or HEIF."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def unpack(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def luma(picture: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(picture.convert("L"))


def likeness(one: Image.Image, two: Image.Image) -> float:
    """SSIM by scikit-image, with the settings of Wang et al."""
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(  # type: ignore[no-untyped-call]
            luma(one),
            luma(two),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
    )


def exif(orientation: int = 1, *, marker: str = "PLANTED") -> bytes:
    """EXIF with an orientation, GPS and a planted marker."""
    block = Image.Exif()
    block[ORIENTATION] = orientation
    block[0x010E] = marker
    block.get_ifd(0x8825).update({1: "N", 2: (5.0, 33.0, 21.6), 3: "W", 4: (0.0, 11.0, 48.1)})
    return block.tobytes()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, *, rows: bytes = b"", depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that says what it likes about its size."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows or b"\0" * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def wide_profile() -> bytes:
    """An RGB profile whose red and green are far from sRGB's: its curves are linear."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    tags = {}
    for index in range(count):
        at = 132 + 12 * index
        tags[bytes(profile[at : at + 4])] = at
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)
