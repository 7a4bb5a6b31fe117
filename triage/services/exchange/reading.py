"""Files that somebody brings, read strictly: every refusal names the place."""

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import models

from dermatech.core.errors import ValidationFailed
from triage.services.exchange.tables import FORMATS, SHOWN, TABLES, Field, columns, is_lines

FORMAT: Final = "dermatech-guidelines"
VERSION: Final = 1
MAX_BYTES: Final = 5_000_000  # the starter content takes half a million
MAX_DEPTH: Final = 40
MAX_ROWS: Final = 5000
_MAX_UNPACKED: Final = 50_000_000
# A spreadsheet takes a cell that begins so for a formula; an apostrophe before it says that it is text.
RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "'")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Incoming:
    """Rows as somebody wants them, by table; every row has its `code`."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]]


def read(kind: str, form: str, content: bytes) -> Incoming:
    """A file by the ending of its name; `kind` is the table that a spreadsheet holds. Raises
    ValidationFailed."""
    if form == "json":
        return read_set(content)
    if form not in FORMATS:
        raise ValidationFailed("A file must end in .json, .xlsx or .csv.", code="invalid")
    if kind not in TABLES:
        raise ValidationFailed("Say which table this file holds.", code="required")
    return read_table(kind, form, content)


def read_set(content: bytes) -> Incoming:
    """The document that `export_set` writes. Raises ValidationFailed."""
    document = _json(content)
    if not isinstance(document, Mapping):
        raise _refused("document", "invalid", "Must be an object.")
    if document.get("format") != FORMAT or document.get("version") != VERSION:
        raise _refused("format", "invalid", f"This is no {FORMAT} document of version {VERSION}.")
    for name in document:
        if name not in ("format", "version", "tables"):
            raise _refused(str(name)[:SHOWN], "unknown_field", "Known here: format, version, tables.")
    tables = document.get("tables")
    if not isinstance(tables, Mapping) or not tables:
        raise _refused("tables", "invalid", "Must be an object with at least one table.")
    return Incoming({kind: _rows(kind, rows) for kind, rows in tables.items()})


def read_table(kind: str, file_format: str, content: bytes) -> Incoming:
    """One table of `export_table`. Raises ValidationFailed."""
    if kind not in TABLES or file_format not in FORMATS:
        said = f"There is no table {kind[:SHOWN]!r} as {file_format[:SHOWN]!r}."
        raise _refused("table", "invalid_choice", said)
    _check_size(content)
    sheet = _csv(content) if file_format == "csv" else _xlsx(content)
    return Incoming({kind: _rows(kind, [_decoded(kind, number, cells) for number, cells in _records(sheet)])})


def _rows(kind: str, rows: Any) -> list[Mapping[str, Any]]:
    """Rows of a known table, each with a code of its own."""
    if kind not in TABLES:
        raise _refused(f"tables.{kind[:SHOWN]}", "unknown_field", f"The tables are: {', '.join(TABLES)}.")
    if not isinstance(rows, list) or len(rows) > MAX_ROWS:
        raise _refused(f"tables.{kind}", "invalid", f"Must be a list of at most {MAX_ROWS} rows.")
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping) or not isinstance(row.get("code"), str) or not row["code"]:
            raise _refused(f"tables.{kind}[{i}].code", "required", "Every row needs the text of its code.")
    for code, times in Counter(row["code"] for row in rows).items():
        if times > 1:
            raise _refused(f"{kind}.{code[:80]}", "duplicate_id", f"This id stands there {times} times.")
    return list(rows)


# --- JSON -------------------------------------------------------------------------------------------
def _json(content: bytes) -> Any:
    _check_size(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise _refused("document", "invalid", f"Byte {wrong.start} is not UTF-8.") from wrong
    _check_depth(text)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as wrong:
        where = f"line {wrong.lineno}, column {wrong.colno}"
        raise _refused(where, "invalid_json", f"This is no JSON: {wrong.msg}.") from wrong
    except ValueError as wrong:  # a number of thousands of digits
        raise _refused("document", "invalid_json", "A number is too long.") from wrong


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token.group()[0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                line = text.count("\n", 0, token.start()) + 1
                column = token.start() - text.rfind("\n", 0, token.start())
                raise _refused(
                    f"line {line}, column {column}", "too_deep", f"Nested deeper than {MAX_DEPTH} levels."
                )
        elif first in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        name, times = Counter(name for name, _ in pairs).most_common(1)[0]
        near = found.get("code") or found.get("id")
        place = f"{str(near)[:80]}.{name[:SHOWN]}" if near else name[:SHOWN]
        raise _refused(place, "duplicate_key", f"{name[:SHOWN]!r} stands there {times} times.")
    return found


def _constant(word: str) -> Any:
    raise _refused("document", "invalid_json", f"{word} is no number of JSON.")


# --- Sheets -----------------------------------------------------------------------------------------
Sheet = Iterator[Sequence[Any]]


def _csv(content: bytes) -> Sheet:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise _refused("file", "invalid", f"Byte {wrong.start} is not UTF-8.") from wrong
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from lines
    except csv.Error as wrong:
        raise _refused(f"line {lines.line_num}", "invalid", f"This is no CSV: {wrong}.") from wrong


def _xlsx(content: bytes) -> Sheet:
    # By the first workbook of a process: it brings numpy and Pillow along.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > _MAX_UNPACKED:
                raise _refused("file", "too_large", "It unpacks to more than a table can hold.")
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        sheet = book.worksheets[0]
        for row in sheet.iter_rows():
            yield [_cell(cell) for cell in row]
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, OSError) as wrong:
        raise _refused("file", "invalid", "This is no XLSX workbook.") from wrong
    except (ValueError, TypeError, SyntaxError, zipfile.LargeZipFile) as wrong:  # a part of it is damaged
        raise _refused("file", "invalid", "This workbook is damaged.") from wrong


def _cell(cell: Any) -> Any:
    if cell.data_type == "f":
        raise _refused(cell.coordinate, "formula", "A formula; put its value there.")
    return cell.value


def _records(sheet: Sheet) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row number, column -> cell) of every row below the heading that is not empty."""
    heading = [str(name).strip() for name in next(sheet, ()) if name not in (None, "")]
    if not heading:
        raise _refused("row 1", "required", "The first row must name the columns.")
    for name, times in Counter(heading).items():
        if times > 1:
            raise _refused(
                f"row 1, column {name[:SHOWN]}", "duplicate_key", "This column stands there twice."
            )
    for number, cells in enumerate(sheet, start=2):
        if number > MAX_ROWS + 1:
            raise _refused(f"row {number}", "too_many", f"At most {MAX_ROWS} rows.")
        if any(cell not in (None, "") for cell in cells):
            if any(cell not in (None, "") for cell in cells[len(heading) :]):
                raise _refused(f"row {number}", "invalid", "There are more cells than columns.")
            padded = [*cells, *[None] * (len(heading) - len(cells))]
            yield number, dict(zip(heading, padded, strict=False))


def _decoded(kind: str, number: int, cells: Mapping[str, Any]) -> dict[str, Any]:
    fields = columns(TABLES[kind])
    row = {}
    for name, cell in cells.items():
        if name not in fields:
            raise _refused(
                f"row {number}, column {name[:SHOWN]}", "unknown_field", "There is no such column."
            )
        row[name] = _value(fields[name], cell, f"row {number}, column {name}")
    return row


def _value(field: Field, cell: Any, place: str) -> Any:
    text = cell.strip() if isinstance(cell, str) else cell
    if text is None or text == "":
        return [] if is_lines(field) else None if field.null else field.get_default()
    if isinstance(text, str):
        text = unquoted(text)
    if isinstance(field, models.JSONField):
        return _structured(field, text, place)
    if isinstance(field, models.BooleanField):
        return {"true": True, "false": False}.get(str(text).lower(), text)
    if isinstance(field, models.IntegerField | models.FloatField):
        return _number(field, text)
    return text if isinstance(text, str) else str(text)


def _structured(field: Field, text: Any, place: str) -> Any:
    if is_lines(field):
        return [line.strip() for line in str(text).splitlines() if line.strip()]
    try:
        return _json(str(text).encode())
    except ValidationFailed as wrong:
        first = wrong.errors[0]
        raise _refused(f"{place}, {first.field}", first.code, first.message) from wrong


def _number(field: Field, text: Any) -> Any:
    try:
        number = float(text)
    except (ValueError, TypeError):
        return text
    whole = isinstance(field, models.IntegerField) and number.is_integer()
    return int(number) if whole else number


def unquoted(text: str) -> str:
    """A text without the apostrophe that kept it from being a formula."""
    return text[1:] if text.startswith("'") and text[1:2] in RISKY else text


def _check_size(content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise _refused("file", "too_large", f"Larger than {MAX_BYTES // 1_000_000} MB.")


def _refused(place: str, code: str, message: str) -> ValidationFailed:
    failed = ValidationFailed.of(place, code, message)
    failed.detail = f"{place}: {message}"
    return failed
