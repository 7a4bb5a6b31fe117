"""Take pictures away that were kept long enough. Workers do it once a day; this is for doing it now."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.utils import timezone

from consultations.services import erasure, retention


class Command(BaseCommand):
    help = (
        "Erases photos, heat maps, initials and notes of consultations older than PHOTO_RETENTION_DAYS and "
        "says what it did; the record of what was advised stays. Nothing happens where that is 0."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        days: int = settings.PHOTO_RETENTION_DAYS
        if not days:
            self.stdout.write("PHOTO_RETENTION_DAYS is 0: everything is kept.")
            return
        before = timezone.now() - timedelta(days=days)
        done = None if options["dry_run"] else retention.run(actor=None)
        report = done or erasure.apply_retention(before=before, dry_run=True)
        would = "would go" if options["dry_run"] else "went"
        self.stdout.write(
            f"Older than {days} days (before {report.before:%Y-%m-%d}): {report.photos} photos and "
            f"{report.heatmaps} heat maps of {report.consultations} consultations {would}."
        )
        for line in report.postponed:
            self.stdout.write(f"  postponed: {line}")
