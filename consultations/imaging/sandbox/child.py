"""The child's life: confine itself, get ready, then one file after another until its stdin ends."""

import importlib
import io
import os
import sys
import warnings
from typing import Any, BinaryIO

from . import confine, wire
from .refusal import Refused

# Far above the 10 MB that intake lets through; the parent says more exactly.
_MOST_BYTES = 256 * 1024 * 1024


class Ended(Exception):
    """The parent closed the pipe."""


def main() -> None:
    """`argv` is: the parent's pid, bytes of address space."""
    confine.die_with_parent(int(sys.argv[1]))
    confine.limit_resources(int(sys.argv[2]))
    warnings.simplefilter("ignore")
    requests, answers = _take_pipes()
    _get_ready()
    filtered = confine.refuse_system_calls()
    _send(answers, {"ready": True, "filtered": filtered}, [])
    serve(requests, answers)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer messages until the stream ends."""

    def read_exactly(count: int) -> bytes:
        data = requests.read(count)
        if len(data) < count:
            raise Ended
        return data

    while True:
        try:
            head, blobs = wire.read(read_exactly, most=_MOST_BYTES)
        except Ended:
            return
        confine.limit_time(head["cpu_seconds"], head["wall_seconds"])
        answer, out = handle(head, blobs[0])
        _send(answers, answer, out)
        del blobs, out
        confine.rest()


def handle(head: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """One file. Whatever a decoder raises becomes a code: this is the one place that must not let
    anything through, because every broken file has its own exception."""
    from .work import Job, make_safe

    try:
        return make_safe(Job.parse(head), data)
    except Refused as refused:
        return {"refused": refused.code, "why": refused.why[:200]}, []
    except MemoryError:
        return {"refused": "image_bomb", "why": "out of memory"}, []
    except (ImportError, PermissionError) as error:
        # The filter forbade something that a library needs: our fault, not the file's.
        return {"broken": type(error).__name__}, []
    except Exception as error:
        return {"refused": code_of(error), "why": type(error).__name__}, []


def code_of(error: Exception) -> str:
    """The code for what a decoder raised."""
    words = str(error).lower()
    if isinstance(error, EOFError) or any(
        sign in words for sign in ("truncated", "end of file", "end-of-file")
    ):
        return "image_truncated"
    return "image_unreadable"


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Our ends of the two pipes. What a library prints goes nowhere."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return requests, answers


# What Pillow would import only when a file asks for it.
_LAZY = (
    "ExifTags",
    "ImageColor",
    "ImageFile",
    "ImageFilter",
    "ImagePalette",
    "MpoImagePlugin",
    "TiffImagePlugin",
    "TiffTags",
)


def _get_ready() -> None:
    """Import and run everything once: nothing can be loaded after the filter is on."""
    from PIL import Image

    from .work import Job, make_safe

    for name in _LAZY:
        importlib.import_module(f"PIL.{name}")
    Image.preinit()
    bounds = {"max_pixels": 10_000, "min_side": 8, "max_side": 1000, "long_edge": 1000}
    rest: dict[str, Any] = {"max_bytes": 100_000, "ssim_floor": 0.5, "ssim_aim": 0.5}
    rest |= {"thumbnail_edge": 16, "rendition_edge": 16}
    picture = Image.linear_gradient("L").resize((32, 32)).convert("RGB")
    for kind in ("jpeg", "png", "webp"):
        sample = io.BytesIO()
        picture.save(sample, kind)
        make_safe(Job.parse({"kind": kind, **bounds, **rest}), sample.getvalue())
    handle({"kind": "heif", **bounds, **rest}, b"\0\0\0\x18ftypheic\0\0\0\0heicmif1")


def _send(answers: BinaryIO, head: dict[str, Any], blobs: list[bytes]) -> None:
    answers.write(wire.pack(head, [len(blob) for blob in blobs]))
    for blob in blobs:
        answers.write(blob)
    answers.flush()
