"""Lines over time as SVG that the page holds itself, and their tables. Words stand beside every colour."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_WIDTH, _HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 110, 12, 26
_COLOURS = (("series-a", "#0072b2"), ("series-b", "#e69f00"))  # as in desk.css, safe for the colour-blind


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a value for each label, None where there is none."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """A level across the picture, with its word at the right."""

    value: float
    word: str


def lines(
    title: str,
    labels: Sequence[str],
    series: Sequence[Line],
    *,
    top: float,
    marks: Sequence[Mark] = (),
    digits: int = 0,
) -> SafeString:
    """Lines between 0 and `top`, or as many times that as the highest value needs."""
    known = [value for each in series for value in each.values if value is not None]
    top *= max(1, math.ceil(max(known, default=0) / top))
    parts = [_level(Mark(top * step / 4, ""), top, digits) for step in range(5)]
    parts += [_level(mark, top, digits) for mark in marks]
    every = max(1, -(-len(labels) // 7))
    parts += [
        _text(_x(at, len(labels)), _HEIGHT - 8, label, "middle")
        for at, label in enumerate(labels)
        if at % every == 0
    ]
    for each, (_, colour) in zip(series, _COLOURS, strict=False):
        parts.append(_drawn(each, labels, top, colour, digits))
    legend = format_html_join(
        "",
        '<li><span class="chart-key chart-fill-{}"></span>{}</li>',
        ((tone, each.name) for each, (tone, _) in zip(series, _COLOURS, strict=False)),
    )
    return format_html(
        '<svg class="drawn" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>'
        '<ul class="chart-legend">{}</ul>',
        title, _WIDTH, _HEIGHT, format_html_join("", "{}", ((part,) for part in parts)), legend,
    )  # fmt: skip


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, folded: bool = True) -> SafeString:
    """A table; every cell is escaped. Folded behind the word “Table” where a picture says the same."""
    top = format_html_join("", '<th scope="col">{}</th>', ((cell,) for cell in head))
    body = format_html_join(
        "",
        '<tr><th scope="row">{}</th>{}</tr>',
        ((row[0], format_html_join("", "<td>{}</td>", ((cell,) for cell in row[1:]))) for row in rows),
    )
    drawn = format_html(
        '<table class="case-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', top, body
    )
    if not folded:
        return drawn
    # The theme hangs an arrow on the nearest thing that is positioned.
    return format_html(
        '<details><summary style="{}">Table</summary>{}</details>',
        "position: relative; cursor: pointer; max-width: 6rem",
        drawn,
    )


def _drawn(line: Line, labels: Sequence[str], top: float, colour: str, digits: int) -> SafeString:
    places = [
        (_x(at, len(labels)), _y(value, top), labels[at], value)
        for at, value in enumerate(line.values)
        if value is not None
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in places)
    dots = format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="4" fill="{}"><title>{}, {}: {}</title></circle>',
        ((f"{x:.1f}", f"{y:.1f}", colour, label, line.name, f"{v:.{digits}f}") for x, y, label, v in places),
    )
    return format_html(
        '<polyline points="{}" fill="none" stroke="{}" stroke-width="2"/>{}', path, colour, dots
    )


def _level(mark: Mark, top: float, digits: int) -> SafeString:
    y = _y(mark.value, top)
    word = _text(_WIDTH - _RIGHT + 8, y + 4, mark.word, "start") if mark.word else ""
    value = "" if mark.word else _text(_LEFT - 6, y + 4, f"{mark.value:.{digits}f}", "end")
    return format_html(
        '<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"{}/>{}{}',
        "chart-whisker" if mark.word else "chart-grid", _LEFT, f"{y:.1f}", _WIDTH - _RIGHT, f"{y:.1f}",
        format_html(' stroke-dasharray="{}" opacity="{}"', "2 7", "0.6") if mark.word else "", value, word,
    )  # fmt: skip


def _x(at: int, count: int) -> float:
    return _LEFT + (at + 0.5) * (_WIDTH - _LEFT - _RIGHT) / max(1, count)


def _y(value: float, top: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / top)


def _text(x: float, y: float, words: str, anchor: str) -> SafeString:
    return format_html(
        '<text x="{}" y="{}" text-anchor="{}">{}</text>', f"{x:.1f}", f"{y:.1f}", anchor, words
    )
