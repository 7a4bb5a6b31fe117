"""The buttons by which a model is taken out of use, each with a page that asks first."""

from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin.decisions import NothingToSay
from accounts.admin.decorators import action, display
from accounts.models import User
from consultations.admin.asking import Question, answered, page, put_beside
from consultations.admin.base import actor_of
from consultations.inference import retiring
from consultations.models.modelversion import ModelState, ModelVersion
from dermatech.core.errors import DomainError

_WAITS: Final = Q(state=ModelState.ACTIVE, retirement_asked_at__isnull=False) | Q(
    stopped_at__isnull=False, stop_reviewed_at__isnull=True
)
_WITHOUT: Final = "From the next photo on it is not asked; answers rest on findings and facts alone."

_EMERGENCY: Final = (
    "For emergencies only, as when it misses what it should see. Another person reviews it afterwards, "
    "before the model can be active again."
)


class ReasonForm(forms.Form):
    """Why it is taken out of use."""

    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="It stands in the audit log. For example: “It missed two melanomas at Korle Bu in May; "
        "version 1.2.0 is being tested.”",
    )


class NoteForm(forms.Form):
    """What a second person thinks of an emergency stop."""

    note = forms.CharField(
        label="What you found",
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="It stands in the audit log. For example: “Right to stop it: every photo was flagged since "
        "the new lamp. Not to be activated before it is retrained.”",
    )


class WaitsFilter(admin.SimpleListFilter):
    """Models that wait for a second person."""

    title, parameter_name = "a second person", "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Waits for one")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
        return queryset.filter(_WAITS) if self.value() else queryset


class RetiringMixin:
    """Adds the buttons and their pages to the admin of image models."""

    actions_detail: tuple[str, ...] = (
        "retire_page", "approve_page", "keep_page", "stop_page", "review_page",
    )  # fmt: skip
    get_object: Callable[..., Any]
    has_manage_permission: Callable[[HttpRequest], bool]

    @display(description="Second person", label={"retire": "warning", "stop": "danger"})
    def waits(self, version: ModelVersion) -> tuple[str, str]:
        """What somebody else has to decide."""
        if version.retirement_waits:
            return "retire", "asked to retire"
        return ("stop", "stop to review") if version.review_waits else ("", "")

    # --- Who sees which button ---
    def has_retire_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(
            request, object_id, lambda row: row.state != ModelState.RETIRED and not row.retirement_waits
        )

    def has_approve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        actor = actor_of(request)
        return self._may(
            request,
            object_id,
            lambda row: row.retirement_waits and retiring.may_approve(actor, row),
        )

    def has_keep_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, object_id, lambda row: row.retirement_waits)

    def has_stop_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may(request, object_id, lambda row: row.state == ModelState.ACTIVE)

    def has_review_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        actor = actor_of(request)
        return self._may(request, object_id, lambda row: row.review_waits and retiring.may_review(actor, row))

    def _may(self, request: HttpRequest, object_id: str | None, fits: Callable[[ModelVersion], bool]) -> bool:
        row = self._version(request, object_id)
        return self.has_manage_permission(request) and (row is None or fits(row))

    def _version(self, request: HttpRequest, object_id: str | None) -> ModelVersion | None:
        found = self.get_object(request, object_id) if object_id else None
        return found if isinstance(found, ModelVersion) else None

    # --- The pages ---
    @action(description="Retire", icon="archive", permissions=["retire"], url_path="retire")
    def retire_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = self._there(request, object_id)
        two = retiring.needs_two(version)
        lines = [
            "It stays in force until another person approves on this page."
            if two
            else "It is out of use at once. You can activate it again later."
        ]
        if version.state == ModelState.ACTIVE:
            lines.append(f"Once it is retired: {_WITHOUT[0].lower()}{_WITHOUT[1:]}")
        return _asked(
            request,
            version,
            ReasonForm(answered(request)),
            _question(
                version, "Ask that {} be retired?" if two else "Retire {}?", lines, "Ask" if two else "Retire"
            ),
            lambda actor, data: (retiring.ask_retirement if two else retiring.retire_model)(
                actor=actor, version=version, reason=data["reason"]
            ),
            "Another person has to approve that {} is retired." if two else "{} is retired now.",
        )

    @action(
        description="Approve the retirement", icon="done_all", permissions=["approve"], url_path="approve"
    )
    def approve_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = self._there(request, object_id)
        question = _question(version, "Retire {}?", [_reason(version), _WITHOUT], "Retire", grave=True)
        return _asked(
            request, version, NothingToSay(answered(request)), question,
            lambda actor, _: retiring.retire_model(actor=actor, version=version), "{} is retired now.",
        )  # fmt: skip

    @action(description="Keep it active", icon="undo", permissions=["keep"], url_path="keep")
    def keep_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = self._there(request, object_id)
        question = _question(version, "Keep {} active?", [_reason(version)], "Keep it active")
        return _asked(
            request, version, NothingToSay(answered(request)), question,
            lambda actor, _: retiring.refuse_retirement(actor=actor, version=version), "{} stays active.",
        )  # fmt: skip

    @action(description="Stop at once", icon="dangerous", permissions=["stop"], url_path="stop")
    def stop_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = self._there(request, object_id)
        lines = [_WITHOUT, _EMERGENCY]
        question = _question(version, "Stop {} at once?", lines, "Stop it", grave=True)
        return _asked(
            request, version, ReasonForm(answered(request)), question,
            lambda actor, data: retiring.stop_model(actor=actor, version=version, reason=data["reason"]),
            "{} was stopped. Another person has to review this.",
        )  # fmt: skip

    @action(description="Review the stop", icon="rate_review", permissions=["review"], url_path="review")
    def review_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = self._there(request, object_id)
        question = _question(version, "Was it right to stop {}?", [_reason(version)], "Write it down")
        return _asked(
            request, version, NoteForm(answered(request)), question,
            lambda actor, data: retiring.review_stop(actor=actor, version=version, note=data["note"]),
            "Your review of {} was written down.",
        )  # fmt: skip

    def _there(self, request: HttpRequest, object_id: str) -> ModelVersion:
        version = self._version(request, object_id)
        if version is None:
            raise Http404
        return version


def _reason(version: ModelVersion) -> str:
    person = version.retirement_asked_by
    return f"{person.full_name if person else 'Somebody'}: “{version.retirement_reason}”"


def _back(version: ModelVersion) -> str:
    return reverse("admin:consultations_modelversion_change", args=[version.pk])


def _question(
    version: ModelVersion, title: str, lines: list[str], button: str, *, grave: bool = False
) -> Question:
    return Question(title=title.format(version), lines=lines, button=button, back=_back(version), grave=grave)


def _asked(
    request: HttpRequest,
    version: ModelVersion,
    form: forms.Form,
    question: Question,
    carry_out: Callable[[User, dict[str, Any]], object],
    done: str,
) -> HttpResponse:
    """The page, or what a yes on it does."""
    if form.is_valid():
        try:
            carry_out(actor_of(request), form.cleaned_data)
        except DomainError as error:
            put_beside(form, error)
        else:
            messages.success(request, done.format(version))
            return HttpResponseRedirect(_back(version))
    return page(request, question, form)
