"""The report's pictures. Matplotlib is not part of the product: it is needed for this command alone."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.evaluation.measures import abstention, reliability
from triage.evaluation.study import BASELINE, CEILING, Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RELIABILITY, ABSTENTION, GROUPS = "reliability.png", "abstention.png", "skin_tones.png"
HOW_TO_GET_IT = (
    "The plots need matplotlib, which the running product does not: install it (pip install matplotlib), "
    "or leave the plots out with --no-plots."
)
_INK, _OURS, _PALE = "#1f2933", "#0f766e", "#9aa5b1"


def available() -> bool:
    """Whether pictures can be drawn here."""
    return find_spec("matplotlib") is not None


def draw(study: Study, folder: Path) -> None:
    """Write the three pictures as PNG into `folder`."""
    from matplotlib.figure import Figure

    for name, paint, size in (
        (RELIABILITY, _reliability, (5.2, 4.6)),
        (ABSTENTION, _abstention, (6.4, 4.4)),
        (GROUPS, _groups, (7.2, 4.2)),
    ):
        figure = Figure(figsize=size, dpi=130, layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        paint(study, axes)
        # No date and no version: the same figures give the same file.
        figure.savefig(folder / name, metadata={"Software": None})


def _reliability(study: Study, axes: "Axes") -> None:
    axes.plot([0, 1], [0, 1], color=_PALE, linewidth=1, linestyle="--")
    for code, colour, mark in (("shipped", "#b45309", "s"), (study.best, _OURS, "o")):
        bins = reliability(study.of(code).whole)
        axes.plot(
            [each.sure for each in bins], [each.right for each in bins], marker=mark, color=colour,
            label=study.of(code).title,
        )  # fmt: skip
    axes.set(
        xlim=(0, 1), ylim=(0, 1), xlabel="How sure the first answer was", ylabel="How often it was right"
    )
    axes.set_title("Reliability on real cases (tenths)", color=_INK)
    axes.legend(frameon=False, fontsize=8)


def _abstention(study: Study, axes: "Axes") -> None:
    for code, colour in ((BASELINE, _PALE), (CEILING, "#5b21b6"), (study.best, _OURS)):
        curve = abstention(study.of(code).whole)
        answered = [100 * share for share, _, _ in curve]
        axes.plot(answered, [top1 for _, top1, _ in curve], color=colour, marker="o", markersize=3,
                  label=f"{study.of(code).title}: top-1")  # fmt: skip
        axes.plot(answered, [top3 for _, _, top3 in curve], color=colour, linestyle=":",
                  label=f"{study.of(code).title}: top-3")  # fmt: skip
    axes.set(xlabel="Cases answered, the surest first (%)", ylabel="Share of them right", ylim=(0, 1))
    axes.set_title("What abstaining buys", color=_INK)
    axes.legend(frameon=False, fontsize=7, loc="lower left")


def _groups(study: Study, axes: "Axes") -> None:
    groups = [("All", study.kin == study.kin), *study.groups()]
    for place, (_, rows) in enumerate(groups):
        gain: Any = study.gain(study.best, BASELINE, rows)
        for shift, (each, colour) in enumerate(zip(gain[:3], ("#134e4a", _OURS, "#5eead4"), strict=True)):
            at = place + (shift - 1) * 0.2
            axes.plot([each.low, each.high], [at, at], color=colour, linewidth=3)
            label = ("top-1", "top-3", "top-5")[shift] if place == 0 else None
            axes.plot([each.value], [at], "o", color=colour, label=label)
    axes.axvline(0, color=_PALE, linewidth=1)
    cases = [f"{name} ({int(rows.sum()) // study.plan.repeats})" for name, rows in groups]
    axes.set_yticks(range(len(groups)), cases, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("Gain over SCIN frequency alone, 95 % interval")
    axes.set_title(study.of(study.best).title, color=_INK)
    axes.legend(frameon=False, fontsize=8)
