"""The page on which an auditor asks for an export, watches it and fetches it."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin import proof
from accounts.audit import jobs
from accounts.audit.admin.base import DASH, ReadOnlyAdmin, actor_of
from accounts.audit.checkpoint import Checkpoint, NotACheckpoint
from accounts.audit.keys import signing_key
from accounts.audit.models import AuditExport
from accounts.policy import Permission, allows
from dermatech.core import leases
from dermatech.core.errors import DomainError

_WAITING = (AuditExport.State.QUEUED, AuditExport.State.RUNNING)
_LOOK_AGAIN_SECONDS = "3"


class ExportForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """What is asked for."""

    kept = forms.CharField(
        required=False,
        label="A checkpoint that you kept",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        help_text="Paste it whole. Only a part of the log needs this, to be comparable with it.",
    )

    class Meta:
        model = AuditExport
        fields = ("since", "until", "person", "patient", "action")
        help_texts = {  # Django's own way
            "since": "UTC. Empty: from the beginning.",
            "until": "UTC, not included. Empty: up to now.",
            "person": "Id of an account, or the full name exactly as in the events: Ama Mensah.",
            "patient": "Id of the consultation: 0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10.",
            "action": "One kind of act.",
        }

    def clean_kept(self) -> list[int]:
        text = self.cleaned_data["kept"].replace("\r\n", "\n").strip()
        if not text:
            return []
        try:
            return [Checkpoint.opened(text + "\n", signing_key()).size]
        except NotACheckpoint as error:
            raise forms.ValidationError(str(error)) from error


@admin.register(AuditExport)
class AuditExportAdmin(ReadOnlyAdmin):
    """Bundles that prove themselves."""

    form = ExportForm
    list_display = ("asked", "requested_by", "what", "state_badge", "events", "fetch")
    list_display_links = ("asked",)
    list_select_related = ("requested_by",)
    ordering = ("-id",)
    when_empty = "Ask for the first one with the button above; a worker makes it within a minute."
    fieldsets = (
        (
            "What to export",
            {
                "fields": ("since", "until", "person", "patient", "action", "kept"),
                "description": "Leave everything empty for the whole log: only that proves that nothing is "
                "missing. A part proves that each of its events stands in the log.",
            },
        ),
    )
    shown = (
        (None, {"fields": ("state_word", "progress", "fetch", "problem")}),
        ("What was asked for", {"fields": ("requested_by", "asked", "what", "compared")}),
        ("What is in it", {"fields": ("events", "tree_size", "truth", "size", "expires_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.shown if obj else self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, part in self.shown for name in part["fields"]] if obj else ()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request.user, Permission.AUDIT_EXPORT)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request.user, Permission.AUDIT_EXPORT)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        own = path("<uuid:export_id>/download", view, name="accounts_auditexport_download")
        return [own, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: AuditExport, form: ExportForm, change: bool) -> None:
        asked = jobs.request_export(
            actor=actor_of(request), selection=jobs.selection_of(obj), against=form.cleaned_data["kept"]
        )
        obj.pk, obj._state.adding = asked.pk, False
        obj.refresh_from_db()

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The audit log has it."""

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        messages.success(request, "A worker makes your export; this page tells how far it is.")
        return HttpResponseRedirect(reverse("admin:accounts_auditexport_change", args=[obj.pk]))

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        page = super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **buttons})
        waiting = AuditExport.objects.filter(pk=object_id, state__in=_WAITING) if object_id else None
        if waiting is not None and waiting.exists():
            page.headers["Refresh"] = _LOOK_AGAIN_SECONDS
        return page

    def download(self, request: HttpRequest, export_id: uuid.UUID) -> HttpResponse | FileResponse:
        """The archive; each fetch is recorded."""
        export = AuditExport.objects.filter(pk=export_id).first()
        if export is None or not self.has_view_permission(request):
            raise Http404
        if (again := proof.ask_again(request)) is not None:
            return again
        try:
            content = jobs.open_file(actor=actor_of(request), export=export)
        except DomainError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(reverse("admin:accounts_auditexport_change", args=[export.pk]))
        return FileResponse(
            content, as_attachment=True, filename=jobs.file_name(export), content_type="application/zip"
        )

    @admin.display(description="asked for (UTC)", ordering="id")
    def asked(self, export: AuditExport) -> str:
        return date_format(export.created_at, "Y-m-d H:i:s")

    @admin.display(description="which events")
    def what(self, export: AuditExport) -> str:
        parts = [
            f"{name} {value}"
            for name, value in jobs.selection_of(export).as_dict().items()
            if value is not None
        ]
        return ", ".join(parts) or "the whole log"

    @display(  # type: ignore[untyped-decorator]  # unfold is untyped
        description="state",
        label={"queued": "info", "running": "warning", "ready": "success", "failed": "danger"},
    )
    def state_badge(self, export: AuditExport) -> tuple[str, str]:
        return export.state, export.get_state_display()

    @admin.display(description="state")
    def state_word(self, export: AuditExport) -> str:
        return export.get_state_display()

    @admin.display(description="comparable with checkpoints of")
    def compared(self, export: AuditExport) -> str:
        return ", ".join(f"{size:,} events" for size in export.against) or DASH

    @admin.display(description="progress")
    def progress(self, export: AuditExport) -> str:
        if leases.nobody_works(export):
            waited = int((timezone.now() - export.created_at).total_seconds())
            return (
                f"Nobody has taken it for {waited} s: no worker is running. Start one, or use export_audit."
            )
        if not export.tree_size:
            return "waiting for a worker" if export.state in _WAITING else DASH
        return f"{export.done / export.tree_size:.0%} of {export.tree_size:,} events gone through"

    @admin.display(description="file")
    def fetch(self, export: AuditExport) -> SafeString | str:
        if export.state != AuditExport.State.READY:
            return DASH
        return format_html(
            '<a class="font-medium text-primary-600 underline dark:text-primary-500" href="{}">Download</a>',
            reverse("admin:accounts_auditexport_download", args=[export.pk]),
        )

    @admin.display(description="problem")
    def problem(self, export: AuditExport) -> str:
        return export.error or DASH

    @admin.display(description="true to what was signed")
    def truth(self, export: AuditExport) -> str:
        said = {True: "yes", False: "NO: the log was changed; the verifier says where", None: DASH}
        return said[export.faithful]

    @admin.display(description="size of the file")
    def size(self, export: AuditExport) -> str:
        return f"{export.size_bytes / 1e6:,.1f} MB" if export.size_bytes else DASH
