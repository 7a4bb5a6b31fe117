"""Train the reference lesion model anew, from photographs to a package."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

MISSING = (
    "Training needs more than serving: install consultations/training/requirements.txt, over "
    "requirements.txt, into an environment of its own ({error})."
)


class Command(BaseCommand):
    help = "Train the reference lesion model on PAD-UFES-20 and write its package."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, required=True, help="the folder with images.csv")
        parser.add_argument("--out", type=Path, required=True, help="where the package is written")
        parser.add_argument("--threads", type=int, default=2, help="pictures looked at at once (2)")
        parser.add_argument("--cache", type=Path, help="keep what the network saw in this .npz file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status 1 where the training requirements or the data are missing."""
        if not (options["data"] / "images.csv").is_file():
            raise CommandError(f"There is no images.csv in {options['data']}.")
        try:
            from consultations.training.run import run
        except ModuleNotFoundError as error:
            raise CommandError(MISSING.format(error=error)) from error
        manifest = run(options["data"], options["out"], threads=options["threads"], cache=options["cache"])
        figures: Any = manifest.raw["metrics"]
        for name, value in figures["overall"].items():
            self.stdout.write(f"{name:40} {value:.3f}")
        self.stdout.write(f"{manifest.name} {manifest.version} is in {options['out']}")
