"""Analyses: what is queued, running, stuck or failed, and trying again."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import audit, policy
from accounts.admin.decorators import action, display
from consultations.admin import record, workload
from consultations.admin.base import (
    LEVEL_COLOURS,
    STATUS_COLOURS,
    CaseAdmin,
    CaseInline,
    actor_of,
    badge,
    case_link,
)
from consultations.admin.filters import Failure
from consultations.models import Analysis, Status
from consultations.services import analyses as services
from consultations.services import storage
from consultations.services.dispatch import Queue
from dermatech.core.errors import DomainError, Unavailable


def _seconds(row: Analysis) -> str:
    return "—" if row.duration_ms is None else f"{row.duration_ms / 1000:.1f} s"


class AnalysisInline(CaseInline):
    """The analyses of a consultation."""

    model = Analysis
    fields = readonly_fields = ("created_at", "status", "triage_level", "took", "error_code")
    hide_title = True

    @display(description="took")
    def took(self, row: Analysis) -> str:
        return _seconds(row)


@admin.register(Analysis)
class AnalysisAdmin(CaseAdmin):
    """Jobs over photos. A failed one can be tried again; a quarantined one stopped its worker every
    time and should be looked at first."""

    read_action = audit.Action.ANALYSIS_READ
    list_display = (
        "created_at",
        "show_status",
        "show_level",
        "case",
        "took",
        "attempts",
        "interruptions",
        "error_code",
    )
    list_filter = ("status", workload.Standing, "triage_level", Failure, "created_at")
    list_before_template = "admin/consultations/workload.html"
    search_fields = ("id", "consultation__id", "request_id")
    search_help_text = "Id of the analysis or its consultation, or a request id"
    list_select_related = ()
    ordering = ("-created_at", "-id")
    deferred = ("inputs", "evidence", "result", "triage")
    actions = ("retry_selected",)
    actions_detail = ("retry", "do_again")
    fieldsets = (
        (
            "State",
            {
                "fields": (
                    ("consultation", "status"),
                    ("error_code", "error_detail"),
                    ("attempts", "interruptions"),
                    "took",
                ),
                "description": "Errors and interruptions (a worker that vanished) are counted apart.",
            },
        ),
        (
            "Answer",
            {
                "fields": ("level", "rules", "ranking", "image", "heat_map"),
                "description": "What the pharmacist was shown.",
            },
        ),
        (
            "Provenance",
            {
                "fields": (
                    ("guidelines_release", "formulary_release"),
                    ("model", "submitted_by"),
                    ("created_at", "sent_at"),
                    ("started_at", "finished_at"),
                    ("fence", "lease_until"),
                    ("id", "request_id"),
                ),
                "description": "Enough to do it again: Replay above, or manage.py replay followed by the id.",
            },
        ),
    )
    readonly_fields = ("level", "took", "rules", "ranking", "image", "heat_map")

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def show_status(self, row: Analysis) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @display(description="level", ordering="triage_level", label=LEVEL_COLOURS)
    def show_level(self, row: Analysis) -> tuple[str, str]:
        return row.triage_level, row.get_triage_level_display() or "—"

    @display(description="level")
    def level(self, row: Analysis) -> SafeString | str:
        return badge(row.triage_level, row.get_triage_level_display()) if row.triage_level else "—"

    @display(description="rules that decided")
    def rules(self, row: Analysis) -> SafeString | str:
        return record.rules(row.triage)

    @display(description="conditions")
    def ranking(self, row: Analysis) -> SafeString | str:
        return record.ranking(row.result)

    @display(description="image model")
    def image(self, row: Analysis) -> str:
        return str((row.result or {}).get("image_note") or "—")

    @display(description="heat map")
    def heat_map(self, row: Analysis) -> SafeString | str:
        if not row.heatmap:
            return "None: no image model took part."
        address = reverse("admin:consultations_analysis_heatmap", args=[row.pk])
        return format_html(
            '<img src="{}" style="height: 320px" alt="What the image model looked at">', address
        )

    @display(description="consultation", ordering="consultation_id")
    def case(self, row: Analysis) -> SafeString:
        return case_link(row.consultation_id)

    @display(description="took", ordering="duration_ms")
    def took(self, row: Analysis) -> str:
        return _seconds(row)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {**workload.panel(), **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.heatmap)
        own = path("<uuid:analysis_id>/heatmap", view, name="consultations_analysis_heatmap")
        return [own, *super().get_urls()]

    def heatmap(self, request: HttpRequest, analysis_id: UUID) -> HttpResponse:
        """The picture, for those who may see its consultation; 404 for anybody else."""
        row = self.get_queryset(request).filter(pk=analysis_id).first()
        if row is None or not row.heatmap or not self.has_view_permission(request, row):
            raise Http404
        try:
            content = storage.read(row.heatmap.name)
        except Unavailable as error:
            return HttpResponse(error.detail, status=error.status, content_type="text/plain; charset=utf-8")
        with transaction.atomic():
            audit.record(
                actor=actor_of(request),
                action=audit.Action.HEATMAP_READ,
                entity=row,
                patient=row.consultation_id,
            )
        return HttpResponse(
            content, content_type="image/png", headers={"Cache-Control": "private, max-age=300"}
        )

    def has_retry_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not policy.allows(actor_of(request), policy.Permission.CONSULTATION_READ_ALL):
            return False
        return object_id is None or Analysis.objects.filter(pk=object_id, status=Status.FAILED).exists()

    def has_replay_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not policy.allows(actor_of(request), policy.Permission.CONSULTATION_READ_ALL):
            return False
        return object_id is None or Analysis.objects.filter(pk=object_id, status=Status.SUCCEEDED).exists()

    @action(description="Replay", icon="replay", permissions=["replay"], url_path="replay")
    def do_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same inputs under the pinned releases and model; changes nothing."""
        # With it come the numerical libraries and the image model's runtime: not into every web process.
        from consultations.services.replaying import replay

        try:
            done = replay(actor=actor_of(request), analysis_id=UUID(str(object_id)))
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            for difference in done.differences:
                messages.warning(request, difference)
            for note in done.notes:
                messages.info(request, note)
            if done.identical:
                messages.success(request, "Replayed: the same inputs give the same answer.")
        return HttpResponseRedirect(reverse("admin:consultations_analysis_change", args=[object_id]))

    @action(description="Try again", icon="refresh", permissions=["retry"], url_path="retry")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return workload.try_again(request, UUID(str(object_id)))

    @admin.action(description="Try the selected failed analyses again", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._retry(request, list(queryset.values_list("pk", flat=True)))

    def _retry(self, request: HttpRequest, ids: list[UUID]) -> None:
        done = 0
        for analysis_id in ids:
            try:
                services.retry(actor=actor_of(request), analysis_id=analysis_id, queue=Queue.BULK)
            except DomainError as error:
                messages.error(request, f"{analysis_id}: {error.detail}")
            else:
                done += 1
        if done:
            messages.success(request, f"{done} queued again.")
