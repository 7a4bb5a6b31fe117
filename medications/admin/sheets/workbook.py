"""XLSX files of strangers read within limits, and our own written so that no cell can be a formula.

An XLSX file is a zip of XML. Its size, the size of what is in it and the number of its rows are limited
before and while it is read; `zipfile` never unpacks more than a member declares.

openpyxl (with numpy and Pillow, which it takes along) is imported by the first workbook of a process.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import IO, Any, NamedTuple
from xml.parsers import expat

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 10_000
MAX_COLUMNS = 100
MAX_CELL = 32_767  # characters; Excel's own limit
_MAX_MEMBERS = 200
_MAX_UNPACKED = 64 * 1024 * 1024
# Styles, themes and the like are read at once, sheets and texts piece by piece.
_MAX_OTHER_PART = 1024 * 1024
_MAX_CELLS = 1_000_000
_MAX_CELLS_OF_A_ROW = 1_000
_CHUNK = 64 * 1024
_LAST_ROW_OF_EXCEL = 1_048_576
_LISTED_ROWS = MAX_ROWS + 1
# A sheet that Excel itself offers choices from holds them as one text of at most this length.
_MAX_CHOICES_TEXT = 255


class WorkbookRefused(ValueError):
    """The file as a whole cannot be read; the text says why and what to do."""


class Unusable(NamedTuple):
    """A cell that holds no plain value."""

    reason: str


class Row(NamedTuple):
    """One row with something in it; `number` is the one that the spreadsheet shows."""

    number: int
    cells: Sequence[Any]


class Column(NamedTuple):
    """One column of a file that is written."""

    name: str
    about: str
    choices: tuple[str, ...] = ()
    width: int = 16


def read(content: bytes) -> tuple[list[str], list[Row]]:
    """The names of the first row, and the rows below it that are not empty. Raises WorkbookRefused."""
    from openpyxl import load_workbook

    try:
        _check_archive(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        try:
            sheet = book.worksheets[0]
            if hasattr(sheet, "reset_dimensions"):
                sheet.reset_dimensions()  # what the file says of its own size may be wrong
            rows = _rows(sheet.iter_rows(max_col=MAX_COLUMNS))
            first = next(rows, None)
            if first is None or first.number != 1:
                raise WorkbookRefused("The first row must hold the names of the columns.")
            return _names(first.cells), list(rows)
        finally:
            book.close()
    except WorkbookRefused:
        raise
    # Whatever else a broken file does to the parser, it is the file that is at fault.
    except Exception as broken:
        raise WorkbookRefused("This file cannot be read as an XLSX workbook. Save it again as .xlsx.") from (
            broken
        )


def _check_archive(content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise WorkbookRefused(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as broken:
        raise WorkbookRefused("This is not an XLSX file.") from broken
    if len(members) > _MAX_MEMBERS or len({member.filename for member in members}) != len(members):
        raise WorkbookRefused("The file holds more parts than a workbook has.")
    if sum(member.file_size for member in members) > _MAX_UNPACKED:
        raise WorkbookRefused("The file unpacks to more than a workbook of this size can hold.")
    for member in members:
        if member.flag_bits & 1:
            raise WorkbookRefused("The file is encrypted. Save it without a password.")
        streamed = member.filename.startswith(("xl/worksheets/", "xl/sharedStrings", "xl/media/"))
        if not streamed and member.file_size > _MAX_OTHER_PART:
            raise WorkbookRefused(f"The part {member.filename[:80]} of the file is too large.")
        if member.filename.endswith((".xml", ".rels")):
            with archive.open(member) as part:
                _Scan().through(part)


class _Scan:
    """A first pass over a part that keeps nothing: refuses what would blow up in a parser that does,
    which are document types (entities that multiply) and rows of countless cells."""

    def __init__(self) -> None:
        self._cells = self._cells_of_row = 0
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._element

    def through(self, part: IO[bytes]) -> None:
        while chunk := part.read(_CHUNK):
            self._parser.Parse(chunk, False)
        self._parser.Parse(b"", True)

    def _doctype(self, *_: Any) -> None:
        raise WorkbookRefused("The file declares a document type, which no workbook does.")

    def _element(self, name: str, attributes: Mapping[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "row":
            self._cells_of_row = 0
            if len(attributes.get("r", "")) > len(str(_LAST_ROW_OF_EXCEL)):
                raise WorkbookRefused("The file has more rows than a workbook can have.")
        elif local == "c":
            self._cells += 1
            self._cells_of_row += 1
            if self._cells > _MAX_CELLS or self._cells_of_row > _MAX_CELLS_OF_A_ROW:
                raise WorkbookRefused("The file has more cells than a list of this kind.")


def _rows(sheet: Iterable[Sequence[Any]]) -> Iterator[Row]:
    """Rows with something in them. The parser also gives those that are missing in the file, so the
    position counts; a far-away row could make that endless."""
    before: Any = None
    for number, cells in enumerate(sheet, 1):
        if number > _LAST_ROW_OF_EXCEL:
            raise WorkbookRefused("The file has more rows than a workbook can have.")
        if cells is before:  # the parser's one empty row, given again and again
            continue
        before = cells
        values = [_value(cell) for cell in cells]
        if any(value is not None for value in values):
            if number > _LISTED_ROWS:
                raise WorkbookRefused(f"The file has more than {MAX_ROWS:,} rows.")
            yield Row(number, values)


def _value(cell: Any) -> Any:
    value = cell.value
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if cell.data_type == "f":
        return Unusable("This is a formula. Paste its value instead.")
    if cell.data_type == "e":
        return Unusable(f"The spreadsheet shows an error here ({value}).")
    if isinstance(value, date | time):
        return Unusable("The spreadsheet made a date of this. Write it as text.")
    return value


def _names(cells: Sequence[Any]) -> list[str]:
    names = [str(cell).strip() if isinstance(cell, str | int | float) else "" for cell in cells]
    while names and not names[-1]:
        names.pop()
    doubled = {name for name in names if name and names.count(name) > 1}
    if doubled:
        raise WorkbookRefused(f"The column {min(doubled)} stands there twice.")
    return names


def plain_text(value: Any) -> str:
    """A cell's value as a person would type it: 5, not 5.0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value).replace("\r\n", "\n").replace("_x000D_", "").strip()


def write(title: str, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A workbook with the rows, and a second sheet that explains the columns."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = title[:31]
    _put(sheet, 1, [column.name for column in columns], bold=True)
    last = 1
    for last, row in enumerate(rows, 2):
        _put(sheet, last, [row.get(column.name) for column in columns])
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{letter_of(len(columns))}{last}"
    for place, column in enumerate(columns, 1):
        letter = letter_of(place)
        sheet.column_dimensions[letter].width = column.width
        _offer(sheet, letter, column.choices)
    _explain(book.create_sheet("Columns"), columns)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def letter_of(place: int) -> str:
    """What a spreadsheet calls its column number `place`: A for 1, AA for 27."""
    letters = ""
    while place:
        place, last = divmod(place - 1, 26)
        letters = chr(ord("A") + last) + letters
    return letters


def _put(sheet: Any, number: int, values: Sequence[Any], *, bold: bool = False) -> None:
    from openpyxl.styles import Alignment, Font

    for place, value in enumerate(values, 1):
        if value is None or value == "":
            continue
        cell = sheet.cell(number, place)
        if isinstance(value, str):
            # Stored as a text with Excel's own apostrophe, a leading = + - @ never makes a formula.
            cell.value = _printable(value)[:MAX_CELL]
            cell.data_type = "s"
            cell.quotePrefix = value[0] in "=+-@\t\r"
            cell.alignment = Alignment(vertical="top", wrap_text="\n" in value)
        else:
            cell.value = value
            cell.alignment = Alignment(vertical="top")
        if bold:
            cell.font = Font(bold=True)


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t")


def _offer(sheet: Any, letter: str, choices: Sequence[str]) -> None:
    listed = ",".join(choices)
    if not choices or len(listed) > _MAX_CHOICES_TEXT or any("," in choice for choice in choices):
        return
    from openpyxl.worksheet.datavalidation import DataValidation

    offer = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True)
    sheet.add_data_validation(offer)
    offer.add(f"{letter}2:{letter}{_LISTED_ROWS}")


def _explain(sheet: Any, columns: Sequence[Column]) -> None:
    _put(sheet, 1, ["Column", "What it holds", "Allowed values"], bold=True)
    for number, column in enumerate(columns, 2):
        _put(sheet, number, [column.name, column.about, ", ".join(column.choices)])
    for letter, width in (("A", 28), ("B", 80), ("C", 60)):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
