"""What a patient asked for: a copy of everything held, consent taken back, or erasure."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError

from accounts.models import User, normalise_email
from consultations.models import Consultation
from consultations.services import erasure
from dermatech.core.errors import DomainError


class Command(BaseCommand):
    help = (
        "show: what an erasure would take away and what stays. export: a copy for the patient into a "
        "folder. withdraw, erase: carry it out. All but show are in the audit log under the name of --by."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("step", choices=("show", "export", "withdraw", "erase"))
        parser.add_argument("consultation", help="id of the consultation")
        parser.add_argument("--by", default="", help="e-mail address of the administrator who does it")
        parser.add_argument("--reason", default="", help="for the audit log; needed to withdraw and erase")
        parser.add_argument("--out", default="", help="folder of the copy; made, must be empty")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = Consultation.objects.filter(pk=options["consultation"]).first()
        except ValidationError:
            found = None
        if found is None:
            raise CommandError("There is no such consultation.")
        if options["step"] == "show":
            self._tell(erasure.foresee(found), "will go")
            return
        actor = User.objects.filter(email=normalise_email(options["by"])).first()
        if actor is None:
            raise CommandError("Say with --by who does it: the e-mail address of an administrator.")
        try:
            self._carry_out(options, found, actor)
        except DomainError as error:
            said = "; ".join(item.message for item in error.errors) or error.detail
            raise CommandError(said) from None

    def _carry_out(self, options: dict[str, Any], found: Consultation, actor: User) -> None:
        if options["step"] == "export":
            self._write(erasure.export_patient(actor=actor, consultation=found), options["out"])
        elif options["step"] == "withdraw":
            taken = erasure.withdraw_consent(actor=actor, consultation=found, reason=options["reason"])
            self._tell(taken, "went")
        else:
            self._tell(erasure.erase(actor=actor, consultation=found, reason=options["reason"]), "went")

    def _tell(self, what: erasure.Foreseen, verb: str) -> None:
        texts = f"; {', '.join(what.texts)}" if what.texts else ""
        self.stdout.write(f"These {verb}: {what.photos} photos, {what.heatmaps} heat maps{texts}.")
        self.stdout.write("These stay:")
        for line in what.kept:
            self.stdout.write(f"  - {line}")

    def _write(self, copy: erasure.PatientCopy, out: str) -> None:
        folder = Path(out or "patient-copy")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(folder.iterdir()):
            raise CommandError(f"{folder} is not empty.")
        (folder / "record.json").write_text(json.dumps(copy.record, indent=2, default=str) + "\n")
        for name, content in copy.pictures.items():
            (folder / name).write_bytes(content)
        self.stdout.write(f"record.json and {len(copy.pictures)} photos are in {folder}.")
