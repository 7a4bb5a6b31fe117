"""`manage.py rotate_photo_keys`"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from consultations.services import photo_keys, storage


class Command(BaseCommand):
    """Prints how far it is; may be stopped and started again at any time."""

    help = (
        "Encrypt every stored photo and heat map with the first key of PHOTO_KEYS. Add the new key in front, "
        "restart, run this, and remove the old key when it ends with 0 failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many photos have another key")
        parser.add_argument("--every", type=int, default=100, help="pictures between two lines of progress")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["dry_run"]:
            key = storage.key_in_use() or "none"
            self.stdout.write(f"{photo_keys.outdated().count()} photos to encrypt; the current key is {key}")
            return
        progress = photo_keys.Progress()
        try:
            for progress in photo_keys.rotate():
                if progress.done % options["every"] == 0:
                    self.stdout.write(f"{progress.done} of {progress.total}, {progress.failed} failed")
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        said = f"{progress.done} of {progress.total} pictures looked at, {progress.failed} failed"
        if progress.failed:
            raise CommandError(f"{said}; the log names them. Keep the old key and run this again.")
        self.stdout.write(self.style.SUCCESS(f"{said}. All have the key {storage.key_in_use()}."))
