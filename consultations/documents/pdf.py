"""From content to PDF, by Typst.

Why Typst: it writes tagged PDF/UA-1, sets tone marks by the font's own rules, and is one wheel. With this
font and a dozen medicines it took 6 ms; fpdf2 with shaping took 241, ReportLab 23 without shaping, both
untagged; WeasyPrint needs Pango from the system. Its price is 81 MB on disk. Texts travel as JSON values,
which the template shows and never reads as markup.
"""

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from consultations.documents.coverage import FONTS

if TYPE_CHECKING:
    import typst

TEMPLATES = Path(__file__).parent / "templates"
MEDIA_TYPE = "application/pdf"
# PDF/UA-1 also refuses a character without a glyph, so that a box cannot reach the paper.
_STANDARD: Literal["ua-1"] = "ua-1"
_one_at_a_time = threading.Lock()


@cache
def _fonts() -> "typst.Fonts":
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)])


@cache
def _templates() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(TEMPLATES.glob("*.typ"))}


def build(
    template: str, content: Mapping[str, Any], *, made: datetime, files: Mapping[str, bytes] | None = None
) -> bytes:
    """The PDF of `template`; the same content and `made` give the same bytes.

    `files` are further text files that the template names (a bitmap travels as a list of numbers in
    `content`). Raises typst.TypstError for a text that was not made printable.
    """
    import typst  # seven megabytes, for the few requests that print

    sources = dict(_templates())
    sources["main"] = sources[f"{template}.typ"]
    sources["content.json"] = json.dumps({**content, "made": _moment(made)}, ensure_ascii=False).encode()
    project: Any = {**sources, **(files or {})}  # a dictionary of files, which typst's types leave out
    with _one_at_a_time:  # it is quick, and two at once would only share the same core's caches
        finished: bytes = typst.compile(
            project,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards=[_STANDARD],
            timestamp=int(made.timestamp()),
        )
    return finished


def _moment(made: datetime) -> dict[str, int]:
    utc = made.astimezone(UTC)
    return {
        "year": utc.year,
        "month": utc.month,
        "day": utc.day,
        "hour": utc.hour,
        "minute": utc.minute,
        "second": utc.second,
    }
