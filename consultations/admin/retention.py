"""The time limit of pictures: what is due, doing it now, what the daily runs did."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts import policy
from accounts.admin import proof
from accounts.admin.decorators import action
from consultations.admin.asking import Question, answered, page
from consultations.admin.base import actor_of, table
from consultations.services import retention

_PAGE = "admin:consultations_consultation_retention"


class NothingToSay(forms.Form):
    """A plain yes."""


class RetentionMixin:
    """Adds the button “Retention”, for administrators, above the list of consultations."""

    actions_list = ("retention",)

    def has_retention_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return policy.allows(actor_of(request), policy.Permission.OPERATIONS_READ)

    def get_urls(self) -> list[URLPattern]:
        site: Any = self.admin_site  # type: ignore[attr-defined]  # of the admin that this is mixed into
        now = path(
            "retention/now",
            site.admin_view(self.retention_now),
            name="consultations_consultation_retention_now",
        )
        others: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [now, *others]

    @action(description="Retention", icon="auto_delete", permissions=["retention"], url_path="retention")
    def retention(self, request: HttpRequest) -> HttpResponse:
        rows = [
            (
                date_format(timezone.localtime(run.at), "DATETIME_FORMAT"), run.by, run.said["before"][:10],
                run.said["consultations"], run.said["photos"], run.said["heatmaps"], run.said["postponed"],
            )
            for run in retention.runs()
        ]  # fmt: skip
        head = ("Run", "By", "Older than", "Consultations", "Photos", "Heat maps", "Postponed")
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]  # of the admin it is in
            "title": "Retention of pictures",
            "days": settings.PHOTO_RETENTION_DAYS,
            "due": retention.due(),
            "runs": table(head, rows) if rows else "",
            "now": reverse(f"{_PAGE}_now"),
        }
        return TemplateResponse(request, "admin/consultations/retention.html", context)

    def retention_now(self, request: HttpRequest) -> HttpResponse:
        """The question, and on a yes the run."""
        if not self.has_retention_permission(request):
            raise Http404
        if (again := proof.ask_again(request)) is not None:
            return again
        ahead = retention.due()
        form = NothingToSay(answered(request))
        if not form.is_valid():
            question = Question(
                title="Take these pictures away now?",
                lines=(
                    f"These go for good: {ahead.photos} photos, {ahead.heatmaps} heat maps.",
                    f"With them go initials and notes of {ahead.consultations} consultations.",
                    "What was asked, advised and supplied stays.",
                ),
                button="Take them away", back=reverse(_PAGE), grave=True,
            )  # fmt: skip
            return page(request, question, form)
        report = retention.run(actor=actor_of(request))
        if report is None:
            messages.error(request, "PHOTO_RETENTION_DAYS is 0: everything is kept.")
        else:
            messages.success(
                request, f"{report.photos} photos of {report.consultations} consultations were taken away."
            )
            for line in report.postponed:
                messages.warning(request, f"Postponed: {line}")
        return HttpResponseRedirect(reverse(_PAGE))
