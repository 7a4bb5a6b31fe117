"""The report as Markdown, and its figures as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

from triage.evaluation import measures, plots
from triage.evaluation.measures import Scored, calibration_error, chosen, resampled
from triage.evaluation.scin import Reading
from triage.evaluation.study import BASELINE, CEILING, STATED, Study
from triage.evaluation.vignettes import Vignettes

_SIGNS = {True: "kept", False: "**missed**"}


def markdown(
    *, release: str, vignettes: Vignettes, reading: Reading | None, study: Study | None, pictures: bool
) -> str:
    """The whole report. `study` is None where no real cases were given."""
    parts = [
        "# How good the differential is",
        f"Knowledge: {release}. Written by `manage.py evaluate_differential`.",
        *_bars(vignettes, study),
        *_vignettes(vignettes),
    ]
    if reading is not None and study is not None:
        parts += [
            *_cases(reading, study), *_rankings(study), *_calibration(study, pictures),
            *_tones(study, pictures), *_shipped(study), _LIMITS,
        ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def figures(*, release: str, vignettes: Vignettes, study: Study | None) -> dict[str, Any]:
    """The same for machines."""
    top1, top3 = vignettes.shares
    found: dict[str, Any] = {
        "release": release,
        "bars": [{"bar": said, "kept": kept} for said, kept in _all_bars(vignettes, study)],
        "vignettes": {
            "cases": vignettes.cases, "top1": top1, "top3": top3, "missed": list(vignettes.missed),
            "answered_instead": list(vignettes.answered_instead),
            "abstained_instead": list(vignettes.abstained_instead),
        },
    }  # fmt: skip
    if study is not None:
        found["scin"] = {
            each.code: {
                **dict(zip(measures.MEASURES, each.whole.each.mean(axis=0).tolist(), strict=True)),
                "ece": calibration_error(each.whole),
                "settings": dict(each.settings),
            }
            for each in study.compared
        }
    return found


def _all_bars(vignettes: Vignettes, study: Study | None) -> list[tuple[str, bool]]:
    return [*vignettes.bars, *(study.bars if study else ())]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _bars(vignettes: Vignettes, study: Study | None) -> list[str]:
    rows = [(said, _SIGNS[kept]) for said, kept in _all_bars(vignettes, study)]
    return ["## What is promised", table(("Promise", ""), rows)]


def _vignettes(found: Vignettes) -> list[str]:
    top1, top3 = found.shares
    parts = [
        "## Vignettes",
        (
            "Written by the author of the frequencies before the first run: a high score shows that the "
            "content is consistent, not that it is right."
        ),
        table(
            ("Of", "", ""),
            (
                (f"{found.answerable} with an expected first", "first", f"{found.top1} ({top1:.3f})"),
                ("", "among the first three", f"{found.top3} ({top3:.3f})"),
                (f"{found.must_not_miss} that must not be missed", "missed", str(len(found.missed))),
                (
                    f"{found.should_abstain} that must abstain",
                    "abstain",
                    str(found.should_abstain - len(found.answered_instead)),
                ),
                ("those that must answer", "abstain instead", str(len(found.abstained_instead))),
            ),
        ),
    ]
    if found.disagreements:
        rows = [(id_, said, known or "not written down") for id_, said, known in found.disagreements]
        parts.append(table(("Vignette", "Disagrees", "Known shortfall"), rows))
    return parts


def _cases(reading: Reading, study: Study) -> list[str]:
    plan = study.plan
    return [
        "## Real cases",
        (
            f"SCIN (Google Research; SCIN Data Use License): {reading.labelled} cases with a dermatologist's "
            f"label, {reading.mapped} with a top label on our list, {reading.answered} of them with any "
            f"answer, **{study.cases} with texture, site and symptom answered**, which are judged here "
            f"against {study.candidates} conditions. A case counts as right when any condition of the "
            f"top label is. Findings are what patients ticked ({len(study.findings)} different ones)."
        ),
        (
            f"{plan.folds}-fold cross-validation, dealt {plan.repeats} times, cases with a common picture "
            f"kept together; settings chosen by log loss within the training folds. Intervals: 95 %, "
            f"{plan.draws} bootstrap samples of cases, differences paired. The engine's rows are "
            "answered by the product's own `differential()` with the frequencies of SCIN as prior."
        ),
    ]


def _rankings(study: Study) -> list[str]:
    rows = []
    for each in study.compared:
        mean = each.whole.each.mean(axis=0)
        rows.append((each.title, *(f"{value:.3f}" for value in mean), f"{calibration_error(each.whole):.3f}"))
    for code, values in STATED.items():
        rows.append((f"*{study.of(code).title}, as first stated*", *(f"{v:.3f}" for v in values), "", ""))
    gains = [
        (f"{study.of(code).title}, over {study.of(over).title}", *map(str, study.gain(code, over)))
        for over in (BASELINE, CEILING)
        for code in ("shipped", "self_reported", "corrected", CEILING)
        if code != over
    ]
    return [
        table(("Ranking", *measures.MEASURES, "ECE"), rows),
        table(("Difference", *measures.MEASURES), gains),
        _settings(study),
    ]


def _settings(study: Study) -> str:
    chosen_by = [
        (each.title, setting, str(count)) for each in study.compared for setting, count in each.settings[:3]
    ]
    return "Settings chosen most often (in how many of the folds):\n\n" + table(
        ("Ranking", "Setting", "Folds"), chosen_by
    )


def _calibration(study: Study, pictures: bool) -> list[str]:
    bins = measures.reliability(study.of(study.best).whole)
    curve = measures.abstention(study.of(study.best).whole)
    title = study.of(study.best).title
    return [
        f"## Calibration and abstaining ({title})",
        (
            "Sure: the probability of the first condition alone. Where a label fits several conditions any "
            "of them is right, so being right more often than sure is to be expected."
        ),
        *([f"![Reliability]({plots.RELIABILITY})"] if pictures else []),
        table(
            ("Tenth", "Sure", "Right"),
            ((str(n), f"{each.sure:.2f}", f"{each.right:.2f}") for n, each in enumerate(bins, start=1)),
        ),
        *([f"![Abstaining]({plots.ABSTENTION})"] if pictures else []),
        table(
            ("Answered", "top-1", "top-3"),
            ((f"{share:.0%}", f"{top1:.3f}", f"{top3:.3f}") for share, top1, top3 in curve),
        ),
    ]


def _tones(study: Study, pictures: bool) -> list[str]:
    rows = []
    for name, mask in study.groups():
        ours = chosen(study.of(study.best).whole, mask)
        gain = study.gain(study.best, BASELINE, mask)
        rows.append(
            (
                name,
                str(int(mask.sum()) // study.plan.repeats),
                *(f"{value:.3f}" for value in ours.each.mean(axis=0)),
                f"{calibration_error(ours):.3f}",
                str(gain[0]),
                str(gain[1]),
            )
        )
    head = ("Skin", "Cases", *measures.MEASURES, "ECE", "top-1 over frequency", "top-3 over frequency")
    picture = [f"![By skin tone]({plots.GROUPS})"] if pictures else []
    return [f"## By skin tone ({study.of(study.best).title})", *picture, table(head, rows)]


def _shipped(study: Study) -> list[str]:
    shipped, kin = study.shipped, study.kin[: study.cases]
    rows = []
    for title, part in (
        ("Ghana's frequencies alone", shipped.prior),
        ("The product as it is", shipped.engine),
    ):
        rows.append((title, *_means(part)))
    gain = resampled(
        shipped.engine.each - shipped.prior.each, kin, draws=study.plan.draws, seed=study.plan.seed
    )
    rows.append(("Difference", *map(str, gain)))
    answered = ~shipped.abstained
    told = [f"It abstains on {shipped.abstained.mean():.1%} of them."]
    if answered.any():
        told.append(f"Where it answers, the first is right in {shipped.engine.right[answered].mean():.3f}.")
    return [
        "## The product as it is",
        (
            "With its own frequencies of Ghana's pharmacies, its own scoring and “none of these”, on people "
            f"in the United States that it was not made for. {' '.join(told)}"
        ),
        table(("Ranking", *measures.MEASURES), rows),
    ]


def _means(part: Scored) -> list[str]:
    return [f"{value:.3f}" for value in part.each.mean(axis=0)]


_LIMITS = """## What this does not show

- SCIN's people are adults in the United States who photographed themselves; their mix of conditions is not
  that of a pharmacy in Ghana, and a blank box may mean “not answered”.
- Words of the matrix were adjusted once after a look at the development cases, so the engine's rows are a
  little optimistic on those.
- A pharmacist who looks gives better answers than a patient who ticks boxes; nothing here measures that."""
