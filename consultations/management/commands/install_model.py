"""Check a model package and install it."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consultations.inference.package import examine
from consultations.inference.services import activate_model, keep_package, known_conditions, shadow_model
from dermatech.core.errors import DomainError


class Command(BaseCommand):
    help = "Check a model package (a folder or zip with model.onnx and manifest.json) and install it."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("package", type=Path, metavar="DIR")
        what_then = parser.add_mutually_exclusive_group()
        what_then.add_argument("--activate", action="store_true", help="put it in force as well")
        what_then.add_argument("--shadow", action="store_true", help="let it read photos silently as well")

    def handle(self, *args: Any, **options: Any) -> None:
        """Every check is shown with its result. Exit status 1 where the package is refused."""
        try:
            report = examine(options["package"], known_conditions=known_conditions())
            for check in report.checks:
                mark = {True: "ok  ", False: "FAIL", None: "--  "}[check.passed]
                self.stdout.write(f"{mark} {check.title}: {check.detail}")
            if report.package is None:
                raise CommandError(f"refused, {report.refusal.reason if report.refusal else 'no reason'}")
            version = keep_package(actor=None, package=report.package)
            self.stdout.write(f"installed {version} as a draft (sha256 {version.short_hash})")
            if options["activate"]:
                activate_model(actor=None, version=version)
                self.stdout.write(f"{version} is active")
            if options["shadow"]:
                shadow_model(actor=None, version=version)
                self.stdout.write(f"{version} runs in shadow")
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
