"""Put everything that is encrypted at rest under the first key of FIELD_KEYS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from accounts.services import keys
from dermatech.core.fields import current_key, key_ids


class Command(BaseCommand):
    help = (
        "Encrypts again, under the first key of FIELD_KEYS, what is under an older one. Give the service "
        "both keys (new:...,old:...), run this, and take the old key away when nothing is left. May be "
        "broken off and begun again, beside the running service."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=200, help="rows read at a time (default 200)")
        parser.add_argument(
            "--check", action="store_true", help="only count; exit status 1 while any is left"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check()
            return
        self.stdout.write(f"The key {current_key()!r} encrypts; {', '.join(key_ids())} decrypt.")
        done = keys.rotate(
            batch=options["batch"],
            told=lambda at: self.stdout.write(f"  {at.field:<45} {at.done} of {at.found}"),
        )
        self.stdout.write(f"{done} values are under the key {current_key()!r} now.")
        self._check()

    def _check(self) -> None:
        left = {
            field.purpose: keys.under_older_keys(model, field).count()
            for model, field in keys.encrypted_fields()
        }
        if any(left.values()):
            named = ", ".join(f"{field}: {number}" for field, number in left.items() if number)
            raise CommandError(f"Still under an older key: {named}.")
        self.stdout.write("Nothing is under an older key.")
