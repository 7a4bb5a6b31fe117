"""Import and export in the admin: upload, look at what would change, confirm.

A long file is judged and stored by a worker (`medications.admin.sheets.background`), behind the same pages.
"""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from import_export.admin import ImportExportMixin

from accounts import background as jobs
from accounts.models import BackgroundJob
from medications.admin.sheets import background
from medications.admin.sheets.files import (
    ConfirmForm,
    Shelf,
    Spreadsheet,
    UploadForm,
    content_of,
    digest,
    sign,
)
from medications.admin.sheets.resource import Problem, SheetResource, SheetResult
from medications.admin.sheets.workbook import WorkbookRefused
from triage.admin.base import actor_of

_GONE = "This import was confirmed already, or the file is gone."


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
        if request.method == "POST" and self.has_import_permission(request):
            form = self.create_import_form(request)
            if form.is_valid() and (job := self._to_be_checked(request, form)) is not None:
                return HttpResponseRedirect(jobs.address(job))
        page: Any = super().import_action(request, **kwargs)
        result = getattr(page, "context_data", {}).get("result")
        if result is not None:
            page.context_data.update(background.told(result))
        elif request.method == "GET" and "checked" in request.GET:
            page.context_data.update(self._checked(request))
        if hasattr(page, "context_data"):
            page.context_data["title"] = f"Import {self.sheet.title.lower()}"
            page.context_data["sheet_title"] = self.sheet.title.lower()
            page.context_data["columns"] = self.sheet(actor=actor_of(request)).columns()
        return page  # type: ignore[no-any-return]

    def _to_be_checked(self, request: HttpRequest, form: Any) -> BackgroundJob | None:
        """The job that judges the file, where it is a long one."""
        file = form.cleaned_data["import_file"]
        content = content_of(file)
        if not background.is_long(content):
            return None
        shelf = Shelf(read_mode="rb", encoding=None)
        shelf.save(content)
        given = {"file": shelf.name, "sha256": digest(file)}
        return self._asked(request, background.CHECK, "Check of", file.name, given)

    def _checked(self, request: HttpRequest) -> dict[str, Any]:
        """What a worker found in a file, for the one who sent it."""
        mine = BackgroundJob.objects.filter(
            asked_by=actor_of(request), kind=background.CHECK, state=BackgroundJob.State.SUCCEEDED,
            given__sheet=self.sheet.title,
        )  # fmt: skip
        try:
            job = mine.get(pk=request.GET["checked"])
        except (BackgroundJob.DoesNotExist, ValidationError):
            raise Http404 from None
        found = dict(job.result or {})
        found["problems"] = [Problem(*each) for each in found["problems"]]
        if not found["problems"]:
            given = job.given
            ticket = sign(
                actor=actor_of(request), name=given["file"], fingerprint=found["fingerprint"],
                sha256=given["sha256"], rows=found["counts"]["rows"],
            )  # fmt: skip
            initial = {
                "import_file_name": given["file"], "original_file_name": given["name"], "format": "0",
                "resource": "0", "ticket": ticket,
            }  # fmt: skip
            found["confirm_form"] = ConfirmForm(initial=initial, actor=actor_of(request))
        return found

    def _asked(
        self, request: HttpRequest, kind: str, what: str, name: str, given: dict[str, Any]
    ) -> BackgroundJob:
        given = {"sheet": self.sheet.title, "name": name, **given}
        about = f"{what} {name[:120]}, {self.sheet.title.lower()}"
        back = background.address(self.sheet, "import")
        return jobs.ask(actor=actor_of(request), kind=kind, about=about, given=given, back=back)

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
                rows=0,
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
            if form.cleaned_data.get("rows", 0) > background.IN_REQUEST:
                return self._store_later(request, form.cleaned_data)
        try:
            page: HttpResponse = super().process_import(request, **kwargs)
        except FileNotFoundError:
            return self._again(request, _GONE)
        return page

    def _store_later(self, request: HttpRequest, ticket: dict[str, Any]) -> HttpResponse:
        shelf = Shelf(name=ticket["name"], read_mode="rb", encoding=None)
        if not shelf.exists():
            return self._again(request, _GONE)
        given = {"file": ticket["name"], "sha256": ticket["sha256"], "fingerprint": ticket["fingerprint"]}
        name = ticket.get("original_file_name") or "a file"
        job = self._asked(request, background.STORE, "Import of", name, given)
        return HttpResponseRedirect(jobs.address(job))

    def process_dataset(self, dataset: Any, form: Any, request: HttpRequest, **kwargs: Any) -> SheetResult:
        result: SheetResult = super().process_dataset(
            dataset, form, request, raise_errors=False, rollback_on_validation_errors=True, **kwargs
        )
        return result

    def process_result(self, result: SheetResult, request: HttpRequest) -> HttpResponse:
        problems = result.problems()
        if problems:
            return self._again(request, problems[0].reason)
        messages.success(request, background.counted(result))
        return HttpResponseRedirect(background.address(self.sheet, "changelist"))

    def _again(self, request: HttpRequest, reason: str) -> HttpResponse:
        messages.error(request, reason)
        return HttpResponseRedirect(background.address(self.sheet, "import"))

    def get_export_filename(self, request: HttpRequest, queryset: Any, file_format: Any) -> str:
        return f"{self.sheet.title.lower()}-{timezone.now():%Y-%m-%d}.xlsx"
