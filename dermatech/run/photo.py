"""A sample photo drawn by the program itself: a ring on brown skin, taken sideways by a phone that
writes down where it stood. No patient was photographed for it."""

import io
import sys
from pathlib import Path

import numpy
from PIL import Image

WIDTH, HEIGHT = 1600, 1200
_SKIN = numpy.array([141.0, 96.0, 68.0])
_RING = numpy.array([30.0, -24.0, -18.0])
_ORIENTATION, _MAKE, _MODEL, _GPS = 0x0112, 0x010F, 0x0110, 0x8825
_ROTATE_RIGHT = 6  # the phone was held upright: the picture lies on its side


def _skin(random: numpy.random.Generator) -> "numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float64]]":
    """Brown skin with light from one side, broad mottling and fine pores; (HEIGHT, WIDTH, 3)."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    light = 1.12 - 0.28 * numpy.hypot((x - 640) / WIDTH, (y - 430) / HEIGHT)
    coarse = Image.fromarray(random.normal(0, 1, (12, 16)).astype("float32"))
    mottling = numpy.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) * 3.0
    pores = random.normal(0, 4.0, (HEIGHT, WIDTH))
    picture = _SKIN[None, None, :] * light[:, :, None] + (mottling + pores)[:, :, None]
    return numpy.asarray(picture, dtype=numpy.float64)


def _ring(random: numpy.random.Generator) -> "numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float64]]":
    """How strongly each pixel belongs to the raised, scaly edge; (HEIGHT, WIDTH), 0 to about 1."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    angle = numpy.arctan2(y - 600, x - 800)
    wobble = (
        1 + 0.03 * numpy.sin(2 * angle + 0.6) + 0.018 * numpy.sin(5 * angle) + 0.008 * numpy.sin(23 * angle)
    )
    distance = numpy.hypot((x - 800) / 1.12, y - 600)
    fades = 0.8 + 0.2 * numpy.sin(angle + 1.1)  # an edge is never equally raised all the way round
    edge = fades * numpy.exp(-(((distance - 330 * wobble) / 36) ** 2))
    inside = 0.25 / (1 + numpy.exp((distance - 310 * wobble) / 22))
    flakes = numpy.asarray(
        Image.fromarray(random.normal(0, 1, (HEIGHT // 6, WIDTH // 6)).astype("float32")).resize(
            (WIDTH, HEIGHT), Image.Resampling.BICUBIC
        )
    )
    return numpy.asarray(edge * (1.2 - 0.7 * numpy.abs(flakes)) + inside, dtype=numpy.float64)


def sample_photo() -> bytes:
    """A JPEG of 1600 x 1200 pixels stored on its side, with an EXIF block that names a place: the
    same bytes each time for the same Pillow."""
    random = numpy.random.default_rng(7)
    picture = _skin(random) + _ring(random)[:, :, None] * _RING[None, None, :]
    image = Image.fromarray(picture.clip(0, 255).astype("uint8"))
    exif = Image.Exif()
    exif[_MAKE], exif[_MODEL], exif[_ORIENTATION] = "Sample", "Drawn by a program", _ROTATE_RIGHT
    place = exif.get_ifd(_GPS)
    place[1], place[2], place[3], place[4] = "N", (5.0, 33.0, 22.0), "W", (0.0, 11.0, 48.0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=93, exif=exif)
    return file.getvalue()


def main() -> None:
    """`python -m dermatech.run.photo FILE` writes the sample photo to FILE."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m dermatech.run.photo FILE.jpg")
    Path(sys.argv[1]).write_bytes(sample_photo())


if __name__ == "__main__":
    main()
