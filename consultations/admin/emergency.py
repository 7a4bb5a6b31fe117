"""Records that supervisors opened in an emergency: opening one, ending it, reviewing it."""

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts import policy, services
from accounts.admin import proof
from accounts.admin.decorators import action, display
from accounts.models import AuditEvent, EmergencyAccess
from accounts.services.emergency import HOURS
from consultations.admin.asking import Question, answered, page, put_beside
from consultations.admin.base import ReadOnly, actor_of, bullets, short_id
from consultations.services import emergency
from dermatech.core.errors import DomainError

_LIST = "admin:accounts_emergencyaccess_changelist"
_MOST_LOOKS = 50


def waiting(request: HttpRequest) -> int:
    """Emergency accesses that wait for the reader's review."""
    actor = actor_of(request)
    if not policy.allows(actor, policy.Permission.EMERGENCY_REVIEW):
        return 0
    return EmergencyAccess.objects.unreviewed().exclude(supervisor=actor).count()


class OpenForm(forms.Form):
    """Which record, why, for how long."""

    record = forms.UUIDField(
        label="Id of the consultation",
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text="The pharmacist reads it to you from the app, as 01990d2e-7c4b-7a63-9a51-5b0f3c7e9d10.",
    )
    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="A colleague judges it by this. No patient's name. For example: “The pharmacist in Tamale "
        "rang about a spreading rash with fever; her own supervisor cannot be reached.”",
    )
    hours = forms.TypedChoiceField(
        label="For",
        coerce=int,
        choices=[(hours, f"{hours} hour{'s' if hours > 1 else ''}") for hours in HOURS],
        widget=UnfoldAdminSelectWidget(),
    )


class ReviewForm(forms.Form):
    """What a colleague says about it."""

    verdict = forms.ChoiceField(
        choices=EmergencyAccess.Verdict.choices, widget=UnfoldAdminSelectWidget(),
        help_text="Not justified also ends it, should it still be open.",
    )  # fmt: skip
    note = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="For example: “Confirmed with the pharmacist; the regional supervisor was on leave.”",
    )


class NothingToSay(forms.Form):
    """A plain yes."""


@admin.register(EmergencyAccess)
class EmergencyAccessAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Who opened whose record outside their region, why, when, until when, and what a colleague said."""

    list_display = ("created_at", "who", "whom", "premises", "why", "until", "show_state", "show_review")
    list_filter = (
        ("reviewed_at", admin.EmptyFieldListFilter), "verdict", "premises__region", "created_at"
    )  # fmt: skip
    search_fields = ("consultation_id", "supervisor__full_name", "supervisor__email", "premises__name")
    search_help_text = "Id of the consultation, supervisor or premises"
    list_select_related = ("supervisor", "premises", "reviewed_by", "ended_by")
    list_max_show_all = 50
    show_full_result_count = False
    when_empty = "A supervisor of one region appears here who opened a record of another."
    actions_list = ("open_record",)
    actions_detail = ("end_now", "review")
    readonly_fields = ("who", "stands", "verdict_so_far", "looks")
    fieldsets = (
        (
            "Who opened what, and why",
            {
                "fields": ("who", "consultation_id", "premises", "reason"),
                "description": "A supervisor reads the records of their region. In an emergency they may "
                "open one other record for a few hours, for reading alone. A colleague reviews it.",
            },
        ),
        ("Time", {"fields": ("created_at", "expires_at", "stands", "ended_at", "ended_by")}),
        (
            "Review",
            {
                "fields": ("verdict_so_far", "reviewed_by", "reviewed_at", "review_note", "looks"),
                "description": "Ring the pharmacy where the reason does not speak for itself.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmergencyAccess]:
        return EmergencyAccess.objects.select_related(*self.list_select_related)

    # --- what is shown -----------------------------------------------------------------------
    @display(description="supervisor", ordering="supervisor__full_name")
    def who(self, row: EmergencyAccess) -> str:
        return row.supervisor.full_name

    @display(description="record")
    def whom(self, row: EmergencyAccess) -> SafeString:
        return short_id(row.consultation_id)

    @display(description="why")
    def why(self, row: EmergencyAccess) -> str:
        return Truncator(row.reason).chars(80)

    @display(description="until", ordering="expires_at")
    def until(self, row: EmergencyAccess) -> str:
        return date_format(timezone.localtime(row.ended_at or row.expires_at), "DATETIME_FORMAT")

    @display(description="state", label={"open": "warning", "ended": "info", "over": "info"})
    def show_state(self, row: EmergencyAccess) -> tuple[str, str]:
        if row.is_open():
            return "open", "open"
        return ("ended", "ended early") if row.ended_at else ("over", "run out")

    @display(
        description="review", ordering="verdict",
        label={"": "warning", "justified": "success", "not_justified": "danger"},
    )  # fmt: skip
    def show_review(self, row: EmergencyAccess) -> tuple[str, str]:
        return row.verdict, row.get_verdict_display() or "waits for a colleague"

    @display(description="state")
    def stands(self, row: EmergencyAccess) -> str:
        return self.show_state(row)[1].capitalize()

    @display(description="review")
    def verdict_so_far(self, row: EmergencyAccess) -> str:
        return self.show_review(row)[1].capitalize()

    @display(description="what was looked at")
    def looks(self, row: EmergencyAccess) -> SafeString | str:
        """What the log says that the supervisor did with this record in that time."""
        found = AuditEvent.objects.filter(
            patient_id=row.consultation_id, actor_id=str(row.supervisor_id),
            recorded_at__range=(row.created_at, row.ended_at or row.expires_at),
        ).order_by("id")  # fmt: skip
        lines = [
            f"{date_format(timezone.localtime(event.recorded_at), 'DATETIME_FORMAT')}: "
            f"{event.get_action_display()}"
            for event in found[:_MOST_LOOKS]
        ]
        return bullets(lines)

    # --- what can be done --------------------------------------------------------------------
    def has_open_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        actor = actor_of(request)
        return policy.allows(actor, policy.Permission.EMERGENCY_OPEN) and bool(policy.boundary(actor))

    def has_end_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        row = self._row(request, object_id)
        return self.has_view_permission(request) and (row is None or row.is_open())

    def has_review_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        row, actor = self._row(request, object_id), actor_of(request)
        allowed = policy.allows(actor, policy.Permission.EMERGENCY_REVIEW)
        return allowed and (row is None or (row.reviewed_at is None and row.supervisor_id != actor.pk))

    def _row(self, request: HttpRequest, object_id: str | None) -> EmergencyAccess | None:
        found = self.get_object(request, object_id) if object_id else None
        return found if isinstance(found, EmergencyAccess) else None

    @action(description="Open a record in an emergency", icon="e911_emergency", permissions=["open"])
    def open_record(self, request: HttpRequest) -> HttpResponse:
        if (again := proof.ask_again(request)) is not None:
            return again
        given = answered(request)
        form = OpenForm(given, initial={"record": request.GET.get("record", "")})
        if given is not None and form.is_valid():
            data = form.cleaned_data
            try:
                access = emergency.open_record(
                    actor=actor_of(request), consultation_id=data["record"], reason=data["reason"],
                    hours=data["hours"],
                )  # fmt: skip
            except DomainError as error:
                put_beside(form, error)
            else:
                return self._opened(request, access)
        region = actor_of(request).get_supervised_region_display()
        question = Question(
            title="Open a record outside your region?",
            lines=(
                f"You supervise {region}. For as long as you choose you read this one record; nothing else.",
                "It is written into the audit log, as is all that you open there; a colleague reviews it.",
            ),
            button="Open the record",
            back=reverse(_LIST),
            grave=True,
        )
        return page(request, question, form)

    def _opened(self, request: HttpRequest, access: EmergencyAccess) -> HttpResponse:
        until = date_format(timezone.localtime(access.expires_at), "DATETIME_FORMAT")
        messages.warning(request, f"You may read this record until {until}. What you open is recorded.")
        there = reverse("admin:consultations_consultation_change", args=[access.consultation_id])
        return HttpResponseRedirect(there)

    @action(description="End now", icon="lock", permissions=["end"], url_path="end")
    def end_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row, back = self._there(request, object_id)
        question = Question(
            title="End this access now?",
            lines=(f"{row.supervisor.full_name} cannot read the record any more, from the next request on.",),
            button="End it", back=back,
        )  # fmt: skip
        form = NothingToSay(answered(request))
        if not form.is_valid():
            return page(request, question, form)
        try:
            services.end_emergency_access(actor=actor_of(request), access=row)
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, "The access was ended.")
        return HttpResponseRedirect(back)

    @action(description="Review", icon="rate_review", permissions=["review"], url_path="review")
    def review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row, back = self._there(request, object_id)
        form = ReviewForm(answered(request))
        if form.is_valid():
            data = form.cleaned_data
            justified = data["verdict"] == EmergencyAccess.Verdict.JUSTIFIED
            try:
                services.review_emergency_access(
                    actor=actor_of(request), access=row, justified=justified, note=data["note"]
                )
            except DomainError as error:
                put_beside(form, error)
            else:
                messages.success(request, "Your review was written down.")
                return HttpResponseRedirect(back)
        question = Question(
            title="Was this access justified?",
            lines=(f"{row.supervisor.full_name}, {row.premises.name}: “{row.reason}”",),
            button="Write it down", back=back,
        )  # fmt: skip
        return page(request, question, form)

    def _there(self, request: HttpRequest, object_id: str) -> tuple[EmergencyAccess, str]:
        row = self._row(request, object_id)
        if row is None:
            raise Http404
        return row, reverse("admin:accounts_emergencyaccess_change", args=[row.pk])
