"""Exports that somebody asked for: made by a worker, kept for a week, each step in the log.

A worker looks for them every few seconds and claims one (`dermatech.core.leases`); one whose worker died is
taken up again, three times at most.
"""

import logging
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from accounts.audit.export import write_bundle
from accounts.audit.keys import signing_key
from accounts.audit.models import AuditExport
from accounts.audit.recorder import record
from accounts.audit.sealer import SealRefused, latest_checkpoint, seal_all
from accounts.audit.selection import Selection
from accounts.audit.vocabulary import Action, Purpose
from accounts.policy import Permission, require
from dermatech.core import leases
from dermatech.core.errors import Conflict, FieldError, ValidationFailed

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

State = AuditExport.State
KEPT: Final = timedelta(days=7)
_FOLDER: Final = "audit-exports"
_README: Final = """An export of the audit log of {origin}.

Verify it offline with Python 3.8 or newer and the verifier that you hold already, not one that came
with this file:

    python3 -I verifier.py FOLDER --key 'THE KEY YOU PINNED' --checkpoint ONE-YOU-KEPT

Keep the file "checkpoint" for next time.
"""


def request_export(*, actor: "User", selection: Selection, against: Iterable[int] = ()) -> AuditExport:
    """Ask for a bundle; a worker makes it. `against` are sizes of checkpoints that were kept.

    Raises Forbidden, ValidationFailed.
    """
    require(actor, Permission.AUDIT_EXPORT)
    if selection.since and selection.until and selection.since >= selection.until:
        raise ValidationFailed(errors=[FieldError("until", "not_later", "Must be later than since.")])
    with transaction.atomic():
        export = AuditExport.objects.create(
            requested_by=actor, since=selection.since, until=selection.until, person=selection.person,
            patient=selection.patient, action=selection.action, against=sorted(set(against)),
        )  # fmt: skip
        asked = {name: value for name, value in selection.as_dict().items() if value and name != "patient"}
        record(
            actor=actor, action=Action.AUDIT_EXPORTED, entity=export, patient=selection.patient,
            purpose=Purpose.COMPLIANCE, detail=asked,
        )  # fmt: skip
    return export


def open_file(*, actor: "User", export: AuditExport) -> IO[bytes]:
    """The finished archive, to be sent. Raises Forbidden, Conflict (`export_not_ready`, `export_expired`)."""
    require(actor, Permission.AUDIT_EXPORT)
    if export.state == State.EXPIRED or (export.expires_at and export.expires_at <= timezone.now()):
        raise Conflict("This export has expired; ask for it again.", code="export_expired")
    if export.state != State.READY:
        raise Conflict("This export is not ready.", code="export_not_ready")
    with transaction.atomic():
        record(
            actor=actor, action=Action.AUDIT_DOWNLOADED, entity=export, patient=export.patient,
            purpose=Purpose.COMPLIANCE, detail={"bytes": export.size_bytes},
        )  # fmt: skip
    return default_storage.open(export.file, "rb")


def file_name(export: AuditExport) -> str:
    """What the browser saves it as."""
    return f"audit-{export.created_at:%Y-%m-%d}-{str(export.pk)[-8:]}.zip"


def selection_of(export: AuditExport) -> Selection:
    return Selection(export.since, export.until, export.person, export.patient, export.action)


# --- The worker's part ----------------------------------------------------------------------------
def make_due() -> int:
    """Make what is waiting, one after the other; how many were made."""
    made = 0
    while (export := leases.claim(AuditExport)) is not None:
        try:
            _make(export)
            made += 1
        except Exception as error:  # one bad export must not stop the others
            logger.exception("audit export %s was not made", export.pk)
            said = f"It could not be made ({type(error).__name__}); the service's log says why."
            leases.try_again(export, said)
    return made


def expire_due() -> int:
    """Delete the files whose time is over; how many those were."""
    due = list(AuditExport.objects.filter(state=State.READY, expires_at__lte=timezone.now()))
    for export in due:
        default_storage.delete(export.file)
        AuditExport.objects.filter(pk=export.pk).update(state=State.EXPIRED, file="", size_bytes=0)
    return len(due)


def _make(export: AuditExport) -> None:
    try:
        seal_all()
    except SealRefused:  # the evidence up to the last checkpoint is wanted all the more
        logger.exception("sealing was refused before audit export %s", export.pk)
    checkpoint = latest_checkpoint()
    if checkpoint is None:
        leases.fail(export, "Nothing is sealed yet, so there is nothing to export.")
        return
    AuditExport.objects.filter(pk=export.pk).update(tree_size=checkpoint.size)
    with tempfile.TemporaryDirectory(prefix="audit-export-") as scratch:
        name = file_name(export).removesuffix(".zip")
        bundle = write_bundle(
            Path(scratch) / name, checkpoint=checkpoint, selection=selection_of(export),
            against=export.against, progress=leases.Telling(export),
        )  # fmt: skip
        archive = _packed(bundle.path)
        shutil.rmtree(bundle.path)
        with archive.open("rb") as content:
            stored = default_storage.save(f"{_FOLDER}/{export.pk}.zip", File(content))
        now = timezone.now()
        leases.held(export).update(
            state=State.READY, file=stored, size_bytes=archive.stat().st_size, events=bundle.events,
            faithful=bundle.faithful, done=checkpoint.size, finished_at=now, expires_at=now + KEPT,
            lease_until=None, updated_at=now,
        )  # fmt: skip


def _packed(folder: Path) -> Path:
    """The folder as a zip beside it."""
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for path in sorted(folder.iterdir()):
            target.write(path, f"{folder.name}/{path.name}")
        target.writestr(f"{folder.name}/READ-ME.txt", _README.format(origin=signing_key().origin))
    return archive
