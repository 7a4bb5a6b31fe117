"""The figures as pictures: promises.png, growth.png, end_to_end.png."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import Figure

_KEPT, _MISSED = "#1d7c66", "#c2410c"
_PARTS = {"upload": "#1d7c66", "waiting": "#d1d5db", "work": "#4db699"}
_PHONES = (1, 4, 16)


def draw(out: Path, found: Mapping[str, Sequence[Figure]]) -> list[Path]:
    """Write what there are figures for; the files."""
    import matplotlib as mpl

    mpl.use("Agg")
    drawn = [
        _promises(out / "promises.png", found),
        _growth(out / "growth.png", [figure for each in found.values() for figure in each if figure.series]),
        _end_to_end(out / "end_to_end.png", found.get("end_to_end", ())),
    ]
    return [path for path in drawn if path is not None]


def _promises(path: Path, found: Mapping[str, Sequence[Figure]]) -> Path | None:
    """How much of what is promised each figure uses: shorter than the line is kept."""
    rows = [
        (f"{part}: {figure.name}" + (f", to {figure.peer}" if figure.peer else ""), _used(figure), figure)
        for part, figures in found.items()
        for figure in figures
        if figure.bound
    ]
    if not rows:
        return None
    from matplotlib import pyplot as plt

    picture, axes = plt.subplots(figsize=(13, 1.2 + 0.26 * len(rows)), layout="constrained")
    places = range(len(rows), 0, -1)
    axes.barh(
        places,
        [used for _, used, _ in rows],
        color=[_KEPT if f.kept else _MISSED for *_, f in rows],
        height=0.6,
    )
    axes.set_yticks(list(places), [name[:90] for name, _, _ in rows], fontsize=7)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlim(0, 2)
    axes.set_ylim(0, len(rows) + 1)
    for place, (_, used, figure) in zip(places, rows, strict=True):
        sign = "≤" if figure.better == "lower" else "≥"
        axes.text(
            min(used, 1.7) + 0.01, place, f"{figure.value:.3g} {figure.unit} ({sign} {figure.bound:g})",
            va="center", fontsize=6.5,
        )  # fmt: skip
    axes.set_xlabel("part of what is allowed (1 = the promise)")
    return _saved(picture, path)


def _used(figure: Figure) -> float:
    assert figure.bound
    return figure.value / figure.bound if figure.better == "lower" else figure.bound / max(figure.value, 1e-9)


def _growth(path: Path, figures: Sequence[Figure]) -> Path | None:
    if not figures:
        return None
    from matplotlib import pyplot as plt

    picture, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    for name in dict.fromkeys(figure.series for figure in figures):
        points = [figure for figure in figures if figure.series == name]
        axes.plot([p.at for p in points], [p.value for p in points], marker="o", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("consultations and audit events (medicines: 50, 500, 5,000)")
    axes.set_ylabel("ms, median")
    axes.grid(visible=True, color="#e5e7eb")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return _saved(picture, path)


def _end_to_end(path: Path, figures: Sequence[Figure]) -> Path | None:
    """Where the time of one photo goes."""
    by_name = {figure.name: figure.value for figure in figures}
    if not by_name:
        return None
    from matplotlib import pyplot as plt

    picture, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    names = [f"{phones} phone{'s' if phones > 1 else ''}" for phones in _PHONES]
    left = [0.0] * len(names)
    for part, colour in _PARTS.items():
        values = [by_name.get(f"{name}: of it {part}, median", 0.0) for name in names]
        axes.barh(names, values, left=left, color=colour, label=part)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("ms from sending a 12-megapixel photo to its answer (medians of the parts)")
    axes.legend(fontsize=8)
    return _saved(picture, path)


def _saved(picture: Any, path: Path) -> Path:
    from matplotlib import pyplot as plt

    picture.savefig(path, dpi=120)
    plt.close(picture)
    return path
