"""Formulary releases in the admin: adding one proposes the working rows, a second supervisor approves."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from accounts.admin.decorators import display
from dermatech.core.errors import DomainError
from dermatech.core.releases import ReleaseState, ReviewState
from medications import services
from medications.models import FormularyRelease
from medications.selectors import snapshot_text
from triage.admin.base import actor_of

_FAULTS_SHOWN = 30
_SHOWN = 20_000  # characters of a snapshot on the page; the whole stands in the API


if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[FormularyRelease]
else:
    _ModelForm = forms.ModelForm


class ReleaseForm(_ModelForm):
    """A title; what is released is the working rows as they are, if nothing stands against it."""

    class Meta:
        model = FormularyRelease
        fields = ("title",)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        faults = services.check_working_rows() if self.instance._state.adding else []
        if faults:
            raise ValidationError([f"{fault.place}: {fault.message}" for fault in faults[:_FAULTS_SHOWN]])
        return data


@admin.register(FormularyRelease)
class FormularyReleaseAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Immutable snapshots of the whole formulary."""

    form = ReleaseForm
    list_display = (
        "label",
        "title",
        "state_label",
        "review_label",
        "proposed_by",
        "approved_by",
        "activated_at",
    )
    list_filter = ("state", "review_state")
    list_select_related = ("proposed_by", "approved_by")
    search_fields = ("title", "content_hash")
    actions = ("approve", "bring_back")
    fieldsets = (
        (
            None,
            {
                "description": "The working rows are checked (references, maxima, bands that overlap) and "
                "frozen. They take effect when another supervisor approves.",
                "fields": ("title",),
            },
        ),
    )
    _frozen = (
        "label", "state_label", "review_label", "content_hash", "proposed_by", "approved_by",
        "created_at", "activated_at", "archived_at", "content",
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: FormularyRelease | None = None) -> Any:
        return self.fieldsets if obj is None else ((None, {"fields": ("title", *self._frozen)}),)

    def get_readonly_fields(self, request: HttpRequest, obj: FormularyRelease | None = None) -> Any:
        return () if obj is None else ("title", *self._frozen)

    def get_queryset(self, request: HttpRequest) -> QuerySet[FormularyRelease]:
        queryset: QuerySet[FormularyRelease] = super().get_queryset(request)
        return queryset.defer("snapshot")  # half a megabyte each

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: FormularyRelease, form: Any, change: bool) -> None:
        """Adding proposes; nothing about a release ever changes afterwards."""
        if not change:
            release = services.propose_release(actor=actor_of(request), title=obj.title)
            obj.__dict__.update(release.__dict__)

    @display(
        description="State",
        ordering="state",
        label={"proposed": "warning", "active": "success", "archived": "info", "rejected": "danger"},
    )
    def state_label(self, obj: FormularyRelease) -> str:
        return str(ReleaseState(obj.state).label)

    @display(
        description="Review state",
        ordering="review_state",
        label={ReviewState.STARTER.label: "warning", ReviewState.REVIEWED.label: "success"},
    )
    def review_label(self, obj: FormularyRelease) -> str:
        return str(ReviewState(obj.review_state).label)

    @display(description="Content")
    def content(self, obj: FormularyRelease) -> str:
        text = snapshot_text(obj)
        more = f"\n... {len(text) - _SHOWN:,} more characters" if len(text) > _SHOWN else ""
        return format_html('<pre style="max-height: 30rem; overflow: auto">{}{}</pre>', text[:_SHOWN], more)

    @admin.action(description="Approve, so that it takes effect", permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[FormularyRelease]) -> None:
        self._decide(request, queryset, services.approve_release, "is now in force")

    @admin.action(description="Bring an archived release back", permissions=["change"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[FormularyRelease]) -> None:
        self._decide(request, queryset, services.roll_back, "is in force again")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[FormularyRelease],
        service: Callable[..., FormularyRelease],
        done: str,
    ) -> None:
        if queryset.count() != 1:
            self.message_user(request, "Choose exactly one release.", messages.ERROR)
            return
        try:
            release = service(actor=actor_of(request), release=queryset.get())
        except DomainError as refused:
            self.message_user(request, refused.detail, messages.ERROR)
            return
        self.message_user(request, f"Release {release.label} {done}.", messages.SUCCESS)
