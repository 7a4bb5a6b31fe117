"""`manage.py erase_audit_values`: lawful erasure of what the audit log recorded about people."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.audit.erasure import erase_before, erase_patient
from accounts.management.commands.export_audit import moment
from accounts.models import User
from dermatech.core.errors import DomainError


class Command(BaseCommand):
    help = (
        "Erases values recorded in the audit log, of one patient or of all before a day. The events stay, "
        "every proof still holds, and the erasure is itself an event that the verifier tells of."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--patient", type=uuid.UUID, metavar="ID", help="Id of the consultation.")
        which.add_argument("--before", metavar="T", help="As 2024-01-31: the retention time is over.")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="Administrator who answers for it.")
        parser.add_argument(
            "--reason", required=True, help="Stands in the log for everybody to read; name no patient."
        )

    def handle(
        self,
        *_args: Any,
        patient: uuid.UUID | None,
        before: str | None,
        by: str,
        reason: str,
        **_options: Any,
    ) -> None:
        actor = User.objects.filter(email__iexact=by).first()
        if actor is None:
            raise CommandError(f"There is no account {by}.")
        until = moment("--before", before)
        try:
            if patient is not None:
                count = erase_patient(actor=actor, patient=patient, reason=reason)
            else:
                assert until is not None  # noqa: S101  # argparse demands one of the two
                count = erase_before(actor=actor, moment=until, reason=reason)
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"Erased the recorded values of {count:,} events.")
