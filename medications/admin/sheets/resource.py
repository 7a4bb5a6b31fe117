"""What the sheets of medicines and of treatments share.

A row is judged by the admin's own forms. Nothing is written while rows are read: what is to be stored is
kept until every row has been judged, and then stored in one transaction, or not at all.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from import_export.resources import ModelResource
from import_export.results import Dataset, Result, RowResult

from accounts.models import User
from dermatech.core.errors import Conflict
from medications import services
from medications.admin.sheets.cells import Change
from medications.admin.sheets.workbook import Column, WorkbookRefused
from triage.models import ContentState
from triage.models.content import Confidence

ROW = "\0row"  # the column of a dataset that holds the spreadsheet's own row numbers
UNNAMED = "\0column "  # and what a column without a name is called, with its letter
REVIEW_STATE = "review_state"
# Written for the reader, never read back: an import is an edit, and an edit is not reviewed.
_READ_ONLY = frozenset({REVIEW_STATE})
_REVIEW_COLUMN = Column(
    REVIEW_STATE, "Where the item stands between starter content and a review. Not read back.", (), 34
)


class Problem(NamedTuple):
    """One reason why nothing is written. `row` as the spreadsheet counts, 0 for the whole file."""

    row: int
    column: str
    reason: str


class SheetRow(RowResult):  # type: ignore[misc]  # import_export is untyped
    """What one row would do."""

    number = 0
    name = ""
    state = ""
    changes: Sequence[Change] = ()


class SheetResult(Result):  # type: ignore[misc]  # import_export is untyped
    """What a file would do, and what stands against it."""

    def problems(self) -> list[Problem]:
        """Every problem, in the order of the rows."""
        found = [Problem(0, "", str(error.error)) for error in self.base_errors]
        for row in self.invalid_rows:
            for column, reasons in row.error_dict.items():
                shown = "" if column == NON_FIELD_ERRORS else column
                found += [Problem(row.number, shown, reason) for reason in reasons]
        found += [Problem(row.number, "", str(error.error)) for row in self.rows for error in row.errors]
        return sorted(found, key=lambda problem: problem.row)

    def changing(self) -> list[SheetRow]:
        return [row for row in self.rows if not row.is_skip()]

    def fingerprint(self) -> str:
        """Of everything the file would change: what was looked at is what is stored."""
        told = [[row.number, row.import_type, row.name, row.changes] for row in self.changing()]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


class SheetDataset(Dataset):  # type: ignore[misc]  # tablib is untyped
    """Rows on their way out, with their columns explained."""

    columns: Sequence[Column] = ()


class SheetResource(ModelResource):  # type: ignore[misc]  # import_export is untyped
    """Base of both sheets. `actor` writes; `expected` is the fingerprint of the preview. `tell` hears how
    many rows are judged of how many, `before` when the writing begins, and `settled` what was written, in the
    transaction that writes it."""

    title: ClassVar[str]
    needed: ClassVar[tuple[str, ...]]  # columns without which no row can be placed

    class Meta:
        use_transactions = True
        report_skipped = True
        skip_diff = True

    def __init__(self, *, actor: User, form: Any = None, expected: str = "", sha256: str = "") -> None:
        super().__init__()
        self.actor = actor
        self.form = form
        self.expected = expected
        self.sha256 = sha256
        self.tell: Callable[[int, int], None] | None = None
        self.before: Callable[[], None] | None = None
        self.settled: Callable[[SheetResult], None] | None = None
        self._rows_in_all = 0

    # --- in ------------------------------------------------------------------------------------
    def columns(self) -> list[Column]:
        """The columns of the sheet."""
        raise NotImplementedError

    def read_row(self, row: SheetRow, cells: Mapping[str, Any]) -> None:
        """Judge one row and keep what it would store. Raises ValidationError."""
        raise NotImplementedError

    def judge_all(self, result: SheetResult) -> None:
        """What can be judged only when all rows are known."""

    def store(self, reason: str) -> None:
        """Write what was kept."""
        raise NotImplementedError

    def touched(self) -> Iterable[Any]:
        """Rows that were read to be changed, as they were then."""
        raise NotImplementedError

    def get_result_class(self) -> type[SheetResult]:
        return SheetResult

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        self._rows_in_all = len(dataset)
        known = {column.name for column in self.columns()} | _READ_ONLY
        named = [name for name in dataset.headers if not name.startswith("\0")]
        strange = [name for name in named if name not in known]
        missing = [name for name in self.needed if name not in named]
        faults = [f"There is no column {name[:80]!r}." for name in strange[:10]]
        faults += [f"The column {name!r} is missing." for name in missing]
        if faults:
            del dataset[:]  # no row can be read without its columns
            raise WorkbookRefused(" ".join(faults))

    def import_row(self, row: Mapping[str, Any], instance_loader: Any, **kwargs: Any) -> SheetRow:
        outcome = SheetRow()
        outcome.number = row[ROW]
        if self.tell is not None:
            self.tell(kwargs.get("row_number", 0), self._rows_in_all)
        cells = {
            name: value for name, value in row.items() if name not in _READ_ONLY and not name.startswith("\0")
        }
        try:
            for name, value in row.items():
                if name.startswith(UNNAMED) and value is not None:
                    letter = name.removeprefix(UNNAMED)
                    raise ValidationError(f"There is a value in column {letter}, which has no name.")
            self.read_row(outcome, cells)
        except ValidationError as wrong:
            outcome.import_type = RowResult.IMPORT_TYPE_INVALID
            outcome.validation_error = wrong
        return outcome

    def after_import(self, dataset: Any, result: SheetResult, **kwargs: Any) -> None:
        for invalid, row in zip(result.invalid_rows, _invalid(result), strict=True):
            invalid.number = row.number
        self.judge_all(result)
        if self.form is not None:
            self.form.fingerprint = result.fingerprint()
        if kwargs.get("dry_run", True) or result.has_errors() or result.has_validation_errors():
            return
        if result.fingerprint() != self.expected:
            raise _outdated()
        if self.before is not None:
            self.before()
        try:
            with transaction.atomic():
                if result.changing():
                    self._require_untouched()
                    self._store_all(result, kwargs.get("file_name") or "a file")
                if self.settled is not None:
                    self.settled(result)
        except IntegrityError as taken:  # a code that somebody gave to another row meanwhile
            raise _outdated() from taken

    def _require_untouched(self) -> None:
        """Judging takes a while, and nobody is kept from editing by it."""
        read = {row.pk: row.updated_at for row in self.touched() if not row._state.adding}
        now = dict(self.get_queryset().select_for_update().values_list("pk", "updated_at"))
        if any(now.get(key) != moment for key, moment in read.items()):
            raise _outdated()

    def _store_all(self, result: SheetResult, file_name: str) -> None:
        self.store(f"import of {file_name}")
        services.record_import(
            actor=self.actor,
            what=self.title.lower(),
            file_name=file_name,
            sha256=self.sha256,
            counts={
                "new": result.totals[RowResult.IMPORT_TYPE_NEW],
                "changed": result.totals[RowResult.IMPORT_TYPE_UPDATE],
                "unchanged": result.totals[RowResult.IMPORT_TYPE_SKIP],
            },
        )

    def refuse(self, result: SheetResult, row: SheetRow, problems: Mapping[str, Any]) -> None:
        """Turn a row that was fine by itself into one that is not."""
        result.totals[row.import_type] -= 1
        row.import_type = RowResult.IMPORT_TYPE_INVALID
        result.totals[row.import_type] += 1
        result.append_invalid_row(row.number, {}, ValidationError(dict(problems)))

    # --- out -----------------------------------------------------------------------------------
    def rows_of(self, queryset: Any) -> Any:
        """The rows of the sheet as mappings of the columns."""
        raise NotImplementedError

    def export(self, queryset: Any = None, **kwargs: Any) -> SheetDataset:
        columns = [*self.columns(), _REVIEW_COLUMN]
        dataset = SheetDataset(headers=[column.name for column in columns], title=self.title)
        dataset.columns = columns
        for row in self.rows_of(self.get_queryset() if queryset is None else queryset):
            dataset.append([row.get(column.name) for column in columns])
        return dataset


def state_of(item: Any) -> str:
    """How sure and how reviewed an item is, wherever it is listed."""
    return f"{Confidence(item.confidence).label}; {ContentState(item.content_state).label}"


def review_of(item: Any) -> str:
    return str(ContentState(item.content_state).label)


def _outdated() -> Conflict:
    return Conflict(
        "Somebody changed the formulary since you looked. Nothing was written; look again.",
        code="import_outdated",
    )


def _invalid(result: SheetResult) -> list[SheetRow]:
    return [row for row in result.rows if row.is_invalid()]
