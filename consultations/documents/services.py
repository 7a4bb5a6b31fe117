"""Making a document for somebody who may see the consultation, and recording that they did."""

import uuid
from dataclasses import dataclass

from django.db import transaction

from accounts import audit
from accounts.models import User
from consultations import selectors
from consultations.documents import leaflet, letter, pdf, source, words
from consultations.documents.printing import Printer
from consultations.models import Consultation, Photo
from consultations.services import photos
from dermatech.core import qr
from dermatech.core.errors import Conflict
from dermatech.core.releases import content_hash


@dataclass(frozen=True, slots=True)
class Document:
    """A finished PDF. `filename` is plain ASCII and holds nothing of the patient."""

    content: bytes
    filename: str

    @property
    def etag(self) -> str:
        """The hash of its bytes."""
        return content_hash(self.content)


def patient_leaflet(*, actor: User, consultation_id: uuid.UUID) -> Document:
    """The patient's leaflet of a decided consultation.

    Raises NotFound, Conflict (`no_decision`, `decision_outdated`).
    """
    row = selectors.consultation_for(actor, consultation_id)
    found = source.source_of(row)
    source.check_current(row)
    made = _build("leaflet", leaflet.content(found), found)
    _record_read(actor=actor, row=row, document="leaflet")
    return Document(made, f"leaflet-{_short(row)}.pdf")


def referral_letter(*, actor: User, consultation_id: uuid.UUID, photo: bool = False) -> Document:
    """The referral letter, with a small photo when asked for. It is never held back because the advice
    changed since: it says what triage says now.

    Raises NotFound, Conflict (`no_decision`, `not_referred`, `no_photo`), StorageUnavailable.
    """
    row = selectors.consultation_for(actor, consultation_id)
    found = source.source_of(row)
    letter.check_referred(found)
    content = letter.content(found)
    if photo:
        picture = photos.content(actor=actor, photo=_best_photo(row), thumbnail=True)
        content["photo"] = list(picture)
    made = _build("letter", content, found, {"qr.svg": qr.svg(f"urn:uuid:{row.pk}").encode()})
    _record_read(actor=actor, row=row, document="referral_letter")
    return Document(made, f"referral-{_short(row)}.pdf")


def _build(
    template: str, content: dict[str, object], found: source.Source, files: dict[str, bytes] | None = None
) -> bytes:
    printer = Printer()
    shown = printer.all(content)
    shown["reference"] = content["reference"]  # never broken: it is copied into the search
    shown["lost"] = words.LOST_LETTERS if printer.lost else ""
    return pdf.build(template, shown, made=found.decided_at, files=files)


def _best_photo(row: Consultation) -> Photo:
    """The sharpest usable photo, else the newest."""
    rows = list(row.photos.all())
    if not rows:
        raise Conflict("This consultation has no photo to send along.", code="no_photo")
    return max(rows, key=lambda each: (*_judgement(each), each.created_at))


def _judgement(photo: Photo) -> tuple[bool, float]:
    said = photo.quality or {}
    return bool(said.get("usable")), float(said.get("sharpness") or 0.0)


def _record_read(*, actor: User, row: Consultation, document: str) -> None:
    with transaction.atomic():
        audit.record(
            actor=actor,
            action=audit.Action.REPORT_READ,
            entity=row,
            patient=row.pk,
            detail={"document": document},
        )


def _short(row: Consultation) -> str:
    """The last eight characters of the id, by which the admin finds it."""
    return str(row.pk)[-8:]
