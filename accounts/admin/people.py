"""Users and their devices."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline

from accounts import numbers, policy, services
from accounts.admin.decisions import DECISIONS, ask
from accounts.admin.decorators import action, display
from accounts.admin.forms import NewPersonForm, PersonForm
from accounts.models import AccountState, DeviceSession, Role, User
from dermatech.core.errors import DomainError

_WHO = ("full_name", "email", "phone")
_WORK = ("role", "cadre", "registration_number", "premises", "supervised_region")


class SessionInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    """The devices of a person, newest first."""

    model = DeviceSession
    fields = ("device_name", "user_agent", "address", "created_at", "last_used_at", "ended_at", "end_reason")
    readonly_fields = fields
    ordering = ("-created_at",)
    extra = max_num = 0
    can_delete = False
    show_change_link = True
    per_page = 10
    verbose_name = "device"
    verbose_name_plural = "devices"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Everybody with an account. The registration queue is the filter "Waiting for verification"."""

    form = PersonForm
    list_display = (
        "full_name",
        "show_state",
        "work",
        "registration_number",
        "premises",
        "created_at",
    )
    list_filter = (
        "state",
        "role",
        "cadre",
        "premises__region",
        ("email_confirmed_at", admin.EmptyFieldListFilter),
    )
    list_filter_submit = True
    search_fields = (
        "full_name",
        "email",
        "registration_number",
        "premises__name",
        "premises__licence_number",
    )
    search_help_text = "Name, e-mail, phone, number or premises"
    when_empty = "Registrations from the app appear here and wait for somebody to verify them."
    list_select_related = ("premises",)
    ordering = ("-created_at",)
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    autocomplete_fields = ("premises",)
    actions = ("verify_selected", "refuse_selected")
    actions_detail = (
        "verify",
        "ask_more",
        "refuse",
        "deactivate",
        "reactivate",
        "change_role",
        "reset_second_factor",
    )
    inlines = (SessionInline,)
    _provenance = (
        "state",
        "state_reason",
        "email_confirmed_at",
        "question",
        "answer",
        "decided_by",
        "decided_at",
        "created_at",
        "updated_at",
        "last_login",
    )
    fieldsets = (
        (
            "Who",
            {"fields": _WHO, "description": "As on the professional register. The e-mail address stays."},
        ),
        (
            "Work",
            {
                "fields": _WORK,
                "description": "The cadre decides what they may supply, the premises whose consultations "
                "they see. Compare the number with the Pharmacy Council's register before you verify. Role "
                "and region are changed by “Change role”.",
            },
        ),
        ("State", {"fields": _provenance, "description": "Changed by the buttons above; each needs a yes."}),
    )
    add_fieldsets = (
        ("Who", {"fields": _WHO, "description": "They get a letter with a code to set their password."}),
        (
            "Work",
            {
                "fields": _WORK,
                "description": "Cadre, number and premises are for pharmacists, the region for supervisors.",
            },
        ),
    )

    @display(
        description="state",
        ordering="state",
        label={
            AccountState.PENDING: "warning", AccountState.VERIFIED: "success",
            AccountState.REFUSED: "danger", AccountState.DEACTIVATED: "danger",
        },
    )  # fmt: skip
    def show_state(self, user: User) -> tuple[str, str]:
        return user.state, user.get_state_display()

    @display(description="role", ordering="role")
    def work(self, user: User) -> str:
        return str(user.get_cadre_display() or user.get_role_display())

    # --- what is shown, and to whom ----------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return User.objects.visible_to(actor_of(request)).select_related("premises", "decided_by")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Sequence[str]:
        return ("email", "role", "supervised_region", *self._provenance) if obj else ()

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = NewPersonForm
        return super().get_form(request, obj, change=change, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if isinstance(obj, User):
            return services.may_edit(actor_of(request), obj)
        return bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        try:
            number = numbers.ghana_phone(search_term)
        except numbers.NotANumber:
            return found, duplicates
        by_phone = User.objects.with_phone(number).values("pk")
        return queryset.filter(Q(pk__in=by_phone) | Q(pk__in=found.values("pk"))), False

    # --- saving ------------------------------------------------------------------------------
    def save_model(
        self, request: HttpRequest, obj: User, form: "forms.ModelForm[User]", change: bool
    ) -> None:
        data = form.cleaned_data
        if change:
            changes = {name: data[name] for name in form.changed_data}
            services.update_account(actor=actor_of(request), user=obj, changes=changes)
        else:
            made = services.create_account(actor=actor_of(request), **{**data, "role": Role(data["role"])})
            obj.__dict__.update(made.__dict__)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        try:
            page: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
            return page
        except DomainError as error:  # somebody else was quicker than the form's own checks
            messages.error(request, f"Nothing was saved: {error.detail}")
            return HttpResponseRedirect(request.path)

    # --- decisions ---------------------------------------------------------------------------
    def _may(self, request: HttpRequest, name: str, object_id: str | None) -> bool:
        decision = DECISIONS[name]
        if not policy.allows(actor_of(request), decision.permission):
            return False
        if object_id is None:
            return True
        user = self._person(request, object_id)
        actor = actor_of(request)
        if user is None or user.state not in decision.states or user.pk == actor.pk:
            return False
        if not decision.offered_for(user):
            return False
        return services.may_edit(actor, user) or name in ("verify", "ask_more", "refuse")

    def _person(self, request: HttpRequest, object_id: str) -> User | None:
        """The person of the page, read once per request."""
        cached: dict[str, User | None] = request.__dict__.setdefault("_people", {})
        if object_id not in cached:
            found = self.get_object(request, object_id)
            cached[object_id] = found if isinstance(found, User) else None
        return cached[object_id]

    def has_verify_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, "verify", object_id)

    def has_ask_more_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, "ask_more", object_id)

    def has_refuse_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, "refuse", object_id)

    def has_deactivate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, "deactivate", object_id)

    def has_reactivate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, "reactivate", object_id)

    def has_change_role_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, "change_role", object_id)

    def has_reset_second_factor_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, "reset_second_factor", object_id)

    def _ask_one(self, request: HttpRequest, name: str, object_id: str) -> HttpResponse:
        user = self._person(request, object_id)
        if user is None:
            raise Http404
        back = reverse("admin:accounts_user_change", args=[user.pk])
        return ask(self, request, DECISIONS[name], [user], back=back)

    @action(description="Verify", icon="check", permissions=["verify"], url_path="verify")
    def verify(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_one(request, "verify", object_id)

    @action(description="Ask for more", icon="help", permissions=["ask_more"], url_path="ask")
    def ask_more(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_one(request, "ask_more", object_id)

    @action(description="Refuse", icon="close", permissions=["refuse"], url_path="refuse")
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_one(request, "refuse", object_id)

    @action(description="Close account", icon="block", permissions=["deactivate"], url_path="deactivate")
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_one(request, "deactivate", object_id)

    @action(description="Open again", icon="lock_open", permissions=["reactivate"], url_path="reactivate")
    def reactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_one(request, "reactivate", object_id)

    @action(description="Change role", icon="badge", permissions=["change_role"], url_path="change-role")
    def change_role(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_one(request, "change_role", object_id)

    @action(
        description="Reset second factor", icon="phonelink_erase", permissions=["reset_second_factor"],
        url_path="reset-second-factor",
    )  # fmt: skip
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_one(request, "reset_second_factor", object_id)

    @admin.action(description="Verify the selected registrations", permissions=["verify"])
    def verify_selected(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
        return self._ask_many(request, "verify", queryset)

    @admin.action(description="Refuse the selected registrations", permissions=["refuse"])
    def refuse_selected(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
        return self._ask_many(request, "refuse", queryset)

    def _ask_many(self, request: HttpRequest, name: str, queryset: QuerySet[User]) -> HttpResponse:
        decision = DECISIONS[name]
        people = list(queryset.filter(state__in=decision.states))
        return ask(self, request, decision, people, back=request.get_full_path())


@admin.register(DeviceSession)
class DeviceSessionAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Who is signed in where. Nothing is edited here; a device can be signed out."""

    list_display = (
        "person",
        "device_name",
        "address",
        "signed_in",
        "created_at",
        "last_used_at",
        "expires_at",
    )
    list_filter = ("end_reason", ("ended_at", admin.EmptyFieldListFilter))
    search_fields = ("user__email", "user__full_name", "device_name", "address")
    search_help_text = "Person, device or address"
    when_empty = "A device appears here when somebody signs in with the app."
    list_max_show_all = 50
    list_select_related = ("user",)
    show_full_result_count = False
    actions = ("end_selected",)
    fieldsets = (
        (
            "Device",
            {
                "fields": ("user", "device_name", "user_agent", "address"),
                "description": "What the device said of itself when it signed in.",
            },
        ),
        (
            "Session",
            {
                "fields": ("created_at", "last_used_at", "expires_at", "ended_at", "end_reason"),
                "description": "A session ends once and for good; the person signs in again.",
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="person", ordering="user__full_name")
    def person(self, session: DeviceSession) -> str:
        return session.user.full_name

    @display(description="state", ordering="ended_at", label={"in": "success", "out": "info"})
    def signed_in(self, session: DeviceSession) -> tuple[str, str]:
        if session.ended_at is None:
            return "in", "signed in"
        return "out", f"ended: {session.get_end_reason_display().lower()}"

    def has_end_permission(self, request: HttpRequest) -> bool:
        return policy.allows(actor_of(request), policy.Permission.SESSION_END_ANY)

    @admin.action(description="Sign the selected devices out", permissions=["end"])
    def end_selected(self, request: HttpRequest, queryset: QuerySet[DeviceSession]) -> None:
        ended = 0
        for session in queryset.filter(ended_at__isnull=True).select_related("user"):
            try:
                services.end_session(actor=actor_of(request), session=session)
            except DomainError as error:
                messages.error(request, f"{session}: {error.detail}")
            else:
                ended += 1
        were = "device was" if ended == 1 else "devices were"
        messages.success(request, f"{ended} {were} signed out.")


def actor_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # the admin site lets nobody else in
    return request.user
