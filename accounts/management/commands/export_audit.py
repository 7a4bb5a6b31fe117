"""`manage.py export_audit`: a bundle that an auditor can verify without trusting this server."""

import uuid
from argparse import ArgumentParser
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.dateparse import parse_date, parse_datetime

from accounts.audit.checkpoint import Checkpoint, NotACheckpoint
from accounts.audit.export import ExportFailed, write_bundle
from accounts.audit.keys import KeyUnusable, signing_key
from accounts.audit.recorder import record
from accounts.audit.sealer import SealRefused, latest_checkpoint, seal_through
from accounts.audit.selection import Selection
from accounts.audit.vocabulary import Action, Purpose


class Command(BaseCommand):
    # They load every page and view; this process holds what an export needs.
    requires_system_checks = ()
    help = (
        "Writes a bundle of the audit log for accounts/audit/verifier.py: events, signed checkpoint, proof "
        "and manifest. The export is itself an event, the last one in the bundle."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, metavar="DIR", help="New or empty folder for the bundle.")
        parser.add_argument(
            "--since", metavar="T", help="Events from this time on, as 2026-01-31 or 2026-01-31T08:00:00Z."
        )
        parser.add_argument("--until", metavar="T", help="Events before this time.")
        parser.add_argument(
            "--person", default="", metavar="WHO", help="Events of this account id or full name."
        )
        parser.add_argument("--patient", type=uuid.UUID, metavar="ID", help="Events about this consultation.")
        parser.add_argument("--action", default="", choices=["", *Action.values], metavar="ACTION",
                            help="Events of one kind, for example photo.read.")  # fmt: skip
        parser.add_argument(
            "--against", type=Path, action="append", default=[], metavar="FILE",
            help="A checkpoint that the auditor kept: makes a part of the log comparable with it.",
        )  # fmt: skip
        parser.add_argument(
            "--public-key", action="store_true", help="Print the key that auditors pin, nothing else."
        )

    def handle(
        self,
        *_args: Any,
        out: Path | None,
        since: str | None,
        until: str | None,
        person: str,
        patient: uuid.UUID | None,
        action: str,
        against: list[Path],
        public_key: bool,
        **_options: Any,
    ) -> None:
        try:
            key = signing_key()
        except KeyUnusable as error:
            raise CommandError(str(error)) from error
        if public_key:
            self.stdout.write(key.verifier_key)
            return
        if out is None:
            raise CommandError("Say where to write the bundle: --out DIR")
        span = moment("--since", since), moment("--until", until)
        selection = Selection(*span, person=person, patient=patient, action=action)
        self._export(out, selection, [_kept(path) for path in against])
        self.stdout.write(f"Public key: {key.verifier_key}")
        verifier = "python3 -I accounts/audit/verifier.py"
        self.stdout.write(f"Verify:     {verifier} {out} --key '{key.verifier_key}'")

    def _export(self, out: Path, selection: Selection, against: list[int]) -> None:
        with transaction.atomic():
            asked = selection.as_dict().items()
            detail = {name: value for name, value in asked if value and name != "patient"}
            event = record(
                actor=None,
                action=Action.AUDIT_EXPORTED,
                purpose=Purpose.COMPLIANCE,
                patient=selection.patient,
                detail={"by": "command line", **detail},
            )
        refusal = ""
        try:
            if not seal_through(event):
                refusal = "Another sealer is busy."
        except SealRefused as error:
            refusal = str(error)  # the evidence up to the last checkpoint is wanted all the more
        checkpoint = latest_checkpoint()
        if checkpoint is None:
            raise CommandError(f"There is no checkpoint to export. {refusal}")
        try:
            bundle = write_bundle(out, checkpoint=checkpoint, selection=selection, against=against)
        except (ExportFailed, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Wrote {bundle.events:,} of {bundle.tree_size:,} events to {bundle.path}, "
            f"checkpoint of {checkpoint.created_at:%Y-%m-%d %H:%M:%S} UTC."
        )
        if refusal:
            self.stderr.write(f"The newest events are not in it, they could not be sealed. {refusal}")
        if not bundle.faithful:
            raise CommandError(
                "What the database holds does not lead to the signed root: the log was changed. "
                "The bundle is written, and the verifier says where.",
                returncode=1,
            )


def moment(option: str, text: str | None) -> datetime | None:
    """A date (its first moment) or a time; UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        day = parse_date(text)
        moment = datetime.combine(day, time.min) if day else parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{option}: {text!r} is not a time; write 2026-01-31 or 2026-01-31T08:00:00Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _kept(path: Path) -> int:
    try:
        return Checkpoint.opened(path.read_text(encoding="utf-8"), signing_key()).size
    except (OSError, UnicodeDecodeError, NotACheckpoint) as error:
        raise CommandError(f"--against {path}: {error}") from error
