"""What happens to an upload: begun, appended to, made a photo, ended, tidied away."""

import logging
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import BinaryIO, cast

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts import audit, policy
from accounts.models import User
from consultations import selectors
from consultations.imaging import PhotoRefused
from consultations.models import Consultation, Upload, UploadState
from consultations.services import analyses, guards, photos, storage
from consultations.uploads import parts
from consultations.uploads.holding import FINISHING, Hold, Locked, hold, take_over
from dermatech.core.errors import Conflict, DomainError, NotFound, Unavailable

logger = logging.getLogger(__name__)

# A phone may be without a network for a night and a day of travel.
LIFETIME = timedelta(days=2)
# For how long a phone may still ask what became of it.
REMEMBERED = timedelta(days=30)
# Per person; a phone has a handful of photos in its hands.
MOST_OPEN = 10
_BATCH = 200


class Gone(DomainError):
    """410: the upload came to its end without becoming a photo."""

    status = HTTPStatus.GONE
    code = "upload_expired"
    detail = "The time for this upload is over; begin a new one."


def begin(*, actor: User, consultation_id: uuid.UUID, length: int, metadata: str) -> Upload:
    """A new upload for a consultation, in the caller's transaction. What would refuse the photo at its
    end, and can be known now, refuses it before the bytes are paid for.

    Raises NotFound, Forbidden, Conflict, Unprocessable, PhotoRefused, Unavailable.
    """
    policy.require(actor, policy.Permission.CONSULTATION_WRITE)
    consultation = selectors.consultation_for(actor, consultation_id)
    guards.check_open(consultation)
    guards.check_photo_consent(consultation)
    photos.check_room(consultation, more=1)
    if length > settings.PHOTO_MAX_UPLOAD_BYTES:
        raise PhotoRefused("image_too_large_upload")
    _check_bounds(actor, length)
    return Upload.objects.create(
        owner=actor,
        consultation=consultation,
        length=length,
        metadata=metadata,
        expires_at=timezone.now() + LIFETIME,
    )


def _check_bounds(actor: User, length: int) -> None:
    """Uploads of one person, and bytes of all, that may wait at a time."""
    User.objects.select_for_update().filter(pk=actor.pk).first()  # one that begins after another
    waiting = Upload.objects.filter(state=UploadState.OPEN, expires_at__gt=timezone.now())
    if waiting.filter(owner=actor).count() >= MOST_OPEN:
        raise Conflict(
            f"{MOST_OPEN} of your uploads are open; finish one or end it by DELETE.", code="too_many_uploads"
        )
    total = waiting.aggregate(total=Sum("length"))["total"] or 0
    if total + length > settings.UPLOADS_MAX_BYTES:
        raise Unavailable(
            "Too many uploads wait at this moment; send the photo in one request, or try again later.",
            code="uploads_full",
            retry_after=300,
        )


def upload_for(actor: User, upload_id: uuid.UUID) -> Upload:
    """One's own upload. Raises NotFound, the same for another person's and for none."""
    found = Upload.objects.filter(owner=actor, pk=upload_id).first()
    if found is None:
        audit.denied(
            actor=actor, action=audit.Action.ACCESS_DENIED, entity=("consultations.upload", str(upload_id))
        )
        raise NotFound
    if found.state == UploadState.OPEN and found.expires_at <= timezone.now():
        found.state = UploadState.EXPIRED  # the clean-up only has not come by yet
    return found


def check_alive(upload: Upload) -> None:
    """Raise Gone where nothing can be appended any more and no photo came of it."""
    if upload.state == UploadState.EXPIRED:
        raise Gone
    if upload.state == UploadState.REFUSED:
        raise Gone(f"The photo was refused: {upload.error_detail}", code=upload.error_code)


def append(
    *, upload: Upload, offset: int, source: BinaryIO, length: int, checksum: parts.Checksum | None = None
) -> Upload:
    """Append `length` bytes at `offset`; the last of them makes it a photo. Returns the upload as it is
    then. Raises Gone, Conflict, PhotoRefused, Locked, CutOff, ChecksumMismatch, and what a photo raises."""
    check_alive(upload)
    if upload.state == UploadState.DONE:
        _check_fits(upload, offset, length)
        return upload
    with hold(upload.pk) as held:
        current = Upload.objects.get(pk=upload.pk)
        _check_fits(current, offset, length)
        writer = parts.Writer(held, current.received, list(current.parts), checksum)
        writer.take(source, length)
        if writer.received == current.length:
            _finish(held)
    return Upload.objects.get(pk=upload.pk)


def _check_fits(upload: Upload, offset: int, length: int) -> None:
    if offset != upload.received:
        raise Conflict(
            f"{upload.received:,} bytes are here; go on from there.",
            code="offset_mismatch",
            headers={"Upload-Offset": str(upload.received)},
        )
    if offset + length > upload.length:
        raise PhotoRefused(
            "image_too_large_upload", f"This upload was said to have {upload.length:,} bytes, not more."
        )


def resume(upload: Upload) -> Upload:
    """What a phone asks for that comes back: the upload is its alone again, and one that lacks nothing
    but the last step gets it. Returns the upload as it is then."""
    if upload.state == UploadState.OPEN:
        take_over(upload.pk)
        upload = Upload.objects.get(pk=upload.pk)
    return settle(upload)


def settle(upload: Upload) -> Upload:
    """Make a photo of a complete upload that is none yet, because something was down or ended. Raises
    what a photo raises."""
    if upload.state == UploadState.OPEN and upload.is_complete:
        with suppress(Locked), hold(upload.pk) as held:
            _finish(held)
        return Upload.objects.get(pk=upload.pk)
    return upload


def finish_by_id(upload_id: uuid.UUID) -> None:
    """`settle` for the worker: what the photo lacks is said in the row, and tried again where it may help."""
    upload = Upload.objects.filter(pk=upload_id).first()
    if upload is not None:
        try:
            settle(upload)
        except DomainError as error:
            logger.warning("upload %s is no photo: %s", upload_id, error.code)


def _finish(held: Hold) -> None:
    """The way of every photo: made safe, stored, analysed, in the name of who sent it. Twice is once."""
    held.change(lease=FINISHING)
    upload = Upload.objects.select_related("owner").get(pk=held.upload_id)
    whole = cast(BinaryIO, parts.Joined(upload.parts))
    try:
        with analyses.submitting_upload(
            actor=upload.owner, consultation_id=upload.consultation_id, upload=whole
        ) as analysis:
            held.change(
                state=UploadState.DONE, photo=analysis.photos.get(), analysis=analysis, parts=[], metadata=""
            )
    except DomainError as error:
        damaged = isinstance(error, storage.PictureDamaged)
        if isinstance(error, Locked) or (error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not damaged):
            raise  # it may go well later, and is tried again
        held.change(
            state=UploadState.REFUSED, error_code=error.code, error_detail=error.detail, parts=[], metadata=""
        )
        parts.discard(upload.parts)
        raise
    parts.discard(upload.parts)


def end(upload: Upload) -> None:
    """The phone does not want it any more. Whoever appends at this moment writes into nothing."""
    check_alive(upload)
    with transaction.atomic():
        row = Upload.objects.select_for_update().filter(pk=upload.pk).first()
        if row is not None:
            row.delete()
            transaction.on_commit(lambda: parts.discard(row.parts))


def forget(consultation: Consultation) -> None:
    """What is on its way to a consultation whose pictures are taken away, in the caller's transaction."""
    for row in Upload.objects.select_for_update().filter(consultation=consultation):
        files = list(row.parts)
        row.delete()
        transaction.on_commit(lambda files=files: parts.discard(files))  # type: ignore[misc]


def expire() -> int:
    """Take away the parts of uploads whose time is over, and rows nobody asks about any more. Returns
    how many expired."""
    now = timezone.now()
    over = Upload.objects.filter(state=UploadState.OPEN, expires_at__lte=now)
    count = 0
    for upload_id in list(over.values_list("pk", flat=True)[:_BATCH]):
        with suppress(Locked), hold(upload_id) as held:
            files = list(Upload.objects.get(pk=upload_id).parts)
            held.change(state=UploadState.EXPIRED, parts=[], metadata="")
            parts.discard(files)
            count += 1
    Upload.objects.filter(created_at__lt=now - REMEMBERED).exclude(state=UploadState.OPEN).delete()
    return count


def unfinished(*, idle_since: datetime) -> list[uuid.UUID]:
    """Complete uploads that nobody has touched since then: their process ended before the photo was made,
    or something was down."""
    rows = Upload.objects.filter(
        state=UploadState.OPEN, received=F("length"), updated_at__lt=idle_since, expires_at__gt=timezone.now()
    )
    return list(rows.order_by("updated_at").values_list("pk", flat=True)[:_BATCH])
