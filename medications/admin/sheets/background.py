"""Files of thousands of rows, judged and stored by a worker; the pages show what it found."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from import_export.results import RowResult

from accounts.background import Done, Run
from dermatech.core.errors import Conflict, Unprocessable
from medications.admin.sheets.files import Shelf, Spreadsheet
from medications.admin.sheets.medicines import MedicationSheet
from medications.admin.sheets.resource import SheetResource, SheetResult
from medications.admin.sheets.treatments import TreatmentSheet
from medications.admin.sheets.workbook import WorkbookRefused

CHECK, STORE = "medications.check_file", "medications.store_file"
# A row takes up to 30 ms to judge and 15 to write: more do not surely end within a few seconds.
IN_REQUEST = 200
_BYTES_IN_REQUEST = 150_000  # of a larger file not even the rows are counted
# Of a large file the page shows this many changed rows and problems; the numbers are of all.
SHOWN = 200
_SHEETS: Mapping[str, type[SheetResource]] = {
    sheet.title: sheet for sheet in (MedicationSheet, TreatmentSheet)
}


def check(run: Run) -> Done:
    """What the file would change, or what is wrong with it. Writes nothing."""
    resource, result = _judged(run, dry_run=True)
    found = told(result)
    data = {
        **found, "fingerprint": result.fingerprint(), "problems": [list(each) for each in found["problems"]],
        "changing": [_plain(row) for row in found["changing"]],
    }  # fmt: skip
    here = f"{address(type(resource), 'import')}?checked={run.job.pk}"
    if result.problems():
        rows = data["bad_rows"]
        said = f"The file was read: {rows} row{'s' if rows != 1 else ''} cannot be imported."
    else:
        said = f"The file was read: {data['counts']['new']} new, {data['counts']['changed']} changed."
    return Done(said, here, data, onward=True)


def store(run: Run) -> None:
    """Import what was confirmed, whole or not at all. Raises Conflict, Unprocessable."""
    _, result = _judged(run, dry_run=False)
    problems = result.problems()
    if problems:
        raise Unprocessable(problems[0].reason, code="import_refused")
    _shelf(run).remove()


def _judged(run: Run, *, dry_run: bool) -> tuple[SheetResource, SheetResult]:
    run.tell(0, 0, "Reading the file")
    try:
        dataset = Spreadsheet().create_dataset(_shelf(run).read())
    except FileNotFoundError as gone:
        raise Conflict("The file is gone. Choose it again.", code="import_file_gone") from gone
    except WorkbookRefused as refused:
        raise Unprocessable(str(refused), code="import_refused") from refused
    given = run.given
    resource = _SHEETS[given["sheet"]](
        actor=run.actor, expected=given.get("fingerprint", ""), sha256=given["sha256"]
    )
    run.tell(0, len(dataset), "Rows judged")
    resource.tell = run.tell
    resource.before = run.write_now
    resource.settled = lambda result: run.settle(Done(counted(result), address(type(resource), "changelist")))
    result = resource.import_data(
        dataset, dry_run=dry_run, raise_errors=False, use_transactions=False, file_name=given["name"]
    )
    return resource, result


def _shelf(run: Run) -> Shelf:
    return Shelf(name=run.given["file"], read_mode="rb", encoding=None)


def is_long(content: bytes) -> bool:
    """Whether a worker must do it. What cannot be read is not: the page says why."""
    if len(content) > _BYTES_IN_REQUEST:
        return True
    try:
        return len(Spreadsheet().create_dataset(content)) > IN_REQUEST
    except WorkbookRefused:
        return False


def address(sheet: type[SheetResource], page: str) -> str:
    """A page of the sheet's admin."""
    meta = sheet._meta.model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}")


# --- in words --------------------------------------------------------------------------------------
def told(result: SheetResult) -> dict[str, Any]:
    """What the page of the preview shows."""
    problems, changing = result.problems(), result.changing()
    return {
        "problems": problems[:SHOWN],
        "problem_count": len(problems),
        "bad_rows": len({problem.row for problem in problems}),
        "changing": changing[:SHOWN],
        "changing_count": len(changing),
        "counts": {
            "new": result.totals[RowResult.IMPORT_TYPE_NEW],
            "changed": result.totals[RowResult.IMPORT_TYPE_UPDATE],
            "unchanged": result.totals[RowResult.IMPORT_TYPE_SKIP],
            "rows": result.total_rows,
        },
    }


def counted(result: SheetResult) -> str:
    """What was written, in a sentence."""
    counts = told(result)["counts"]
    return (
        f"Imported: {counts['new']:,} new, {counts['changed']:,} changed, {counts['unchanged']:,} unchanged. "
        "Nothing takes effect before a release."
    )


def _plain(row: Any) -> dict[str, Any]:
    """A row of the preview as it is kept until somebody looks."""
    return {
        "number": row.number,
        "name": row.name,
        "state": row.state,
        "is_new": row.is_new(),
        "changes": [change._asdict() for change in row.changes],
    }
