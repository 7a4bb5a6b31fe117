"""Fill a database as a year of work would: `manage.py seed_demo --consultations 200000 --events 1000000`."""

import random
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from accounts.audit.sealer import seal_all
from consultations.demo import rows
from consultations.demo.templates import invent
from consultations.models import Consultation
from consultations.services.results import published
from dermatech.core.errors import Unavailable

_TEMPLATES = 300


class Command(BaseCommand):
    help = (
        "Invents pharmacies, consultations with analyses, medicines and audit events, spread over the past "
        "year, to try the admin at its size. The photos are rows without files. Refuses in production where "
        "there is anything already."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--consultations", type=int, default=2_000)
        parser.add_argument("--events", type=int, default=10_000)
        parser.add_argument("--medications", type=int, default=500, help="How many there are afterwards.")
        parser.add_argument("--pharmacists", type=int, default=80)
        parser.add_argument("--days", type=int, default=365)
        parser.add_argument("--seed", type=int, default=1957)

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION and Consultation.objects.exists():
            raise CommandError("This is production and it holds consultations: nothing is invented here.")
        try:
            known = published()
        except Unavailable as error:
            raise CommandError(f"{error.detail} Run: manage.py load_starter_knowledge --publish") from error
        chance = random.Random(options["seed"])  # noqa: S311  # invents; guards nothing  # nosec B311
        span = rows.until_now(options["days"])
        pharmacists = rows.people(max(options["pharmacists"], 1), chance)
        templates = invent(min(_TEMPLATES, max(options["consultations"], 1)), known=known, chance=chance)
        rows.cases(
            options["consultations"], span=span, pharmacists=pharmacists, templates=templates, known=known,
            chance=chance, progress=self._progress("consultations", options["consultations"]),
        )  # fmt: skip
        rows.medicines(options["medications"], self._progress("medications", options["medications"]))
        rows.events(
            options["events"], span=span, pharmacists=pharmacists, chance=chance,
            progress=self._progress("events", options["events"]),
        )  # fmt: skip
        self.stdout.write("sealing the log")
        seal_all()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # so that the database plans for this size
        self.stdout.write(self.style.SUCCESS("Done."))

    def _progress(self, what: str, total: int) -> rows.Progress:
        """A line now and then: how many, of how many, how fast."""
        began = last = time.monotonic()

        def say(done: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= 2 or done >= total:
                last = now
                speed = done / max(now - began, 0.001)
                self.stdout.write(
                    f"{what}: {done:,} of {total:,} ({done / max(total, 1):.0%}), {speed:,.0f}/s"
                )

        return say
