"""The page of findings: an auditor asks, somebody else answers, the auditor closes."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.audit import findings as services
from accounts.audit.admin.base import DASH, ReadOnlyAdmin, actor_of, as_uuid
from accounts.audit.models import AuditEvent, AuditFinding
from accounts.policy import Permission, allows
from accounts.roles import Role
from dermatech.core.errors import DomainError

_ROWS = {"rows": 4}


class OpenForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A new finding."""

    about = forms.CharField(
        required=False,
        label="Event",
        widget=UnfoldAdminTextInputWidget(),
        help_text="Id of the event that it is about, if it is about one.",
    )

    class Meta:
        model = AuditFinding
        fields = ("title", "question")
        help_texts = {  # Django's own way
            "title": "In a few words: Photo of a closed case looked at by night.",
            "question": "What you want explained, and by when.",
        }

    def clean_about(self) -> AuditEvent | None:
        text = self.cleaned_data["about"]
        key = as_uuid(text)
        event = AuditEvent.objects.filter(pk=key).first() if key else None
        if text and event is None:
            raise forms.ValidationError("There is no event with this id.")
        return event


class AnswerForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """The next step of a finding that is there."""

    reply = forms.CharField(
        required=False, label="Answer", widget=UnfoldAdminTextareaWidget(attrs=_ROWS),
        help_text="By somebody other than who asked. Say what happened and what was done about it.",
    )  # fmt: skip
    verdict = forms.CharField(
        required=False, label="Conclusion", widget=UnfoldAdminTextareaWidget(attrs=_ROWS),
        help_text="The auditor's last word; closes the finding.",
    )  # fmt: skip

    class Meta:
        model = AuditFinding
        fields = ()


@admin.register(AuditFinding)
class AuditFindingAdmin(ReadOnlyAdmin):
    """What auditors want explained."""

    list_display = ("title", "state_badge", "opened", "opened_by", "answered_by", "closed_by")
    list_filter = ("state",)
    list_select_related = ("opened_by", "answered_by", "closed_by")
    search_fields = ("title", "question", "answer", "conclusion")
    ordering = ("-id",)
    when_empty = "An auditor opens one here, or from an event's page."
    readonly_fields = (
        "state_word", "the_title", "the_question", "opened", "opened_by", "the_event", "the_answer",
        "answered_by", "answered_at", "the_conclusion", "closed_by", "closed_at",
    )  # fmt: skip

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs | {"form": AnswerForm if obj else OpenForm})

    def get_fieldsets(self, request: HttpRequest, obj: AuditFinding | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("title", "question", "about")})]
        asked = ("the_title", "state_word", "the_question", ("opened_by", "opened"), "the_event")
        parts: list[Any] = [("Question", {"fields": asked})]
        if obj.answer:
            parts.append(("Answer", {"fields": ("the_answer", ("answered_by", "answered_at"))}))
        if obj.conclusion:
            parts.append(("Conclusion", {"fields": ("the_conclusion", ("closed_by", "closed_at"))}))
        next_steps = []
        if services.may_answer(actor_of(request), obj):
            next_steps.append("reply")
        if services.may_close(actor_of(request), obj):
            next_steps.append("verdict")
        return [*parts, ("Next", {"fields": next_steps})] if next_steps else parts

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request) and actor_of(request).role == Role.AUDITOR

    def has_change_permission(self, request: HttpRequest, obj: AuditFinding | None = None) -> bool:
        if obj is None or not allows(request.user, Permission.AUDIT_READ):
            return False
        actor = actor_of(request)
        return services.may_answer(actor, obj) or services.may_close(actor, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"about": request.GET.get("event", "")}

    def save_model(self, request: HttpRequest, obj: AuditFinding, form: Any, change: bool) -> None:
        actor, said = actor_of(request), form.cleaned_data
        if not change:
            made = services.open_finding(
                actor=actor, title=obj.title, question=obj.question, event=said["about"]
            )
            obj.pk, obj._state.adding = made.pk, False
            return
        try:
            if said.get("reply"):
                services.answer(actor=actor, finding=obj, text=said["reply"])
            if said.get("verdict"):
                services.close(actor=actor, finding=obj, conclusion=said["verdict"])
        except DomainError as error:
            messages.error(request, error.detail)

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **buttons})

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:accounts_auditfinding_change", args=[obj.pk]))

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The audit log has it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The audit log has it."""

    @display(  # type: ignore[untyped-decorator]  # unfold is untyped
        description="state", label={"open": "warning", "answered": "info", "closed": "success"}
    )
    def state_badge(self, finding: AuditFinding) -> tuple[str, str]:
        return finding.state, finding.get_state_display()

    @admin.display(description="state")
    def state_word(self, finding: AuditFinding) -> str:
        return finding.get_state_display()

    @admin.display(description="opened (UTC)", ordering="id")
    def opened(self, finding: AuditFinding) -> str:
        return date_format(finding.created_at, "Y-m-d H:i")

    @admin.display(description="title")
    def the_title(self, finding: AuditFinding) -> str:
        return finding.title

    @admin.display(description="question")
    def the_question(self, finding: AuditFinding) -> str:
        return finding.question

    @admin.display(description="answer")
    def the_answer(self, finding: AuditFinding) -> str:
        return finding.answer or DASH

    @admin.display(description="conclusion")
    def the_conclusion(self, finding: AuditFinding) -> str:
        return finding.conclusion or DASH

    @admin.display(description="about the event")
    def the_event(self, finding: AuditFinding) -> SafeString | str:
        if finding.event is None:
            return DASH
        return format_html(
            '<a class="text-primary-600 underline dark:text-primary-500" href="{}">{}: {}</a>',
            reverse("admin:accounts_auditevent_change", args=[finding.event_id]),
            finding.event.actor_name,
            finding.event.get_action_display(),
        )
