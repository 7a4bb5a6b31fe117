"""The file between its upload and the confirmation, and the format that both directions use."""

import hashlib
from datetime import timedelta
from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils import timezone
from import_export.formats.base_formats import XLSX
from import_export.forms import ConfirmImportForm
from import_export.tmp_storages import MediaStorage
from unfold.contrib.import_export.forms import ImportForm

from accounts.models import User
from medications.admin.sheets import workbook
from medications.admin.sheets.resource import ROW, UNNAMED, SheetDataset

_SALT = "medications.import"
_KEPT = timedelta(hours=1)
_FOLDER = "formulary-imports"


class Spreadsheet(XLSX):  # type: ignore[misc]  # import_export is untyped
    """XLSX within limits, and without formulas."""

    def create_dataset(self, in_stream: bytes) -> SheetDataset:
        """The first sheet; raises WorkbookRefused."""
        names, rows = workbook.read(in_stream)
        dataset = SheetDataset(headers=[ROW, *_padded(names)])
        for row in rows:
            dataset.append([row.number, *row.cells])
        if not rows:
            raise workbook.WorkbookRefused("There is no row below the names of the columns.")
        return dataset

    def export_data(self, dataset: SheetDataset, **kwargs: Any) -> bytes:
        return workbook.write(dataset.title, dataset.columns, dataset.dict)


def _padded(names: list[str]) -> list[str]:
    """A name for each cell of a row; columns without one get `UNNAMED` and their letter."""
    missing = [""] * (workbook.MAX_COLUMNS - len(names))
    return [
        name or f"{UNNAMED}{workbook.letter_of(place)}" for place, name in enumerate([*names, *missing], 1)
    ]


class Shelf(MediaStorage):  # type: ignore[misc]  # import_export is untyped
    """Where an upload waits for its confirmation: the store that every web process shares. What nobody
    confirmed within the hour goes with the next upload."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.MEDIA_FOLDER = _FOLDER

    def save(self, data: bytes) -> None:
        self._sweep()
        super().save(data)

    def exists(self) -> bool:
        return bool(self._storage.exists(self.get_full_path()))

    def _sweep(self) -> None:
        try:
            _, names = self._storage.listdir(_FOLDER)
        except FileNotFoundError:
            return
        for name in names:
            path = f"{_FOLDER}/{name}"
            if self._storage.get_modified_time(path) < timezone.now() - _KEPT:
                self._storage.delete(path)


class UploadForm(ImportForm):  # type: ignore[misc]  # unfold is untyped
    """Which file."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["import_file"]
        field.label = "File"
        field.widget.attrs["accept"] = ".xlsx"
        field.help_text = (
            f"An .xlsx workbook of at most {workbook.MAX_BYTES // 1024 // 1024} MB and "
            f"{workbook.MAX_ROWS:,} rows. The first sheet is read."
        )
        self.fields["format"].widget = forms.HiddenInput()

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > workbook.MAX_BYTES:
            raise ValidationError(f"The file is larger than {workbook.MAX_BYTES // 1024 // 1024} MB.")
        return file


class ConfirmForm(ConfirmImportForm):  # type: ignore[misc]  # import_export is untyped
    """What was looked at, signed: nobody can confirm another file, another preview or for somebody else."""

    ticket = forms.CharField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        try:
            ticket = signing.loads(data.get("ticket", ""), salt=_SALT, max_age=_KEPT)
        except signing.BadSignature as wrong:
            raise ValidationError("This preview is too old. Choose the file again.") from wrong
        if ticket["actor"] != str(self.actor.pk):
            raise ValidationError("Somebody else looked at this file. Choose it again yourself.")
        return {**data, "import_file_name": ticket["name"], **ticket}


def sign(*, actor: User, name: str, fingerprint: str, sha256: str, rows: int) -> str:
    """The ticket of a preview."""
    told = {"name": name, "fingerprint": fingerprint, "sha256": sha256, "rows": rows}
    return signing.dumps({"actor": str(actor.pk), **told}, salt=_SALT)


def digest(file: Any) -> str:
    """SHA-256 of an upload, hex."""
    found = hashlib.sha256()
    for chunk in file.chunks():
        found.update(chunk)
    return found.hexdigest()


def content_of(file: Any) -> bytes:
    """An upload whole, left as it was found."""
    file.seek(0)
    content: bytes = file.read()
    file.seek(0)
    return content
