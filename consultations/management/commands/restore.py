"""`manage.py restore FOLDER`"""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consultations.backups.folder import BackupFailed
from consultations.backups.restoring import restore


class Command(BaseCommand):
    """Exit 0 when all is back, 3 when it is but older than a kept checkpoint of the audit log."""

    help = (
        "Restore a backup into an empty database and store, with every hash checked first. Give it the "
        "secrets of the installation it was made on. A second run goes on where the first was interrupted."
    )
    requires_system_checks = ()  # they ask the database, which is empty

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--against", type=Path, metavar="FILE", help="a checkpoint that an auditor has kept"
        )

    def handle(self, *_args: Any, folder: Path, against: Path | None, **_options: Any) -> None:
        began = time.monotonic()
        try:
            done = restore(folder.absolute(), tell=self.stdout.write, against=against)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        rows = done.manifest.rows
        self.stdout.write(
            f"Restored: {rows['consultations_consultation']:,} consultations, {len(done.manifest.files):,} "
            f"files, an audit log of {done.size:,} events, as of {done.manifest.made_at}, in "
            f"{time.monotonic() - began:.1f} s"
        )
        if done.older_than is not None:
            raise CommandError(
                f"This copy is older than what was signed: a kept checkpoint stands for {done.older_than:,} "
                f"events, the copy holds {done.size:,}. What happened between is not in it. Sealing stays "
                "refused until the kept checkpoint is moved away; keep it as evidence.",
                returncode=3,
            )
