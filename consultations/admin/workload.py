"""The operator's view of the analyses: how long the queue is, what is stuck, what is under quarantine, and
doing such a one again by a person who was asked first."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from consultations.admin import asking
from consultations.admin.base import actor_of
from consultations.models import Analysis, Status
from consultations.services import analyses, workload
from dermatech.core.errors import DomainError

_MINUTE = 60
_RELEASE = (
    "Released, it is tried three times more and may stop a worker each time; others wait a little longer "
    "then. Do it when the cause was found: an update, more memory, a repaired store."
)


class Standing(SimpleListFilter):
    """What an operator looks for."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("stuck", "Stuck"), ("quarantined", "Under quarantine")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> QuerySet[Analysis]:
        chosen = {"stuck": workload.stuck(timezone.now()), "quarantined": workload.quarantined()}
        return queryset.filter(chosen.get(self.value() or "", Q()))


def panel() -> dict[str, Any]:
    """The numbers above the list, each with the way to its rows."""
    seen = workload.look()
    rows = reverse("admin:consultations_analysis_changelist")
    age = seen.queue_age(timezone.now()).total_seconds()
    waited = f"{age:.0f} s" if age < _MINUTE else f"{age / _MINUTE:.0f} min"
    cells = [
        (
            "Queued",
            seen.queued,
            "status__exact=queued",
            f"the oldest for {waited}" if seen.queued else "",
            False,
        ),
        ("Running", seen.running, "status__exact=running", "", False),
        ("Stuck", seen.stuck, "standing=stuck", "is a worker alive?", True),
        ("Under quarantine", seen.quarantined, "standing=quarantined", "they harmed their worker", True),
        ("Failed otherwise", seen.failed, "status__exact=failed", "", True),
    ]
    return {
        "workload": [
            {"title": title, "count": count, "link": f"{rows}?{query}", "note": note if count else "",
             "alarming": alarm and count > 0}
            for title, count, query, note, alarm in cells
        ]
    }  # fmt: skip


def try_again(request: HttpRequest, analysis_id: UUID) -> HttpResponse:
    """Ask, and on a yes queue it with fresh budgets."""
    back = reverse("admin:consultations_analysis_change", args=[analysis_id])
    if asking.answered(request) is None:
        return asking.page(request, _question(analysis_id, back), forms.Form())
    try:
        analyses.retry(actor=actor_of(request), analysis_id=analysis_id)
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "Queued again.")
    return HttpResponseRedirect(back)


def _question(analysis_id: UUID, back: str) -> asking.Question:
    rows = Analysis.objects.select_related("submitted_by", "consultation__premises")
    shown = ("status", "error_code", "error_detail", "created_at", "submitted_by__full_name")
    row = rows.only(*shown, "consultation__premises__name").filter(pk=analysis_id).first()
    detail = row.error_detail if row else ""
    which = _which(row) if row else ""
    if row is None or row.error_code != analyses.QUARANTINED or row.status != Status.FAILED:
        lines = [which, detail, "It is queued again, with as many tries as a new one."]
        return asking.Question(
            "Try this analysis again?", [line for line in lines if line], "Try again", back
        )
    return asking.Question(
        "Release this analysis from quarantine?",
        [which, detail, _RELEASE],
        "Release and try again",
        back,
        grave=True,
    )


def _which(row: Analysis) -> str:
    """Which one it is, so that nobody says yes to another."""
    when = date_format(timezone.localtime(row.created_at), "DATETIME_FORMAT")
    who = row.submitted_by.full_name if row.submitted_by else "the system"
    return f"Analysis {str(row.pk)[-8:]} of {when}, sent by {who} at {row.consultation.premises.name}."
