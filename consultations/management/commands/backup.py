"""`manage.py backup --out FOLDER`"""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consultations.backups.folder import BackupFailed
from consultations.backups.making import make


class Command(BaseCommand):
    """Exit 0 when all is in the folder, 3 when files that rows name were lost before."""

    help = (
        "Back up the database and every stored file that it names, of one moment, while the service runs. "
        "Sealed pictures stay sealed. Secrets are not in it. Interrupted, it goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="must not exist yet")

    def handle(self, *_args: Any, out: Path, **_options: Any) -> None:
        began = time.monotonic()
        try:
            manifest = make(out.absolute(), tell=self.stdout.write)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        size = sum(entry.size for entry in (*manifest.tables, *manifest.files))
        self.stdout.write(
            f"{out}: {manifest.rows['consultations_consultation']:,} consultations,"
            f" {len(manifest.files):,}"
            f" files, {size / 1e6:,.1f} MB in {time.monotonic() - began:.1f} s"
        )
        if manifest.missing:
            raise CommandError(
                f"{len(manifest.missing)} files that rows name are not in the store; the manifest lists"
                f" them, the first is {manifest.missing[0]}.",
                returncode=3,
            )
