"""Words on a terminal: wrapped to its width, coloured only where colours are welcome."""

import io
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_WIDEST = 100
_NARROWEST = 48


@dataclass(slots=True)
class Terminal:
    """Where the story is told. `width` in columns, `colour` whether ANSI codes are written."""

    out: TextIO
    width: int
    colour: bool
    step: int = 0

    def paint(self, text: str, *styles: str) -> str:
        """`text` in the given styles, or as it is where colour is off."""
        if not self.colour or not styles:
            return text
        codes = ";".join(_CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def line(self, text: str = "", *styles: str, indent: int = 0, hang: int = 0) -> None:
        """One paragraph, wrapped; lines after the first are indented by `hang` more columns."""
        first, rest = " " * indent, " " * (indent + hang)
        for row in _wrap(text, self.width, first, rest):
            lead = len(row) - len(row.lstrip())
            self.out.write(row[:lead] + self.paint(row[lead:], *styles) + "\n")
        self.out.flush()

    def heading(self, text: str) -> None:
        """The numbered headline of the next step."""
        self.step += 1
        self.line()
        self.line(f"{self.step}. {text}", "bold", "cyan")

    def title(self, text: str) -> None:
        self.line()
        self.line(text, "bold")
        self.line("─" * min(len(text), self.width), "dim")

    def item(self, text: str, *styles: str, indent: int = 3, mark: str = "•") -> None:
        """One bullet of a list."""
        self.line(f"{mark} {text}", *styles, indent=indent, hang=len(mark) + 1)

    def pairs(self, rows: Iterable[tuple[str, str]], indent: int = 3) -> None:
        """Labels in one column, values wrapped in the next; empty values are left out."""
        shown = [(label, value) for label, value in rows if value]
        column = max((len(label) for label, _ in shown), default=0) + 2
        for label, value in shown:
            first = " " * indent + label.ljust(column)
            for number, row in enumerate(_wrap(value, self.width, first, " " * len(first))):
                shown_row = self.paint(row[: len(first)], "dim") + row[len(first) :] if number == 0 else row
                self.out.write(shown_row + "\n")
        self.out.flush()

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], indent: int = 3) -> None:
        """Columns as wide as their widest cell."""
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
        for number, row in enumerate([header, *rows]):
            text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self.line(text, *(["dim"] if number == 0 else []), indent=indent)


def _wrap(text: str, width: int, first: str, rest: str) -> list[str]:
    wrapped = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped or [first.rstrip()]


def terminal(out: TextIO | None = None) -> Terminal:
    """The terminal of this process. NO_COLOR and TERM=dumb switch colours off, as does a pipe."""
    stream = out or sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows "?", nothing breaks
    tty = stream.isatty()
    colour = tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    columns = shutil.get_terminal_size((88, 24)).columns
    return Terminal(out=stream, width=max(_NARROWEST, min(columns, _WIDEST)), colour=colour)
