"""What must be passed on to the health authorities: the list, the form, and that it was sent."""

import uuid
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts import policy
from accounts.admin.decorators import action, display
from accounts.policy import Permission
from consultations.admin import record
from consultations.admin.base import LEVEL_COLOURS, CaseAdmin, actor_of, bullets, case_link
from consultations.documents.views import answer
from consultations.models import Channel, NotifiableCase, Notification
from consultations.notifiable import definition, services
from dermatech.core.errors import DomainError, NotFound


class Sent(SimpleListFilter):
    """Passed on already, or waiting."""

    title = "passed on"
    parameter_name = "sent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Not yet"), ("yes", "Passed on")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("yes", "no"):
            return queryset.filter(notification__isnull=self.value() == "no")
        return queryset


class SentForm(forms.Form):
    """To whom, how and when."""

    sent_to = forms.CharField(
        label="Who was told", max_length=200, widget=UnfoldAdminTextInputWidget(),
        help_text="Name and office. For example: “Mr Adjei, disease surveillance officer, Ga West”.",
    )  # fmt: skip
    channel = forms.ChoiceField(label="How", choices=Channel.choices, widget=UnfoldAdminSelectWidget())
    sent_at = forms.DateTimeField(
        label="When (UTC)",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        help_text="When they were told, not when you write it down.",
    )
    reference = forms.CharField(
        label="Their number", max_length=100, required=False, widget=UnfoldAdminTextInputWidget(),
        help_text="What they gave the case, if anything. For example: “GHA-GAW-26-014”.",
    )  # fmt: skip


@admin.register(NotifiableCase)
class NotifiableAdmin(CaseAdmin):
    """Consultations where a rule asks for somebody to be told."""

    when_empty = (
        "No rule has asked for a case to be passed on. They appear here by themselves, the newest first."
    )
    list_display = ("created_at", "disease", "case", "show_level", "where", "age", "passed_on")
    list_display_links = ("created_at", "disease")
    list_filter = (Sent, "created_at", "premises__region")
    search_fields = ("notify", "premises__name")
    search_help_text = "Disease, authority or premises"
    list_select_related = ("premises", "pharmacist", "guidelines_release", "notification__sent_by")
    deferred = ("guidelines_release__snapshot", "assessment", "notes")
    actions_detail = ("print_form", "mark_sent", "take_back")
    fieldsets = (
        (
            "To be passed on",
            {
                "fields": ("told", "definition_met", "marked"),
                "description": "A suspicion by rules; the authority decides what is a case. Print the form, "
                "send it, and mark it here as sent.",
            },
        ),
        (
            "Case",
            {
                "fields": (("pharmacist", "premises"), ("created_at", "show_case"), "patient", "seen"),
                "description": "Opening this page was recorded in the audit log.",
            },
        ),
    )
    readonly_fields = ("told", "definition_met", "marked", "show_case", "patient", "seen")

    def patient_of(self, obj: Any) -> uuid.UUID:
        return uuid.UUID(str(obj.pk))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = cast(Any, super().get_queryset(request)).suspected()
        return rows

    # --- the list ------------------------------------------------------------------------------
    @display(description="what, and to whom", ordering="notify")
    def disease(self, row: NotifiableCase) -> str:
        return str(row.notify)

    @display(description="case")
    def case(self, row: NotifiableCase) -> SafeString:
        return case_link(row.pk)

    @display(description="level", ordering="triage_level", label=LEVEL_COLOURS)
    def show_level(self, row: NotifiableCase) -> tuple[str, str]:
        return row.triage_level, row.get_triage_level_display()

    @display(description="where", ordering="premises__name")
    def where(self, row: NotifiableCase) -> str:
        return f"{row.premises.name}, {row.premises.get_region_display()}"

    @display(description="age", ordering="age_months")
    def age(self, row: NotifiableCase) -> str:
        return record.age(row.age_months)

    @display(description="passed on", label={"yes": "success", "no": "warning"})
    def passed_on(self, row: NotifiableCase) -> tuple[str, str]:
        sent = _sent(row)
        if sent is None:
            days = (timezone.now() - row.created_at).days
            return "no", f"Waits for {days} days" if days > 1 else "Not yet"
        return "yes", date_format(sent.sent_at, "j M Y")

    # --- the page ------------------------------------------------------------------------------
    @display(description="passed on")
    def told(self, row: NotifiableCase) -> str:
        sent = _sent(row)
        if sent is None:
            return f"Not yet. To be told: {row.notify}"
        number = f", their number {sent.reference}" if sent.reference else ""
        return (
            f"{sent.sent_to}, {sent.get_channel_display().lower()}, on "
            f"{date_format(sent.sent_at, 'DATETIME_FORMAT')}{number}. Marked by {sent.sent_by.full_name}."
        )

    @display(description="case definition met")
    def definition_met(self, row: NotifiableCase) -> SafeString | str:
        found = definition.met(row)
        if not found:
            return "The rule that asked for this is not in the guidelines any more."
        return format_html_join(
            "",
            "<div class='mb-3'><strong>{}</strong>{}<div class='quiet'>Tell: {}</div></div>",
            ((each.title, bullets(each.because), each.notify) for each in found),
        )

    @display(description="marked in the guidelines")
    def marked(self, row: NotifiableCase) -> SafeString | str:
        found = definition.marked(row)
        if not found:
            return "No condition in question is marked as notifiable itself."
        return format_html(
            "<ul>{}</ul>",
            format_html_join(
                "", "<li>{} ({}): {} ({})</li>", ((m.name, m.icd10, m.source, m.confidence) for m in found)
            ),
        )

    @display(description="whole record")
    def show_case(self, row: NotifiableCase) -> SafeString:
        return case_link(row.pk)

    @display(description="patient")
    def patient(self, row: NotifiableCase) -> SafeString:
        return record.patient(row)

    @display(description="seen")
    def seen(self, row: NotifiableCase) -> str:
        from triage.selectors import knowledge_of

        return record.findings(row.findings_present, knowledge_of(row.guidelines_release))

    # --- what is done --------------------------------------------------------------------------
    def has_send_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request) and not _is_sent(object_id)

    def has_undo_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request) and _is_sent(object_id)

    def _may(self, request: HttpRequest) -> bool:
        return policy.allows(actor_of(request), Permission.NOTIFICATION_SEND)

    @action(description="Form (PDF)", icon="print", permissions=["view"], url_path="form")
    def print_form(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The filled-in form, for those who may see the consultation."""
        try:
            made = services.notification_form(actor=actor_of(request), consultation_id=uuid.UUID(object_id))
        except NotFound as error:
            raise Http404 from error
        except DomainError as error:
            return HttpResponse(error.detail, status=error.status, content_type="text/plain; charset=utf-8")
        return answer(made, request.headers.get("If-None-Match", ""))

    @action(description="Mark as sent", icon="outgoing_mail", permissions=["send"], url_path="sent")
    def mark_sent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks to whom and how; then the mark."""
        row = self._row(request, object_id)
        now = timezone.now().strftime("%Y-%m-%dT%H:%M")
        form = SentForm(request.POST if request.method == "POST" else None, initial={"sent_at": now})
        if request.method == "POST" and form.is_valid():
            try:
                services.mark_sent(actor=actor_of(request), consultation_id=row.pk, **_given(form))
            except DomainError as refused:
                for each in refused.errors:
                    form.add_error(each.field if each.field in form.fields else None, each.message)
                if not refused.errors:
                    form.add_error(None, refused.detail)
            else:
                messages.success(request, "Marked as sent. It left the list of what waits.")
                return HttpResponseRedirect(_address(row))
        return self._ask(
            request, row, form, title="Mark as sent",
            question=f"Was this passed on: {row.notify}?",
            consequence="The mark stands in the audit log with your name. It can be taken back.",
            button="Mark as sent",
        )  # fmt: skip

    @action(description="Take the mark back", icon="undo", permissions=["undo"], url_path="not-sent")
    def take_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first; then the case waits again."""
        row = self._row(request, object_id)
        if request.method == "POST":
            try:
                services.take_back(actor=actor_of(request), consultation_id=row.pk)
            except DomainError as refused:
                messages.error(request, refused.detail)
            else:
                messages.success(request, "The mark was taken back. The case waits again.")
            return HttpResponseRedirect(_address(row))
        return self._ask(
            request, row, None, title="Take the mark back", question="Was this not passed on after all?",
            consequence="The case goes back to what waits. That there was a mark stays in the audit log.",
            button="Take the mark back",
        )  # fmt: skip

    def _row(self, request: HttpRequest, object_id: str) -> NotifiableCase:
        row: NotifiableCase | None = self.get_queryset(request).filter(pk=uuid.UUID(object_id)).first()
        if row is None:
            raise Http404
        if not self._may(request):
            raise PermissionDenied
        return row

    def _ask(
        self, request: HttpRequest, row: NotifiableCase, form: SentForm | None, **words: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "row": row, "form": form,
            "back": _address(row), **words,
        }  # fmt: skip
        return TemplateResponse(request, "admin/consultations/notifiable/ask.html", context)


def _sent(row: NotifiableCase) -> Notification | None:
    return getattr(row, "notification", None)


def _is_sent(object_id: str | None) -> bool:
    return (
        object_id is not None and Notification.objects.filter(consultation=uuid.UUID(str(object_id))).exists()
    )


def _given(form: SentForm) -> dict[str, Any]:
    at: datetime = form.cleaned_data["sent_at"]
    return {**form.cleaned_data, "sent_at": at}


def _address(row: NotifiableCase) -> str:
    return reverse("admin:consultations_notifiablecase_change", args=[row.pk])
