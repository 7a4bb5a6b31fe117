"""`manage.py load_starter_knowledge [--publish]`: insert what is missing, never overwrite an edit."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from dermatech.core.errors import DomainError
from dermatech.core.releases import LoadReport, starter_loaders


class Command(BaseCommand):
    help = (
        "Load the starter knowledge of every app. Rows that exist are left as they are. With --publish "
        "it is also released, marked as not reviewed, where nothing is released yet."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--publish", action="store_true", help="release it where nothing is released yet")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                reports = [load(publish=options["publish"]) for load in starter_loaders]
        except DomainError as error:
            faults = "".join(f"\n  {each.field}: {each.message}" for each in error.errors)
            raise CommandError(f"{error.detail}{faults}") from error
        for report in reports:
            self.stdout.write(self._line(report))

    def _line(self, report: LoadReport) -> str:
        counts = ", ".join(
            f"{kind} {number} new, {report.kept.get(kind, 0)} kept"
            for kind, number in report.inserted.items()
        )
        released = f"; released as {report.release} (starter content, not reviewed)" if report.release else ""
        return f"{report.name}: {counts}{released}"
