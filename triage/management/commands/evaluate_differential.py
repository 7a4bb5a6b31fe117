"""`manage.py evaluate_differential --out DIR [--data DIR]`: how good the differential is, as a report."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from triage.evaluation import plots, report
from triage.evaluation.scin import NoSuchData, Reading, folder_of, read_cases
from triage.evaluation.study import Plan, Study, compare
from triage.evaluation.table import table_of
from triage.evaluation.vignettes import judge_vignettes
from triage.services.starter import published_or_starter
from triage.starter import read

_FEWEST_PER_FOLD = 5
_PLAN = Plan()


class Command(BaseCommand):
    """Reads; writes nothing but the report."""

    help = (
        "Judges the published differential (or the starter content, where nothing is published) on its "
        "vignettes and, with --data, on real cases of SCIN against simpler rankings. Writes report.md, "
        "figures.json and three plots."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--out", type=Path, required=True, help="folder of the report; made where missing"
        )
        parser.add_argument("--data", type=Path, help="folder with scin_cases.csv and scin_labels.csv")
        parser.add_argument("--mapping", type=Path, help="another scin_mapping.json than the product's own")
        parser.add_argument("--folds", type=int, default=_PLAN.folds, help="of the cross-validation")
        parser.add_argument(
            "--repeats", type=int, default=_PLAN.repeats, help="how often cases are dealt anew"
        )
        parser.add_argument("--draws", type=int, default=_PLAN.draws, help="bootstrap samples")
        parser.add_argument("--seed", type=int, default=_PLAN.seed)
        parser.add_argument("--no-plots", action="store_true", help="needs no matplotlib")
        parser.add_argument("--check", action="store_true", help="exit 1 when a promise is missed")

    def handle(self, *args: Any, **options: Any) -> None:
        pictures = bool(options["data"]) and not options["no_plots"]
        if pictures and not plots.available():
            raise CommandError(plots.HOW_TO_GET_IT)
        release, snapshot, knowledge = published_or_starter()
        vignettes = judge_vignettes(snapshot["vignettes"], knowledge)
        reading, study = None, None
        if options["data"]:
            reading, study = self._study(knowledge, options)
        folder: Path = options["out"]
        folder.mkdir(parents=True, exist_ok=True)
        if study is not None and pictures:
            plots.draw(study, folder)
        text = report.markdown(
            release=release, vignettes=vignettes, reading=reading, study=study, pictures=pictures
        )
        found = report.figures(release=release, vignettes=vignettes, study=study)
        (folder / "report.md").write_text(text, encoding="utf-8")
        (folder / "figures.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        for bar in found["bars"]:
            self.stdout.write(f"{'kept  ' if bar['kept'] else 'MISSED'}  {bar['bar']}")
        self.stdout.write(f"Written to {folder / 'report.md'}.")
        if options["check"] and not all(bar["kept"] for bar in found["bars"]):
            raise CommandError("A promise is missed.")

    def _study(self, knowledge: Any, options: dict[str, Any]) -> tuple[Reading, Study]:
        plan = Plan(options["folds"], options["repeats"], options["draws"], options["seed"])
        if plan.folds < 2 or plan.repeats < 1 or plan.draws < 1:
            raise CommandError("There must be at least 2 folds, 1 repeat and 1 draw.")
        try:
            reading = read_cases(folder_of(options["data"]), _mapping(options["mapping"]), knowledge.profiles)
        except NoSuchData as error:
            raise CommandError(str(error)) from error
        least = _FEWEST_PER_FOLD * plan.folds
        if len(reading.cases) < least:
            raise CommandError(
                f"There are {len(reading.cases)} cases with a mapped label and all groups answered; "
                f"{plan.folds} folds need {least}."
            )
        return reading, compare(table_of(reading.cases, knowledge), plan, progress=self.stderr.write)


def _mapping(path: Path | None) -> Any:
    if path is None:
        return read("scin_mapping")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoSuchData(f"{path} cannot be read: {error}.") from error
