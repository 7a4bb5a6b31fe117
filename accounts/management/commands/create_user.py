"""manage.py create_user: an account without the admin site."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from accounts import services
from accounts.models import Cadre, Premises, Region, Role, User
from accounts.models.premises import UNLICENSED
from accounts.numbers import NotANumber, registration_number, tidy_number
from dermatech.core.errors import DomainError


class Command(BaseCommand):
    help = "Make an account. The password comes by standard input: it stays out of the shell history."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--cadre", default="", choices=["", *Cadre.values], help="for --role pharmacist")
        parser.add_argument(
            "--premises",
            default="",
            metavar="NAME",
            help="for --role pharmacist; made when there is none of it",
        )
        parser.add_argument("--licence", default="", help="licence number of premises that are made")
        parser.add_argument("--region", default=Region.GREATER_ACCRA.value, choices=Region.values)
        parser.add_argument(
            "--supervised-region", default="", choices=["", *Region.values],
            help="for --role supervisor: reads the records of this region only; default: of the country",
        )  # fmt: skip
        parser.add_argument("--full-name", default="", help="default: the address up to the @")
        parser.add_argument("--registration-number", default="")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        parser.add_argument("--verified", action="store_true", help="let them in at once")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"]
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"{email!r} is not an e-mail address.") from None
        try:
            user = self._create(email, options)
        except DomainError as error:
            wrong = "".join(f"\n  {item.field}: {item.message}" for item in error.errors)
            raise CommandError(f"{error.detail}{wrong}") from None
        state = "verified" if user.is_active else "waiting for verification"
        self.stdout.write(f"{user.email}: {Role(user.role).value}, {state}.")

    def _create(self, email: str, options: dict[str, Any]) -> User:
        role, cadre = Role(options["role"]), options["cadre"]
        if role == Role.PHARMACIST and not (cadre and options["premises"]):
            raise CommandError("--role pharmacist needs --cadre and --premises.")
        if role != Role.PHARMACIST and (cadre or options["premises"]):
            raise CommandError("--cadre and --premises are for --role pharmacist only.")
        password = self._password() if options["password_stdin"] else None
        return services.create_account(
            actor=None,
            email=email,
            full_name=options["full_name"] or email.partition("@")[0],
            role=role,
            cadre=cadre,
            premises=self._premises(options) if options["premises"] else None,
            registration_number=self._registration_number(options["registration_number"], cadre),
            supervised_region=options["supervised_region"],
            password=password,
            verified=options["verified"],
        )

    def _password(self) -> str:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise CommandError("--password-stdin: standard input holds no password.")
        return password

    def _registration_number(self, text: str, cadre: str) -> str:
        if not text:
            return ""
        try:
            return registration_number(text, cadre=cadre)
        except NotANumber as problem:
            raise CommandError(f"--registration-number: {problem}") from None

    def _premises(self, options: dict[str, Any]) -> Premises:
        name = " ".join(options["premises"].split())
        found = list(Premises.objects.filter(name__iexact=name)[:2])
        if options["licence"]:
            licence = tidy_number(options["licence"])
            found = list(Premises.objects.filter(licence_number__iexact=licence))
        else:
            licence = tidy_number(f"{UNLICENSED}{name}")[:40]
        if len(found) > 1:
            raise CommandError(f"Several premises are called {name!r}; say which with --licence.")
        return (
            found[0]
            if found
            else services.create_premises(
                actor=None, name=name, licence_number=licence, region=options["region"]
            )
        )
