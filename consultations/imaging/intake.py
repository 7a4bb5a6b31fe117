"""From an upload to a safe photo: bounded file, hash, kind, then the pixels in the child."""

import hashlib
import logging
import signal
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from dermatech.core.errors import Unavailable

from .bare import foreign_parts
from .magic import SNIFFED, sniff
from .photo import CODES, Limits, PhotoRefused, SafePhoto
from .pool import POOL, Pool
from .process import ChildDied, ChildTooSlow
from .sandbox.wire import Garbled

logger = logging.getLogger(__name__)

_PIECE = 64 * 1024
# Smaller uploads never touch the disk.
_IN_MEMORY = 512 * 1024
_MOST_THUMBNAIL, _MOST_RENDITION = 200_000, 4_000_000
# Signals by which a decoder ends itself over a file; any other came from outside.
_OF_THE_FILE = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGSYS}
# The child's clock is the parent's; its own alarm only matters should the parent be gone.
_ALARM_SLACK = 5.0
_DOWN = "The photo could not be read now; send it again shortly."


def make_safe(
    source: BinaryIO | Path, *, limits: Limits | None = None, pool: Pool | None = None
) -> SafePhoto:
    """Turn any phone's picture into a small, upright, faithful one without metadata.

    `source` is read once from where it stands. Raises PhotoRefused when the file is at fault and
    Unavailable (503) when we are.
    """
    limits = limits or Limits()
    if isinstance(source, Path):
        with source.open("rb") as file:
            return make_safe(file, limits=limits, pool=pool)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as held:
        size, digest = _spool(source, held, limits.max_upload_bytes)
        kind = _kind(held)
        answer, blobs = _in_child(pool or POOL, kind, held, size, limits)
    if "broken" in answer:
        logger.error("photo.child_broken", extra={"error": str(answer["broken"])})
        raise Unavailable(_DOWN, code="photos_down")
    if "refused" in answer:
        raise _refusal(answer, digest)
    return _checked(answer, blobs, limits, kind=kind, size=size, digest=digest)


def _spool(source: BinaryIO, held: Any, most: int) -> tuple[int, str]:
    """Copy piece by piece, hashing; stop at the first byte too many."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(_PIECE):
        size += len(piece)
        if size > most:
            raise PhotoRefused("image_too_large_upload")
        digest.update(piece)
        try:
            held.write(piece)
        except OSError as error:
            logger.error("photo.spool_failed", extra={"errno": error.errno})
            raise Unavailable(_DOWN, code="storage_down") from error
    return size, digest.hexdigest()


def _kind(held: Any) -> str:
    held.seek(0)
    start = held.read(SNIFFED)
    held.seek(0)
    if not start:
        raise PhotoRefused("image_unreadable", "The file is empty; take the photo again.")
    kind = sniff(start)
    if kind is None:
        raise PhotoRefused("image_unsupported")
    return kind


def _in_child(
    pool: Pool, kind: str, held: Any, size: int, limits: Limits
) -> tuple[dict[str, Any], list[bytes]]:
    job = {**asdict(limits), "kind": kind, "wall_seconds": limits.wall_seconds + _ALARM_SLACK}
    most = limits.max_bytes + _MOST_THUMBNAIL + _MOST_RENDITION
    try:
        with pool.child() as child:
            return child.ask(job, held, size, seconds=limits.wall_seconds, most=most)
    except ChildTooSlow as error:
        raise PhotoRefused("image_timeout") from error
    except ChildDied as error:
        raise _of_death(error.returncode) from error
    except Garbled as error:
        logger.error("photo.child_garbled")
        raise Unavailable(_DOWN, code="photos_down") from error


def _of_death(returncode: int) -> PhotoRefused | Unavailable:
    """Whose fault it was that the child died."""
    logger.warning("photo.child_died", extra={"returncode": returncode})
    if returncode in {-signal.SIGXCPU, -signal.SIGALRM}:
        return PhotoRefused("image_timeout")
    if returncode > 0 or -returncode in _OF_THE_FILE:
        return PhotoRefused("image_unreadable")
    return Unavailable(_DOWN, code="photos_down")


def _refusal(answer: dict[str, Any], digest: str) -> PhotoRefused:
    code = answer["refused"] if answer["refused"] in CODES else "image_unreadable"
    logger.info("photo.refused", extra={"code": code, "why": str(answer.get("why", "")), "sha256": digest})
    return PhotoRefused(code)


def _checked(
    answer: dict[str, Any], blobs: list[bytes], limits: Limits, *, kind: str, size: int, digest: str
) -> SafePhoto:
    """Believe nothing that can be looked at: the child has read a stranger's file."""
    try:
        content, thumbnail, rendition = blobs
        format_ = str(answer["format"])
        pictures = [(content, format_), (thumbnail, "jpeg"), *([(rendition, "jpeg")] if rendition else [])]
        if any(foreign_parts(picture, its_format) for picture, its_format in pictures):
            raise ValueError("the answer carries more than pixels")
        if len(content) >= limits.max_bytes:
            raise ValueError("the answer is too large")
        return SafePhoto(
            content=content,
            format=format_,
            width=int(answer["width"]),
            height=int(answer["height"]),
            bytes=len(content),
            ssim=float(answer["ssim"]),
            ssim_full=float(answer["ssim_full"]),
            quality=int(answer["quality"]),
            source_format=kind,
            source_width=int(answer["source_width"]),
            source_height=int(answer["source_height"]),
            source_bytes=size,
            source_sha256=digest,
            sha256=hashlib.sha256(content).hexdigest(),
            thumbnail=thumbnail,
            rendition=rendition,
            rendition_sha256=hashlib.sha256(rendition).hexdigest() if rendition else "",
            decoder=str(answer["decoder"])[:200],
        )
    except (KeyError, TypeError, ValueError) as error:
        logger.error("photo.child_answer_rejected", extra={"error": str(error)})
        raise Unavailable(_DOWN, code="photos_down") from error
