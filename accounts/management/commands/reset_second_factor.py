"""Take an authenticator app away when no administrator can: the last one lost the phone."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from accounts import services
from accounts.models import User, normalise_email
from dermatech.core.errors import DomainError


class Command(BaseCommand):
    help = "Resets the second factor of somebody; audited. They set up a new one at their next sign-in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="whose second factor")
        parser.add_argument("--reason", required=True, help="for the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=normalise_email(options["email"])).first()
        if user is None:
            raise CommandError("Nobody has this e-mail address.")
        try:
            services.reset_second_factor(actor=None, user=user, reason=options["reason"])
        except DomainError as error:
            said = "; ".join(item.message for item in error.errors) or error.detail
            raise CommandError(said) from None
        self.stdout.write(f"{user.full_name} sets up a new one at the next sign-in.")
