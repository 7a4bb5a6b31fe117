"""Photos as phones take them: 12 megapixels, and as the app sends them on."""

import functools
import io

import numpy
from PIL import Image

FULL = (4000, 3000)
# What the README tells an app to do: scale down, compress, and compress more what is still large.
LONG_EDGE, QUALITY, STEP = 1600, 80, 5
MOST_BYTES = 320_000


@functools.cache
def full(seed: int = 0) -> Image.Image:
    """12 megapixels of mottled skin with pores, hairs' width scales and a ring; noisy as a phone's sensor."""
    random = numpy.random.default_rng(seed)
    width, height = FULL
    y, x = numpy.mgrid[0:height:4, 0:width:4].astype("float32")
    distance = numpy.hypot(x - width * random.uniform(0.4, 0.6), y - height * random.uniform(0.4, 0.6))
    ring = 26 * numpy.exp(-(((distance - 780) / 90) ** 2))
    light = 1.1 - 0.25 * distance / width
    base = numpy.stack([141 * light + ring, 96 * light - ring, 68 * light - ring], axis=2)
    smooth = Image.fromarray(base.clip(0, 255).astype("uint8")).resize(FULL, Image.Resampling.BICUBIC)
    picture = numpy.asarray(smooth).astype("int16")
    for scale, strength in ((64, 5.0), (8, 5.0), (2, 6.0)):  # mottling, pores, scales
        small = random.normal(0, strength, (height // scale, width // scale)).astype("float32")
        grown = Image.fromarray(small).resize(FULL, Image.Resampling.BICUBIC)
        picture += numpy.asarray(grown).astype("int16")[:, :, None]
    picture += random.normal(0, 3.0, picture.shape).astype("int16")
    return Image.fromarray(picture.clip(0, 255).astype("uint8"))


@functools.cache
def prescaled(seed: int = 0, *, noise: float = 0.0) -> bytes:
    """What an app makes of it before it sends. `noise`: of a sensor in the dark, in grey levels."""
    picture = full(seed)
    if noise:
        grain = numpy.random.default_rng(seed).normal(0, noise, (FULL[1] // 2, FULL[0] // 2, 3))
        grown = numpy.repeat(numpy.repeat(grain, 2, axis=0), 2, axis=1).astype("int16")
        picture = Image.fromarray((numpy.asarray(picture) + grown).clip(0, 255).astype("uint8"))
    small = picture.copy()
    small.thumbnail((LONG_EDGE, LONG_EDGE), Image.Resampling.LANCZOS)
    for quality in range(QUALITY, 0, -STEP):
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= MOST_BYTES:
            break
    return buffer.getvalue()
