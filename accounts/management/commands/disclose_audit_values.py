"""`manage.py disclose_audit_values`: the values behind one event's commitments, for a reason."""

import json
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.audit.erasure import disclose
from accounts.models import User
from dermatech.core.errors import DomainError


class Command(BaseCommand):
    help = "Prints the values that an event commits to, with the salts that prove them. Itself recorded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("event", type=uuid.UUID, help="Id of the event.")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="Administrator who answers for it.")
        parser.add_argument("--reason", required=True, help="Stands in the log for everybody to read.")

    def handle(self, *_args: Any, event: uuid.UUID, by: str, reason: str, **_options: Any) -> None:
        actor = User.objects.filter(email__iexact=by).first()
        if actor is None:
            raise CommandError(f"There is no account {by}.")
        try:
            opened = disclose(actor=actor, event_id=event, reason=reason)
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(json.dumps(opened, indent=2, ensure_ascii=False, sort_keys=True))
