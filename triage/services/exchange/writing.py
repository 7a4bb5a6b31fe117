"""Out as files, and in as rows."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any, Final

from django.db import transaction

from accounts.audit import Action, Purpose, record
from accounts.models import User
from accounts.policy import Permission, require
from dermatech.core.errors import Conflict, FieldError, Unprocessable, ValidationFailed
from triage.models import KnowledgeItem
from triage.services.editing import delete_item, save_item
from triage.services.exchange.plans import ImportPlan, plan
from triage.services.exchange.reading import FORMAT, RISKY, VERSION, Incoming
from triage.services.exchange.tables import FORMATS, TABLES, columns, is_lines, values

_MAX_FAULTS: Final = 50
_WIDTH: Final = 40


def export_set() -> bytes:
    """Every working row as one JSON document, the same bytes for the same rows."""
    tables = {
        kind: [values(row) for row in model._default_manager.order_by("code")]
        for kind, model in TABLES.items()
    }
    document = {"format": FORMAT, "version": VERSION, "tables": tables}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def export_table(kind: str, file_format: str) -> bytes:
    """One table for a spreadsheet; lists of texts stand in a cell line by line. Raises ValidationFailed."""
    if kind not in TABLES or file_format not in FORMATS:
        raise ValidationFailed.of("table", "invalid_choice", "There is no such table or format.")
    fields = columns(TABLES[kind])
    rows: list[list[Any]] = [list(fields)]
    rows += (
        [_cell(is_lines(field), getattr(row, name)) for name, field in fields.items()]
        for row in TABLES[kind]._default_manager.order_by("code")
    )
    return _csv(rows) if file_format == "csv" else _xlsx(kind, rows)


def carry_out(
    *,
    actor: User,
    incoming: Incoming,
    digest: str,
    remove_missing: bool = False,
    kept: Callable[[ImportPlan], None] | None = None,
) -> ImportPlan:
    """Do what the plan with this digest said; each row is an edit of its own in the audit log. `kept` is
    called in the transaction that writes. Raises Forbidden, Unprocessable (`import_refused`), Conflict
    (`import_outdated`)."""
    require(actor, Permission.KNOWLEDGE_CURATE)
    with transaction.atomic():
        planned = plan(incoming, remove_missing=remove_missing)
        if planned.faults:
            raise Unprocessable(
                f"{planned.faults[0].place}: {planned.faults[0].message}",
                code="import_refused",
                errors=[FieldError(f.place, f.rule, f.message) for f in planned.faults[:_MAX_FAULTS]],
            )
        if planned.digest != digest:
            raise Conflict("The rows were edited meanwhile; look at the plan again.", code="import_outdated")
        for change in planned.changes:
            if change.action != "removed":
                row: KnowledgeItem = planned.rows[change.kind][change.code]
                save_item(actor=actor, item=row, changed=[name for name, _, _ in change.fields])
        for gone in reversed(planned.removed):
            delete_item(actor=actor, item=gone)
        record(
            actor=actor,
            action=Action.KNOWLEDGE_EDITED,
            entity=("triage", "import"),
            purpose=Purpose.OPERATIONS,
            detail={"change": "imported", "rows": len(planned.changes), "plan": planned.digest},
        )
        if kept is not None:
            kept(planned)
    return planned


def _cell(lines: bool, value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    if lines:
        value = "\n".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(RISKY) else text


def _csv(rows: list[list[Any]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([[_word(cell) for cell in row] for row in rows])
    return out.getvalue().encode("utf-8-sig")  # or Excel takes it for another alphabet


def _word(cell: Any) -> Any:
    return str(cell).lower() if isinstance(cell, bool) else cell


def _xlsx(kind: str, rows: list[list[Any]]) -> bytes:
    # By the first workbook of a process: it brings numpy and Pillow along.
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.active
    assert sheet is not None  # noqa: S101  # a new workbook has one
    sheet.title = kind
    sheet.freeze_panes = "B2"
    for row in rows:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", cell) if isinstance(cell, str) else cell for cell in row])
    for number in range(1, len(rows[0]) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = _WIDTH
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
