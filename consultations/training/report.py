"""The figures as JSON, as Markdown and as two plots."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from consultations.training import figures
from consultations.training.judge import CAUTIOUS, USUAL, VALIDATED, Tested, groups, overall

_DATASET = "PAD-UFES-20 development subset, whole photographs, patient-grouped cross-validation"
_WITH, _ALONE = "picture and findings", "picture alone"
_NAMES: Mapping[str, str] = {
    "auc_suspicious": "AUC, suspicious or not",
    "auc_cancer": "AUC, cancer or not (actinic keratosis counted as not)",
    "sensitivity": "sensitivity at the usual threshold",
    "specificity": "specificity at the usual threshold",
    "sensitivity_cancer": "sensitivity for cancers at the usual threshold",
    "sensitivity_cautious": "sensitivity at the cautious threshold",
    "specificity_cautious": "specificity at the cautious threshold",
    "sensitivity_as_used": "sensitivity, the threshold chosen by the tone of each photo",
    "specificity_as_used": "specificity, the threshold chosen by the tone of each photo",
    "ece": "expected calibration error, ten bins",
}
_SHORT = (
    "auc_suspicious",
    "sensitivity",
    "specificity",
    "sensitivity_cautious",
    "specificity_cautious",
    "ece",
)
_COLUMNS: Mapping[str, str] = {
    "AUC": "auc_suspicious",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "sensitivity as used": "sensitivity_as_used",
    "specificity as used": "specificity_as_used",
}
_INK = {_WITH: "#1b6f6f", _ALONE: "#c2571a", "findings alone": "#6b6b6b"}


def figures_of(tested: Tested) -> dict[str, Any]:
    """Everything that was measured, ready for JSON."""
    lesions = tested.judged.lesions
    return {
        "dataset": _DATASET,
        "photos": len(lesions),
        "patients": len(set(tested.people)),
        "suspicious": int(tested.truth.sum()),
        "folds": len(np.unique(tested.judged.fold)),
        "type_not_noted": sum(each.fitzpatrick is None for each in lesions),
        "darker_than_type_iii": sum((each.fitzpatrick or 0) >= 4 for each in lesions),
        "setting": asdict(tested.setting),
        "validated_skin_tones": list(VALIDATED),
        "overall": {
            variant.name: {
                name: {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}
                for name, (value, low, high) in overall(tested, variant).items()
            }
            for variant in tested.variants
        },
        "threshold_of_other_folds": {name: round(value, 4) for name, value in tested.held_out.items()},
        "groups": {
            variant.name: [asdict(group) for group in groups(tested, variant)] for variant in tested.variants
        },
    }


def for_manifest(found: Mapping[str, Any]) -> dict[str, object]:
    """The manifest's `metrics`: those of picture and findings, and the picture's own beside them."""
    values = {}
    for prefix, variant in (("", _WITH), ("picture_alone_", _ALONE)):
        for name, figure in found["overall"][variant].items():
            values[prefix + name] = figure["value"]
            values[f"{prefix}{name}_low"] = figure["low"]
            values[f"{prefix}{name}_high"] = figure["high"]
    return {
        "dataset": found["dataset"],
        "n": found["photos"],
        "overall": values,
        "subgroups": [
            {"by": row["by"], "group": row["name"], "n": row["n"], "values": row["values"]}
            for row in found["groups"][_WITH]
        ],
    }


def table(found: Mapping[str, Any], names: tuple[str, ...] = tuple(_NAMES)) -> str:
    """The overall figures as a Markdown table, a column for each way of reading."""
    variants = list(found["overall"])
    lines = ["| | " + " | ".join(variants) + " |", "|---" * (len(variants) + 1) + "|"]
    for name in names:
        cells = [_cell(found["overall"][variant][name]) for variant in variants]
        lines.append(f"| {_NAMES[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"


def written(name: str, found: Mapping[str, Any], version: str) -> str:
    """The text `name` (the model card, the report) with its figures."""
    setting, apart = found["setting"], found["threshold_of_other_folds"]
    text = (Path(__file__).parent / "texts" / name).read_text(encoding="utf-8")
    return text.format(
        version=version,
        photos=found["photos"],
        patients=found["patients"],
        suspicious=found["suspicious"],
        folds=found["folds"],
        dark=found["darker_than_type_iii"],
        unnoted=found["type_not_noted"],
        temperature=setting["temperature"],
        usual=setting["usual"],
        cautious=setting["cautious"],
        aim=USUAL,
        cautious_aim=CAUTIOUS,
        apart_with=[apart[f"{_WITH}: {figure}"] for figure in ("sensitivity", "specificity")],
        apart_alone=[apart[f"{_ALONE}: {figure}"] for figure in ("sensitivity", "specificity")],
        table=table(found),
        short_table=table(found, _SHORT),
        groups_with=_group_table(found["groups"][_WITH]),
        groups_alone=_group_table(found["groups"][_ALONE]),
    )


def _group_table(rows: list[Mapping[str, Any]]) -> str:
    lines = ["| group | n | suspicious | " + " | ".join(_COLUMNS) + " |", "|---" * (len(_COLUMNS) + 3) + "|"]
    for row in rows:
        cells = [f"{row['values'][key]:.2f}" if key in row["values"] else "-" for key in _COLUMNS.values()]
        start = f"| {row['by']}: {row['name']} | {row['n']} | {row['suspicious']} | "
        lines.append(start + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(tested: Tested, out: Path) -> None:
    """roc.png and reliability.png."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    size: dict[str, Any] = {"figsize": (5.2, 5.0), "dpi": 90, "layout": "constrained"}
    frame, axes = pyplot.subplots(**size)
    truth = tested.truth
    for variant in tested.variants:
        limits = np.unique(np.concatenate([[0.0, 1.01], variant.score]))
        rates = [
            (
                1 - figures.specificity(truth, variant.score, limit),
                figures.sensitivity(truth, variant.score, limit),
            )
            for limit in limits
        ]
        label = f"{variant.name}, AUC {figures.auc(truth, variant.score):.2f}"
        axes.plot(*zip(*rates, strict=True), color=_INK[variant.name], label=label)
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    axes.set(xlabel="false alarms among the harmless", ylabel="found among the suspicious")
    axes.legend(loc="lower right", frameon=False)
    frame.savefig(out / "roc.png", metadata={"Software": None})
    frame, axes = pyplot.subplots(**size)
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    for variant in tested.variants[:2]:
        bins = figures.reliability(truth, variant.score)
        label = f"{variant.name}, error {figures.ece(truth, variant.score):.2f}"
        axes.plot([row[2] for row in bins], [row[3] for row in bins], color=_INK[variant.name], label=label)
        axes.scatter(
            [row[2] for row in bins],
            [row[3] for row in bins],
            [4 * row[4] for row in bins],
            color=_INK[variant.name],
            alpha=0.5,
        )
    axes.set(xlabel="how suspicious the model finds it", ylabel="how many of these are suspicious")
    axes.legend(loc="upper left", frameon=False)
    frame.savefig(out / "reliability.png", metadata={"Software": None})
    pyplot.close("all")
