"""Decisions about people: a question first, then one service call per person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.admin.options import BaseModelAdmin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts import services
from accounts.admin import proof
from accounts.models import AccountState, Cadre, Premises, Region, Role, User
from accounts.policy import Permission
from dermatech.core.errors import DomainError


class NothingToSay(forms.Form):
    """A plain yes."""


class ReasonForm(forms.Form):
    """A yes with a reason."""

    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="The person is told, word for word. For example: “The number PS/12345 is not on the "
        "register; please copy it from your certificate.”",
    )


class QuestionForm(forms.Form):
    """What is asked of somebody who waits."""

    reason = forms.CharField(
        label="Question",
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="The person gets it by e-mail and answers in the app. For example: “Please send the number "
        "as it stands on your certificate; PS/12345 is not on the register.”",
    )


class InternalReasonForm(forms.Form):
    """A yes with a reason for the log."""

    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="For the audit log. For example: “Phone stolen; identity checked by video call.”",
    )


class RoleForm(forms.Form):
    """Another role, with what it needs."""

    role = forms.ChoiceField(choices=Role.choices, widget=UnfoldAdminSelectWidget())
    cadre = forms.ChoiceField(
        choices=[("", "(none)"), *Cadre.choices], required=False, widget=UnfoldAdminSelectWidget(),
        help_text="For the pharmacist role only.",
    )  # fmt: skip
    premises = forms.ModelChoiceField(
        Premises.objects.all(), required=False, widget=UnfoldAdminSelectWidget(),
        help_text="For the pharmacist role; left empty, the present ones stay.",
    )  # fmt: skip
    supervised_region = forms.ChoiceField(
        choices=[("", "(the whole country)"), *Region.choices], required=False,
        widget=UnfoldAdminSelectWidget(), label="Region",
        help_text="For the supervisor role: whose patients' records they read. Outside it they can open one "
        "record at a time, with a reason, in an emergency.",
    )  # fmt: skip


Carry = Callable[[User, User, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Decision:
    """One kind of decision: what is asked, of accounts in which state, and what carries it out."""

    name: str
    question: str
    consequence: str
    button: str
    done: str
    permission: Permission
    states: frozenset[str]
    carry_out: Carry
    form: type[forms.Form] = NothingToSay
    grave: bool = False
    proof: bool = False  # asks again who sits there
    offered_for: Callable[[User], bool] = lambda user: True


def _change_role(actor: User, user: User, data: Mapping[str, Any]) -> None:
    services.change_role(
        actor=actor, user=user, role=Role(data["role"]), cadre=data["cadre"], premises=data["premises"],
        supervised_region=data["supervised_region"],
    )  # fmt: skip


DECISIONS: Final[Mapping[str, Decision]] = {
    decision.name: decision
    for decision in (
        Decision(
            name="verify",
            question="Let these people in?",
            consequence="You have compared name, cadre, registration number and premises with the register. "
            "They get an e-mail and can sign in at once.",
            button="Verify",
            done="verified",
            permission=Permission.ACCOUNT_VERIFY,
            states=frozenset({AccountState.PENDING}),
            carry_out=lambda actor, user, data: services.verify_registration(actor=actor, user=user),
        ),
        Decision(
            name="refuse",
            question="Turn these people away?",
            consequence="They get an e-mail with your reason and cannot sign in.",
            button="Refuse",
            done="refused",
            permission=Permission.ACCOUNT_VERIFY,
            states=frozenset({AccountState.PENDING}),
            carry_out=lambda actor, user, data: services.refuse_registration(
                actor=actor, user=user, reason=data["reason"]
            ),
            form=ReasonForm,
            grave=True,
        ),
        Decision(
            name="ask_more",
            question="Ask for more?",
            consequence="The registration keeps waiting. The answer appears on the person's page.",
            button="Send the question",
            done="asked",
            permission=Permission.ACCOUNT_VERIFY,
            states=frozenset({AccountState.PENDING}),
            carry_out=lambda actor, user, data: services.ask_applicant(
                actor=actor, user=user, question=data["reason"]
            ),
            form=QuestionForm,
        ),
        Decision(
            name="deactivate",
            question="Close this account?",
            consequence="All devices are signed out at once. The consultations stay.",
            button="Close the account",
            done="closed",
            permission=Permission.ACCOUNT_DEACTIVATE,
            states=frozenset({AccountState.VERIFIED}),
            carry_out=lambda actor, user, data: services.deactivate(
                actor=actor, user=user, reason=data["reason"]
            ),
            form=ReasonForm,
            grave=True,
        ),
        Decision(
            name="reactivate",
            question="Open this account again?",
            consequence="The person can sign in with the old password.",
            button="Open again",
            done="opened again",
            permission=Permission.ACCOUNT_VERIFY,
            states=frozenset({AccountState.DEACTIVATED}),
            carry_out=lambda actor, user, data: services.reactivate(actor=actor, user=user),
        ),
        Decision(
            name="change_role",
            question="Give this person another role?",
            consequence="All devices are signed out at once; the new role counts from the next sign-in.",
            button="Change the role",
            done="given another role",
            permission=Permission.ROLE_CHANGE,
            states=frozenset({AccountState.VERIFIED, AccountState.PENDING}),
            carry_out=_change_role,
            form=RoleForm,
            grave=True,
            proof=True,
        ),
        Decision(
            name="reset_second_factor",
            question="Take this person's authenticator app away?",
            consequence="You have spoken to the person and know that the phone and the recovery codes are "
            "lost. All devices are signed out; they set up a new app at their next sign-in.",
            button="Reset the second factor",
            done="asked to set up a new second factor",
            permission=Permission.SECOND_FACTOR_RESET,
            states=frozenset({AccountState.VERIFIED}),
            carry_out=lambda actor, user, data: services.reset_second_factor(
                actor=actor, user=user, reason=data["reason"]
            ),
            form=InternalReasonForm,
            grave=True,
            proof=True,
            offered_for=services.is_enrolled,
        ),
    )
}


def ask(
    model_admin: "BaseModelAdmin[User]",
    request: HttpRequest,
    decision: Decision,
    people: Sequence[User],
    *,
    back: str,
) -> HttpResponse:
    """The page with the question; on a yes, carry the decision out and go `back`."""
    if decision.proof and (again := proof.ask_again(request)) is not None:
        return again
    answered = request.method == "POST" and "confirmed" in request.POST
    form = decision.form(request.POST if answered else None)
    if answered and form.is_valid():
        _carry_out(model_admin, request, decision, people, form.cleaned_data)
        return HttpResponseRedirect(back)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": decision.question,
        "opts": User._meta,
        "decision": decision,
        "people": people,
        "form": form,
        "back": back,
        "selected_name": helpers.ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/accounts/decision.html", context)


def _carry_out(
    model_admin: "BaseModelAdmin[User]",
    request: HttpRequest,
    decision: Decision,
    people: Sequence[User],
    data: Mapping[str, Any],
) -> None:
    actor = request.user
    assert isinstance(actor, User)  # noqa: S101  # the admin site lets nobody else in
    for user in people:
        try:
            decision.carry_out(actor, user, data)
        except DomainError as error:
            said = "; ".join(item.message for item in error.errors) or error.detail
            messages.error(request, f"{user.full_name} was not {decision.done}: {said}")
        else:
            messages.success(request, f"{user.full_name} was {decision.done}.")
