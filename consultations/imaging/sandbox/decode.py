"""From the bytes of any accepted format to upright 8-bit sRGB pixels that carry nothing else."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from .headers import Header, check_boxes, orientation_of, png_essentials, read_header
from .refusal import Refused

# Sizes are checked on the header by `check_size`; Pillow's own guard would only warn.
Image.MAX_IMAGE_PIXELS = None

_PLUGINS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
}
# EXIF orientation -> what makes the picture upright (EXIF 2.32, tag 0x0112).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
# Four times the most pixels a phone camera makes: no camera's picture, but one made to exhaust memory.
_BOMB = 4
# libjpeg halves, quarters and eighths while decoding, at a fraction of the cost. A result down to this
# share of the wanted long edge is taken as it is.
_NEAR_ENOUGH = 0.9
# Rows that are made smaller at once.
_BAND = 256


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is accepted, in pixels, and the longest edge that is stored."""

    max_pixels: int
    min_side: int
    max_side: int
    long_edge: int


@dataclass(slots=True)
class Upright:
    """The upright picture in sRGB at the resolution to store, and the size it was sent in.
    `full` gives its luma at that size, upright, when the picture was made smaller."""

    picture: Image.Image
    width: int
    height: int
    full: Callable[[], Image.Image] | None
    decoder: str


def check_size(width: int, height: int, bounds: Bounds) -> None:
    """Raises Refused: image_bomb, image_too_large or image_too_small."""
    pixels = width * height
    if pixels > _BOMB * bounds.max_pixels:
        raise Refused("image_bomb", f"{width} x {height}")
    if pixels > bounds.max_pixels or max(width, height) > bounds.max_side:
        raise Refused("image_too_large", f"{width} x {height}")
    if min(width, height) < bounds.min_side:
        raise Refused("image_too_small", f"{width} x {height}")


def decode(data: bytes, kind: str, bounds: Bounds) -> Upright:
    """Raises Refused, or whatever a decoder raises on a broken file."""
    if kind == "heif":
        image, header = _open_heif(data, bounds)
    else:
        image, header = _open(data, kind, bounds)
    orientation = header.orientation
    full: Callable[[], Image.Image] | None = None
    if _reduce_while_decoding(image, bounds.long_edge):
        full = partial(_full_luma, data, orientation)
    image.load()
    profile = image.info.get("icc_profile")
    flat = _eight_bit(image)
    del image  # or its pixels would be held until the end
    fitted = _fitted_size(flat.size, bounds.long_edge)
    if fitted != flat.size:
        full = full or _keep(_upright(flat.convert("L"), orientation))
        flat = _smaller(flat, fitted)
    picture = _upright(_bare(_to_srgb(flat, profile)), orientation)
    width, height = header.width, header.height
    if orientation >= 5:
        width, height = height, width
    return Upright(picture, width, height, full, _decoder_name(kind))


def _open(data: bytes, kind: str, bounds: Bounds) -> tuple[Image.Image, Header]:
    header = read_header(data, kind)
    check_size(header.width, header.height, bounds)
    if header.animated:
        raise Refused("image_animated")
    image = _PLUGINS[kind](io.BytesIO(png_essentials(data) if kind == "png" else data))
    if image.size != (header.width, header.height):
        raise Refused("image_unreadable", "the header contradicts itself")
    return image, header


def _open_heif(data: bytes, bounds: Bounds) -> tuple[Image.Image, Header]:
    check_boxes(data)
    container = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    if len(container) != 1:
        raise Refused("image_animated", f"{len(container)} pictures")
    width, height = container[0].size
    check_size(width, height, bounds)
    # Rotation and mirroring stand in HEIF's own properties, which the library has applied; its EXIF
    # orientation is for information and must not be applied again.
    image = container.to_pillow()
    if image.size != (width, height):
        raise Refused("image_unreadable", "the header contradicts itself")
    return image, Header(width, height)


def _reduce_while_decoding(image: Image.Image, long_edge: int) -> bool:
    """Let libjpeg scale a large JPEG by M/8 while it decodes. Says whether it will."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or image.mode not in {"RGB", "L"}:
        return False
    longest = max(image.size)
    factor = next((n for n in (8, 4, 2) if longest / n >= long_edge * _NEAR_ENOUGH), 1)
    if factor == 1:
        return False
    image.draft(image.mode, (image.width // factor, image.height // factor))
    return True


def _full_luma(data: bytes, orientation: int) -> Image.Image:
    """Decoded again, grey alone and only when it is asked for: in colour, and all the time, it would
    double the memory of the largest photos."""
    full = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    full.draft("L", full.size)
    return _upright(full, orientation)


def _keep(picture: Image.Image) -> Callable[[], Image.Image]:
    return lambda: picture


def _eight_bit(image: Image.Image) -> Image.Image:
    """RGB, L or CMYK in 8 bits without alpha; what is transparent becomes white."""
    if image.mode in {"RGB", "L", "CMYK"} and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        return _from_sixteen_bit(image)
    if image.mode == "1":
        return image.convert("L")
    if image.mode in {"LA", "La"}:
        return _over_white(image.convert("LA"), "L")
    if image.mode == "P" and "transparency" not in image.info:
        return image.convert("RGB")
    if image.mode in {"P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "L"}:
        return _over_white(image.convert("RGBA"), "RGB")
    raise Refused("image_unreadable", f"pixels of kind {image.mode}")


def _from_sixteen_bit(image: Image.Image) -> Image.Image:
    samples = np.asarray(image)
    return Image.fromarray((samples >> 8).clip(0, 255).astype(np.uint8))


def _over_white(image: Image.Image, mode: str) -> Image.Image:
    paper = Image.new(mode, image.size, "white")
    paper.paste(image.convert(mode), mask=image.getchannel("A"))
    return paper


def _fitted_size(size: tuple[int, int], long_edge: int) -> tuple[int, int]:
    scale = long_edge / max(size)
    if scale >= 1:
        return size
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _smaller(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Lanczos, after a reduction by whole numbers where that is far: as good to the eye and faster. In
    bands, each of which sees its neighbours' rows, so that nothing shows and Pillow's copy between the
    two passes stays small: at 24 megapixels it alone has 70 MB."""
    (width, height), (across, down) = size, image.size
    smaller = Image.new(image.mode, size)
    for top in range(0, height, _BAND):
        bottom = min(top + _BAND, height)
        box = (0, top * down / height, across, bottom * down / height)
        band = image.resize((width, bottom - top), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
        smaller.paste(band, (0, top))
    return smaller


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply the colour profile. One that is broken or for other pixels is ignored, as browsers do."""
    converted = _by_profile(image, profile) if profile else None
    if converted is None:
        return image if image.mode == "RGB" else image.convert("RGB")
    return converted


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space != _SPACES[image.mode] or _is_srgb(source):
            return None
        return ImageCms.profileToProfile(
            image, source, _SRGB, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _is_srgb(source: ImageCms.ImageCmsProfile) -> bool:
    """Whether the primaries are sRGB's, to three digits: then there is nothing to convert."""
    has, wanted = source.profile, _SRGB.profile
    if "sRGB" not in (has.profile_description or ""):
        return False
    return (
        _same(has.red_colorant, wanted.red_colorant)
        and _same(has.green_colorant, wanted.green_colorant)
        and _same(has.blue_colorant, wanted.blue_colorant)
    )


_Colorant = tuple[tuple[float, float, float], tuple[float, float, float]] | None


def _same(one: _Colorant, two: _Colorant) -> bool:
    if one is None or two is None:
        return False
    return all(abs(a - b) < 2e-3 for a, b in zip(one[0], two[0], strict=True))


def _bare(image: Image.Image) -> Image.Image:
    """A picture of these pixels and no other thing: no comment, profile, EXIF or palette. The pixels
    are not copied, which at 12 megapixels would hold another 48 MB."""
    bare = Image.Image._new(image, image.im)
    bare.info, bare.palette = {}, None
    return bare


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _decoder_name(kind: str) -> str:
    return _HEIF_NAME if kind == "heif" else _PILLOW_NAME


def _names() -> tuple[str, str]:
    from PIL import __version__, features

    pillow = f"pillow {__version__} libjpeg-turbo {features.version_feature('libjpeg_turbo')}"
    pillow += f" webp {features.version_module('webp')} lcms {features.version_module('littlecms2')}"
    heif = f"pillow-heif {pillow_heif.__version__} libheif {pillow_heif.libheif_version()}"
    return pillow, heif


_PILLOW_NAME, _HEIF_NAME = _names()
__all__ = ["Bounds", "Upright", "check_size", "decode", "orientation_of"]
