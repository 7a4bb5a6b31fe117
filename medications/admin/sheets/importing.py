"""Import and export in the admin: upload, look at what would change, confirm."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from import_export.admin import ImportExportMixin
from import_export.results import RowResult

from medications.admin.sheets.files import ConfirmForm, Shelf, Spreadsheet, UploadForm, digest, sign
from medications.admin.sheets.resource import SheetResource, SheetResult
from medications.admin.sheets.workbook import WorkbookRefused
from triage.admin.base import actor_of

# Of a large file the page shows this many changed rows and problems; the numbers are of all.
SHOWN = 200


class SheetAdmin(ImportExportMixin):  # type: ignore[misc]  # import_export is untyped
    """For admins of medicines and treatments. Whoever may curate may import, whoever may look may export."""

    import_form_class = UploadForm
    confirm_form_class = ConfirmForm
    import_template_name = "admin/medications/import.html"
    tmp_storage_class = Shelf
    skip_admin_log = True  # the audit log holds every row that was written
    skip_export_form = True
    formats = (Spreadsheet,)
    sheet: type[SheetResource]

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def get_resource_classes(self, request: HttpRequest) -> list[type[SheetResource]]:
        return [self.sheet]

    # --- what is looked at -----------------------------------------------------------------------
    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form")
        confirmed = form.cleaned_data if isinstance(form, ConfirmForm) else {}
        return {
            "actor": actor_of(request),
            "form": form,
            "expected": confirmed.get("fingerprint", ""),
            "sha256": confirmed.get("sha256", ""),
        }

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"actor": actor_of(request)}

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        page: Any = super().import_action(request, **kwargs)
        result = getattr(page, "context_data", {}).get("result")
        if result is not None:
            page.context_data.update(_told(result))
        if hasattr(page, "context_data"):
            page.context_data["title"] = f"Import {self.sheet.title.lower()}"
            page.context_data["sheet_title"] = self.sheet.title.lower()
            page.context_data["columns"] = self.sheet(actor=actor_of(request)).columns()
        return page  # type: ignore[no-any-return]

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        said = str(e) if isinstance(e, WorkbookRefused) else "This file cannot be read."
        form.add_error("import_file", said)

    def get_confirm_form_kwargs(self, request: HttpRequest, import_form: Any = None) -> dict[str, Any]:
        return {**super().get_confirm_form_kwargs(request, import_form), "actor": actor_of(request)}

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_confirm_form_initial(request, import_form)
        if import_form is not None:
            file = import_form.cleaned_data["import_file"]
            initial["ticket"] = sign(
                actor=actor_of(request),
                name=file.tmp_storage_name,
                fingerprint=import_form.fingerprint,
                sha256=digest(file),
            )
        return initial

    # --- what is confirmed -----------------------------------------------------------------------
    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Without a valid ticket, or with a file that is gone, back to choosing a file."""
        if request.method == "POST" and self.has_import_permission(request):
            form = self.create_confirm_form(request)
            if not form.is_valid():
                said = [str(text) for texts in form.errors.values() for text in texts]
                return self._again(request, said[0])
        try:
            page: HttpResponse = super().process_import(request, **kwargs)
        except FileNotFoundError:
            return self._again(request, "This import was confirmed already, or the file is gone.")
        return page

    def process_dataset(self, dataset: Any, form: Any, request: HttpRequest, **kwargs: Any) -> SheetResult:
        result: SheetResult = super().process_dataset(
            dataset, form, request, raise_errors=False, rollback_on_validation_errors=True, **kwargs
        )
        return result

    def process_result(self, result: SheetResult, request: HttpRequest) -> HttpResponse:
        problems = result.problems()
        if problems:
            return self._again(request, problems[0].reason)
        messages.success(request, _counted(result))
        return HttpResponseRedirect(self._url("changelist"))

    def _again(self, request: HttpRequest, reason: str) -> HttpResponse:
        messages.error(request, reason)
        return HttpResponseRedirect(self._url("import"))

    def _url(self, name: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}")

    def get_export_filename(self, request: HttpRequest, queryset: Any, file_format: Any) -> str:
        return f"{self.sheet.title.lower()}-{timezone.now():%Y-%m-%d}.xlsx"


def _told(result: SheetResult) -> dict[str, Any]:
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


def _counted(result: SheetResult) -> str:
    counts = _told(result)["counts"]
    return (
        f"Imported: {counts['new']} new, {counts['changed']} changed, {counts['unchanged']} unchanged. "
        "Nothing takes effect before a release."
    )
