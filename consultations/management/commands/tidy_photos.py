"""`manage.py tidy_photos [--delete] [--older-than MINUTES]`"""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consultations.services import janitor
from dermatech.core.errors import Unavailable


class Command(BaseCommand):
    """Exit 0 when all is tidy (or was made so), 1 when something is left to do."""

    help = (
        "Find files of photos and heat maps that no row names, and rows whose files are missing. Says what "
        "it found; --delete deletes the files. Rows are never deleted: they are part of a patient's record "
        "and say what was lost."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="delete the files that no row names")
        parser.add_argument(
            "--older-than",
            type=int,
            default=60,
            metavar="MINUTES",
            help="leave younger files alone: a request may be about to name them (default 60)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            found = janitor.look(older_than=timedelta(minutes=options["older_than"]))
            for file in found.orphans:
                since = f"{file.modified:%Y-%m-%d %H:%M}"
                self.stdout.write(f"{file.name}: no row names it ({file.size} bytes, {since})")
            for sentence in found.half:
                self.stdout.write(sentence)
            deleted = janitor.delete(found.orphans) if options["delete"] else 0
        except Unavailable as error:
            raise CommandError(error.detail) from error
        said = f"{len(found.orphans)} files without a row, {deleted} deleted; {len(found.half)} files missing"
        if found.half or deleted < len(found.orphans):
            raise CommandError(said)
        self.stdout.write(self.style.SUCCESS(said))
