"""manage.py replay ANALYSIS_ID"""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consultations.services.replaying import replay
from dermatech.core.errors import DomainError


class Command(BaseCommand):
    """Exit 0: identical. Exit 1: something differs, and what. Exit 2: it cannot be replayed."""

    help = "Does a finished analysis again with the same inputs, releases and model, and compares."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("analysis", type=uuid.UUID, help="id of the analysis")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = replay(actor=None, analysis_id=options["analysis"])
        except DomainError as error:
            raise CommandError(error.detail, returncode=2) from error
        for note in done.notes:
            self.stdout.write(note)
        if done.identical:
            self.stdout.write(self.style.SUCCESS(f"{done.analysis}: identical."))
            return
        for difference in done.differences:
            self.stdout.write(difference)
        raise CommandError(f"{done.analysis}: {len(done.differences)} differences.", returncode=1)
