"""manage.py replay_release RELEASE [--last N]"""

import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from consultations.services.rehearsing import rehearse_formulary, rehearse_guidelines
from dermatech.core.errors import DomainError
from dermatech.core.replays import ReplayReport
from medications import services as medications
from medications.models import FormularyRelease
from medications.selectors import snapshot_of as formulary_snapshot
from triage import services as triage
from triage.models import GuidelineRelease
from triage.selectors import snapshot_of as guideline_snapshot

_WIDTH: Final = 40
WORKING: Final = "working"


class Command(BaseCommand):
    """Exit 0: nobody would be judged milder. Exit 1: somebody would."""

    help = "Tries a release, or the working rows, on the newest consultations, against what is in force."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("release", help=f"label as 3-9f86d081, or {WORKING!r} for the working rows")
        parser.add_argument("--last", type=int, help="how many consultations; else as the settings say")
        parser.add_argument("--formulary", action="store_true", help="of the formulary, not the guidelines")

    def handle(self, *args: Any, **options: Any) -> None:
        rehearse = rehearse_formulary if options["formulary"] else rehearse_guidelines
        try:
            snapshot = self._snapshot(options["release"], formulary=options["formulary"])
            report = rehearse(snapshot, last=options["last"], progress=self._progress)
        except DomainError as error:
            raise CommandError(error.detail, returncode=2) from error
        self._show(report)
        if report.downgrades:
            raise CommandError(f"{report.downgrades} consultations would be judged milder.", returncode=1)

    def _snapshot(self, label: str, *, formulary: bool) -> Any:
        if label == WORKING:
            return (medications if formulary else triage).build_snapshot()
        number = label.partition("-")[0]
        model = FormularyRelease if formulary else GuidelineRelease
        release = model._default_manager.filter(number=number).first() if number.isdecimal() else None
        if release is None or label not in (number, release.label):
            raise CommandError(f"There is no release {label!r}.", returncode=2)
        return formulary_snapshot(release) if formulary else guideline_snapshot(release)

    def _progress(self, done: int, total: int) -> None:
        filled = _WIDTH * done // total
        bar = "#" * filled + "." * (_WIDTH - filled)
        end = "\n" if done == total else "" if sys.stderr.isatty() else "\n"
        self.stderr.write(f"\r[{bar}] {done}/{total}", ending=end)

    def _show(self, report: ReplayReport) -> None:
        for case in report.changed:
            mark = "milder" if case.downgrade else "other"
            self.stdout.write(f"{mark} {case.consultation} of {case.date}: {'; '.join(case.what)}")
        for skipped in report.skipped:
            self.stdout.write(f"skipped {skipped['consultation']}: {skipped['why']}")
        self.stdout.write(
            f"{report.considered} consultations against {report.base or 'nothing'}: {report.unchanged} the "
            f"same, {len(report.changed)} with another outcome, {report.downgrades} of them milder, "
            f"{len(report.skipped)} skipped; {report.took_ms / 1000:.1f} s. {report.note}".rstrip()
        )
