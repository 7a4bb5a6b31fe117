"""manage.py import_guidelines FILE [--table KIND --format xlsx|csv] [--apply --as EMAIL]"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from dermatech.core.errors import DomainError
from triage.services import exchange


class Command(BaseCommand):
    """Says what would change and changes nothing, unless told to apply it."""

    help = "Imports guidelines; without --apply it is a dry run. Nothing takes effect before a release."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--table", choices=tuple(exchange.TABLES), help="the file holds this table alone")
        parser.add_argument("--format", choices=exchange.FORMATS, help="of a table; else by the file's name")
        parser.add_argument("--remove-missing", action="store_true", help="rows that it does not hold go")
        parser.add_argument("--apply", action="store_true", help="change the rows")
        parser.add_argument("--as", dest="email", help="the supervisor who answers for it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            incoming = self._read(options)
            planned = exchange.plan(incoming, remove_missing=options["remove_missing"])
            self._show(planned)
            if planned.faults:
                raise CommandError(f"{len(planned.faults)} faults; nothing was changed.")
            if not options["apply"]:
                self.stdout.write("A dry run: nothing was changed.")
                return
            actor = User.objects.filter(email__iexact=options["email"] or "").first()
            if actor is None:
                raise CommandError("--apply needs --as with the address of a supervisor.")
            exchange.carry_out(
                actor=actor,
                incoming=incoming,
                digest=planned.digest,
                remove_missing=options["remove_missing"],
            )
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(self.style.SUCCESS(f"{len(planned.changes)} rows changed."))

    def _read(self, options: dict[str, Any]) -> exchange.Incoming:
        file: Path = options["file"]
        content = file.read_bytes()
        if not options["table"]:
            return exchange.read_set(content)
        return exchange.read_table(options["table"], options["format"] or file.suffix.lstrip("."), content)

    def _show(self, planned: exchange.ImportPlan) -> None:
        for change in planned.changes:
            self.stdout.write(f"{change.action} {change.kind}.{change.code}")
            if change.action == "changed":
                for name, before, after in change.fields:
                    self.stdout.write(f"  {name}: {str(before)[:200]!r} -> {str(after)[:200]!r}")
        for fault in planned.faults:
            self.stdout.write(self.style.ERROR(f"{fault.place}: {fault.message}"))
        self.stdout.write(f"{len(planned.changes)} rows would change, {planned.unchanged} would not.")
