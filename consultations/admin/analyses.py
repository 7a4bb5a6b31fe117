"""Analyses: what is queued, running, stuck or failed, and trying again."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts import audit, policy
from accounts.admin.decorators import action, display
from consultations.admin.base import LEVEL_COLOURS, STATUS_COLOURS, CaseAdmin, CaseInline, actor_of, bullets
from consultations.models import Analysis, Status
from consultations.services import analyses as services
from dermatech.core.errors import DomainError


class AnalysisInline(CaseInline):
    """The analyses of a consultation."""

    model = Analysis
    fields = readonly_fields = ("status", "triage_level", "duration_ms", "error_code", "created_at")


@admin.register(Analysis)
class AnalysisAdmin(CaseAdmin):
    """Jobs over photos. A failed one can be tried again; a quarantined one stopped its worker every
    time and should be looked at first."""

    read_action = audit.Action.ANALYSIS_READ
    list_display = (
        "id",
        "show_status",
        "show_level",
        "consultation_id",
        "created_at",
        "duration_ms",
        "attempts",
        "interruptions",
        "error_code",
    )
    list_filter = ("status", "triage_level", "error_code", "created_at")
    search_fields = ("id", "consultation__id", "request_id")
    search_help_text = "Id of the analysis or its consultation, or a request id."
    list_select_related = ("consultation", "submitted_by", "guidelines_release", "formulary_release", "model")
    deferred = (
        "consultation__notes",
        "consultation__initials",
        "guidelines_release__snapshot",
        "formulary_release__snapshot",
        "inputs",
    )
    actions = ("retry_selected",)
    actions_detail = ("retry",)
    fieldsets = (
        (
            "State",
            {
                "fields": (
                    "consultation",
                    "status",
                    "error_code",
                    "error_detail",
                    "attempts",
                    "interruptions",
                    "duration_ms",
                ),
                "description": "Errors and interruptions (a worker that vanished) are counted apart.",
            },
        ),
        (
            "Answer",
            {
                "fields": ("triage_level", "rules", "ranking", "image", "heatmap"),
                "description": "What the pharmacist was shown.",
            },
        ),
        (
            "Provenance",
            {
                "fields": (
                    "guidelines_release",
                    "formulary_release",
                    "model",
                    "submitted_by",
                    "request_id",
                    "fence",
                    "lease_until",
                    "sent_at",
                    "created_at",
                    "started_at",
                    "finished_at",
                ),
                "description": "Enough to do it again: manage.py replay followed by the id.",
            },
        ),
    )
    readonly_fields = ("rules", "ranking", "image")

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def show_status(self, row: Analysis) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @display(description="level", ordering="triage_level", label=LEVEL_COLOURS)
    def show_level(self, row: Analysis) -> tuple[str, str]:
        return row.triage_level, row.get_triage_level_display() or "—"

    @display(description="rules that decided")
    def rules(self, row: Analysis) -> SafeString | str:
        return bullets(
            f"{rule['title']} ({'; '.join(rule['because'])})" for rule in (row.triage or {}).get("rules", ())
        )

    @display(description="conditions")
    def ranking(self, row: Analysis) -> SafeString | str:
        return bullets(f"{each['name']}: {each['band']}" for each in (row.result or {}).get("conditions", ()))

    @display(description="image model")
    def image(self, row: Analysis) -> str:
        return str((row.result or {}).get("image_note") or "—")

    def has_retry_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not policy.allows(actor_of(request), policy.Permission.CONSULTATION_READ_ALL):
            return False
        return object_id is None or Analysis.objects.filter(pk=object_id, status=Status.FAILED).exists()

    @action(description="Try again", icon="refresh", permissions=["retry"], url_path="retry")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        self._retry(request, [UUID(str(object_id))])
        return HttpResponseRedirect(reverse("admin:consultations_analysis_change", args=[object_id]))

    @admin.action(description="Try the selected failed analyses again", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._retry(request, list(queryset.values_list("pk", flat=True)))

    def _retry(self, request: HttpRequest, ids: list[UUID]) -> None:
        done = 0
        for analysis_id in ids:
            try:
                services.retry(actor=actor_of(request), analysis_id=analysis_id)
            except DomainError as error:
                messages.error(request, f"{analysis_id}: {error.detail}")
            else:
                done += 1
        if done:
            messages.success(request, f"{done} queued again.")
