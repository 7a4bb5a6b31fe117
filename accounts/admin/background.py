"""The page on which long work is watched, called off, and its end read."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from accounts import background
from accounts.admin.decorators import display
from accounts.admin.people import actor_of
from accounts.models import BackgroundJob
from dermatech.core import leases
from dermatech.core.errors import DomainError

State = BackgroundJob.State
_COLOURS = {
    State.QUEUED: "info", State.RUNNING: "warning", State.SUCCEEDED: "success", State.FAILED: "danger",
    State.CANCELLED: "info",
}  # fmt: skip


@admin.register(BackgroundJob)
class BackgroundJobAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Imports, replays and proposals that a worker does. Everybody sees their own."""

    list_display = ("about", "show_state", "progress", "who", "created_at", "finished_at")
    list_filter = ("state",)
    list_select_related = ("asked_by",)
    ordering = ("-id",)
    actions = None
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    when_empty = "Large imports, replays and proposals appear here while a worker does them."

    def get_queryset(self, request: HttpRequest) -> QuerySet[BackgroundJob]:
        return BackgroundJob.objects.visible_to(actor_of(request)).defer("result", "given")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        name = "accounts_backgroundjob"
        return [
            path("<uuid:job_id>/state", wrap(self.state_view), name=f"{name}_state"),
            path("<uuid:job_id>/call-off", wrap(self.call_off_view), name=f"{name}_call_off"),
            *super().get_urls(),
        ]

    @display(description="state", ordering="state", label=_COLOURS)
    def show_state(self, job: BackgroundJob) -> tuple[str, str]:
        return job.state, job.get_state_display()

    @display(description="asked for by", ordering="asked_by__full_name")
    def who(self, job: BackgroundJob) -> str:
        return job.asked_by.full_name

    @display(description="progress")
    def progress(self, job: BackgroundJob) -> str:
        return f"{job.done:,} of {job.total:,}" if job.total else "—"

    # --- pages -------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        job = self._found(request, object_id)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": job.about, "job": job,
            "told": told(job), "media": self.media, "may_call_off": _may_call_off(request, job),
            "back": job.back or reverse("admin:index"), "original": job,
        }  # fmt: skip
        return TemplateResponse(request, "admin/accounts/background_job.html", context)

    def state_view(self, request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
        """What the page's script asks for while it runs."""
        return JsonResponse(told(self._found(request, str(job_id))))

    def call_off_view(self, request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
        job = self._found(request, str(job_id))
        if request.method == "POST":
            try:
                background.call_off(actor=actor_of(request), job=job)
            except DomainError as refused:
                messages.error(request, refused.detail)
        return HttpResponseRedirect(background.address(job))

    def _found(self, request: HttpRequest, object_id: str) -> BackgroundJob:
        job = self.get_object(request, object_id)
        if not isinstance(job, BackgroundJob):
            raise Http404
        return job


def _may_call_off(request: HttpRequest, job: BackgroundJob) -> bool:
    return job.can_be_called_off and job.asked_by_id == actor_of(request).pk


def told(job: BackgroundJob) -> dict[str, Any]:
    """How far it is, in words and numbers."""
    return {
        "state": job.state,
        "live": job.is_live,
        "said": _sentence(job),
        "done": job.done,
        "total": job.total,
        "final": job.final,
        "onward": job.link if (job.result or {}).get("onward") else "",
    }


def _sentence(job: BackgroundJob) -> str:
    if job.state == State.SUCCEEDED:
        return job.said
    if job.state == State.FAILED:
        return job.error
    if job.state == State.CANCELLED:
        return "It was called off. Nothing was written."
    if leases.nobody_works(job):
        return "Nobody has taken it yet: no worker is running. It starts by itself as soon as one does."
    if job.state == State.QUEUED:
        return "It waits for a worker, a few seconds as a rule."
    step = job.step or "Under way"
    return f"{step}: {job.done:,} of {job.total:,}" if job.total and not job.final else f"{step} …"
