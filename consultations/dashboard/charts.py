"""Charts as SVG that the page holds itself: no script, no canvas, colours by class for light and dark.

Each is an image with a name; the table below it says the same to who cannot see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from consultations.dashboard.statistics import Share

_WIDTH, _HEIGHT = 820, 210
_NARROW = 460  # of charts that stand two in a row, so that their letters are as large as the others'
_LEFT, _BOTTOM, _TOP = 38, 24, 10
_ROW = 30  # pixels per line of a chart with labels at its left
_LABELS = 170


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart. `tone` is the end of its class, as in `chart-fill-emergency`."""

    name: str
    tone: str
    values: Sequence[int]


def stacked(title: str, labels: Sequence[str], series: Sequence[Series]) -> SafeString:
    """Bars side by side, each made of the series one upon the other."""
    totals = [sum(each.values[at] for each in series) for at in range(len(labels))]
    top, step = _scale(max(totals, default=0))
    height = _HEIGHT - _TOP - _BOTTOM
    slot = (_WIDTH - _LEFT) / max(len(labels), 1)
    parts = [_grid(top, step, height)]
    for at, label in enumerate(labels):
        x, base = _LEFT + at * slot + slot * 0.12, float(_TOP + height)
        for each in series:
            if not (value := each.values[at]):
                continue
            tall = height * value / top
            base -= tall
            parts.append(
                format_html(
                    '<rect class="chart-fill-{}" x="{}" y="{}" width="{}" height="{}">'
                    "<title>{}, {}: {}</title></rect>",
                    each.tone, f"{x:.1f}", f"{base:.1f}", f"{slot * 0.76:.1f}", f"{tall:.1f}", label,
                    each.name, value,
                )
            )  # fmt: skip
        if at % _every(len(labels)) == 0:
            parts.append(_text(x + slot * 0.38, _HEIGHT - 7, label, "middle"))
    return _figure(title, _HEIGHT, parts, series)


def shares(
    title: str, rows: Sequence[tuple[str, Share]], *, least: int = 1, wide: bool = False
) -> SafeString:
    """A dot and its 95 % interval on a line from 0 to 100 %. Below `least` there is no dot, but words."""
    height = len(rows) * _ROW + _BOTTOM + _TOP
    whole = _WIDTH if wide else _NARROW
    left, width = _LABELS, whole - _LABELS - 24
    parts = []
    for percent in (0, 25, 50, 75, 100):
        x = left + width * percent / 100
        parts.append(_line(x, _TOP, x, height - _BOTTOM, "chart-grid"))
        parts.append(_text(x, height - 7, f"{percent} %", "middle"))
    for at, (label, share) in enumerate(rows):
        y = _TOP + at * _ROW + _ROW / 2
        parts.append(_text(left - 10, y + 4, _short(label), "end"))
        interval, value = share.interval, share.value
        if interval is None or value is None or share.n < least:
            parts.append(
                _text(
                    left + 8, y + 4, f"{share.n} case{'' if share.n == 1 else 's'}: too few to say", "start"
                )
            )
            continue
        low, high = (left + width * edge for edge in interval)
        parts.append(_line(low, y, high, y, "chart-whisker"))
        parts.append(
            format_html(
                '<circle class="chart-dot" cx="{}" cy="{}" r="5"><title>{}: {} of {}</title></circle>',
                f"{left + width * value:.1f}", f"{y:.1f}", label, share.hits, share.n,
            )
        )  # fmt: skip
    return _figure(title, height, parts, (), width=whole)


def bars(title: str, rows: Sequence[tuple[str, int]], *, tone: str = "one") -> SafeString:
    """One bar a line, its number at the end."""
    top = max((value for _, value in rows), default=0) or 1
    height = len(rows) * _ROW + _TOP
    width = _NARROW - _LABELS - 50
    parts = []
    for at, (label, value) in enumerate(rows):
        y = _TOP + at * _ROW
        long = width * value / top
        parts.append(_text(_LABELS - 10, y + 16, _short(label), "end"))
        parts.append(
            format_html(
                '<rect class="chart-fill-{}" x="{}" y="{}" width="{}" height="18">'
                "<title>{}: {}</title></rect>",
                tone, _LABELS, f"{y + 2:.1f}", f"{long:.1f}", label, value,
            )
        )  # fmt: skip
        parts.append(_text(_LABELS + long + 6, y + 16, f"{value:,}", "start"))
    return _figure(title, height, parts, (), width=_NARROW)


def _scale(most: int) -> tuple[int, int]:
    """The end of an axis and its step: 1, 2 or 5 times a power of ten, three to six of them."""
    step = 1
    for power in range(9):
        for digit in (1, 2, 5):
            step = digit * 10**power
            if most <= step * 5:
                return max(-(-most // step), 1) * step, step
    return most, step


def _grid(top: int, step: int, height: int) -> SafeString:
    lines = []
    for value in range(0, top + 1, step):
        y = _TOP + height * (1 - value / top)
        lines.append(_line(_LEFT, y, _WIDTH, y, "chart-grid"))
        lines.append(_text(_LEFT - 6, y + 4, f"{value:,}", "end"))
    return _joined(lines)


def _figure(
    title: str, height: float, parts: Sequence[SafeString], series: Sequence[Series], *, width: int = _WIDTH
) -> SafeString:
    legend = format_html_join(
        "",
        '<li><span class="chart-key chart-fill-{}"></span>{}</li>',
        ((each.tone, each.name) for each in series),
    )
    return format_html(
        '<svg class="drawn" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>{}',
        title, width, int(height), _joined(parts),
        format_html('<ul class="chart-legend">{}</ul>', legend) if series else "",
    )  # fmt: skip


def _joined(parts: Sequence[SafeString]) -> SafeString:
    return mark_safe("".join(parts))  # noqa: S308  # every part was made by format_html  # nosec B308 B703


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> SafeString:
    return format_html(
        '<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>',
        kind, f"{x1:.1f}", f"{y1:.1f}", f"{x2:.1f}", f"{y2:.1f}",
    )  # fmt: skip


def _text(x: float, y: float, words: str, anchor: str) -> SafeString:
    return format_html(
        '<text x="{}" y="{}" text-anchor="{}">{}</text>', f"{x:.1f}", f"{y:.1f}", anchor, words
    )


def _every(count: int) -> int:
    """Every which label has room."""
    return max(1, -(-count // 8))


def _short(label: str) -> str:
    return label if len(label) <= 26 else f"{label[:25].rstrip()}…"
