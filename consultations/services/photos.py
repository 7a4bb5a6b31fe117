"""Photos: made safe in the request, stored, and named by a row, or not there at all."""

import hashlib
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from accounts import audit, policy
from accounts.models import User
from consultations import imaging, selectors
from consultations.models import Consultation, Photo
from consultations.services import guards, storage
from dermatech.core.errors import Unprocessable, ValidationFailed
from dermatech.core.ids import uuid7

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredPhoto:
    """A safe photo whose files are written and whose row is not."""

    id: uuid.UUID
    safe: imaging.SafePhoto
    files: Mapping[str, str]
    """Names of the files, by field of `Photo`."""
    key_id: str


def limits() -> imaging.Limits:
    """What is accepted and stored, as the settings say."""
    return imaging.Limits(
        max_upload_bytes=settings.PHOTO_MAX_UPLOAD_BYTES,
        max_bytes=settings.PHOTO_MAX_BYTES,
        long_edge=settings.PHOTO_LONG_EDGE,
        ssim_floor=settings.PHOTO_SSIM_FLOOR,
        ssim_aim=settings.PHOTO_SSIM_AIM,
    )


def make_safe(
    *, actor: User, uploads: Sequence[BinaryIO], consultation: Consultation | None = None
) -> list[imaging.SafePhoto]:
    """Every upload as a safe photo, each distinct one once. One that is refused refuses them all.

    `consultation` is the one the photos are meant for, where it exists already. Raises
    PhotoRefused, which is recorded.
    """
    limit: int = settings.PHOTO_MAX_PER_CONSULTATION
    if len(uploads) > limit:
        raise ValidationFailed.of("image", "too_many_images", f"At most {limit} photos can be sent.")
    safe: dict[str, imaging.SafePhoto] = {}
    for upload in uploads:
        try:
            photo = imaging.make_safe(upload, limits=limits())
        except imaging.PhotoRefused as refusal:
            audit.denied(
                actor=actor,
                action=audit.Action.PHOTO_REFUSED,
                entity=consultation,
                patient=consultation.pk if consultation else None,
                detail={"code": refusal.code},
            )
            raise
        safe.setdefault(photo.source_sha256, photo)
    return list(safe.values())


@contextmanager
def stored(photos: Sequence[imaging.SafePhoto], *, consultation_id: uuid.UUID) -> Iterator[list[StoredPhoto]]:
    """Write the files, and delete them again if the block (with its transaction) fails."""
    written: list[str] = []
    key_id = storage.key_in_use()
    try:
        result = []
        for safe in photos:
            photo_id = uuid7()
            files = {}
            for field, (suffix, content) in _files(safe).items():
                files[field] = storage.write(f"photos/{consultation_id}/{photo_id}.{suffix}", content)
                written.append(files[field])
            result.append(StoredPhoto(photo_id, safe, files, key_id))
        yield result
    except BaseException:
        storage.discard(written)
        raise


def _files(safe: imaging.SafePhoto) -> dict[str, tuple[str, bytes]]:
    """What is stored of a photo, by field of `Photo`: how its name ends, and the content."""
    files = {"file": (safe.format, safe.content), "thumbnail": ("thumbnail.jpeg", safe.thumbnail)}
    if safe.rendition:
        files["rendition"] = ("rendition.jpeg", safe.rendition)
    return files


def insert(*, actor: User, consultation: Consultation, photos: Sequence[StoredPhoto]) -> list[Photo]:
    """The rows of stored photos, in the caller's transaction, each an audit event."""
    rows = []
    for stored_photo in photos:
        safe = stored_photo.safe
        row = Photo.objects.create(
            id=stored_photo.id,
            consultation=consultation,
            sha256_in=safe.source_sha256,
            sha256_out=safe.sha256,
            source_format=safe.source_format,
            format=safe.format,
            width=safe.width,
            height=safe.height,
            bytes=safe.bytes,
            ssim=safe.ssim,
            ssim_full=safe.ssim_full,
            decoder=safe.decoder,
            rendition_sha256=safe.rendition_sha256,
            key_id=stored_photo.key_id,
            **stored_photo.files,
        )
        audit.record(
            actor=actor,
            action=audit.Action.PHOTO_ADDED,
            entity=row,
            patient=consultation.pk,
            detail={"sha256": row.sha256_out, "bytes": row.bytes},
        )
        rows.append(row)
    return rows


@contextmanager
def adding_photo(
    *, actor: User, consultation_id: uuid.UUID, upload: BinaryIO
) -> Iterator[tuple[Consultation, Photo, bool]]:
    """Add one photo; yields (consultation, photo, created) inside the transaction.

    The same upload again is the photo that is there already. Raises NotFound, Forbidden, Conflict,
    Unprocessable, PhotoRefused, StorageUnavailable.
    """
    policy.require(actor, policy.Permission.CONSULTATION_WRITE)
    consultation = selectors.consultation_for(actor, consultation_id)
    guards.check_open(consultation)
    guards.check_photo_consent(consultation)
    (safe,) = make_safe(actor=actor, uploads=[upload], consultation=consultation)
    known = consultation.photos.filter(sha256_in=safe.source_sha256).first()
    if known is not None:
        with transaction.atomic():
            record_read(actor=actor, photo=known)
            yield consultation, known, False
        return
    with stored([safe], consultation_id=consultation.pk) as files, transaction.atomic():
        consultation = guards.locked(consultation)
        check_room(consultation, more=1)
        (photo,) = insert(actor=actor, consultation=consultation, photos=files)
        guards.bump(consultation)
        yield consultation, photo, True


def check_room(consultation: Consultation, *, more: int) -> None:
    """Raise Unprocessable when `more` photos would be too many."""
    limit: int = settings.PHOTO_MAX_PER_CONSULTATION
    if consultation.photos.count() + more > limit:
        raise Unprocessable(f"A consultation holds at most {limit} photos.", code="too_many_images")


def record_read(*, actor: User, photo: Photo) -> None:
    """Somebody looked at a photo (or was told what is known of it)."""
    audit.record(actor=actor, action=audit.Action.PHOTO_READ, entity=photo, patient=photo.consultation_id)


def content(*, actor: User, photo: Photo, thumbnail: bool) -> bytes:
    """The picture, its reading recorded. Raises StorageUnavailable, and then nothing is recorded."""
    picture = stored_picture(photo, thumbnail=thumbnail)
    with transaction.atomic():
        record_read(actor=actor, photo=photo)
    return picture


def stored_picture(photo: Photo, *, thumbnail: bool = False) -> bytes:
    """The picture as it was made safe, for work on it that is recorded elsewhere. Raises
    StorageUnavailable, and PictureDamaged when the file is not the one that was stored."""
    field = "thumbnail" if thumbnail else "file"
    try:
        picture = _read(photo, field)
    except storage.StorageUnavailable:
        # Its key may have been changed meanwhile, which gives files new names.
        now = Photo.objects.filter(pk=photo.pk).exclude(file=photo.file.name).first()
        if now is None:
            raise
        picture = _read(now, field)
    if not thumbnail and hashlib.sha256(picture).hexdigest() != photo.sha256_out:
        logger.error("photo %s is not the picture that was stored", photo.pk)
        raise storage.PictureDamaged
    return picture


def picture_to_judge(photo: Photo) -> bytes:
    """The picture that machines look at: the rendition, which is quick to decode. Where there is none, or
    not the one that was stored, the photo itself. Raises as `stored_picture`."""
    return rendition(photo) or stored_picture(photo)


def rendition(photo: Photo) -> bytes | None:
    """The rendition as it was stored; None where there is none to be had, which costs time and no more."""
    if not photo.rendition:
        return None
    try:
        content = _read(photo, "rendition")
    except storage.StorageUnavailable:
        return None  # logged where it happened
    if hashlib.sha256(content).hexdigest() != photo.rendition_sha256:
        logger.error("the rendition of photo %s is not the one that was stored", photo.pk)
        return None
    return content


def _read(photo: Photo, field: str) -> bytes:
    return storage.read(getattr(photo, field).name, sealed=bool(photo.key_id))
