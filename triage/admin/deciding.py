"""The decisions that can be taken on a release's page: each is one service call and a sentence."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import BackgroundJob, User
from accounts.releases import Workflow
from dermatech.core.errors import DomainError, ValidationFailed
from dermatech.core.releases import Release, ReleaseState
from triage.admin import later
from triage.admin.base import actor_of

_TITLE = 200  # characters, as the column has them
Data = Mapping[str, str]
Decide = Callable[[Workflow[Any], User, Any, Data], str]


def carry_out(model_admin: Any, request: HttpRequest, release: Release) -> None:
    """The decision that was sent, or the reason why it is refused, as a message."""
    decide = DECISIONS.get(request.POST.get("decision", ""))
    if decide is None:
        model_admin.message_user(request, "That is no decision.", messages.ERROR)
        return
    try:
        said = decide(model_admin.workflow, actor_of(request), release, request.POST)
    except DomainError as refused:
        model_admin.message_user(request, sentence(refused), messages.ERROR)
    else:
        model_admin.message_user(request, said, messages.SUCCESS)


def needs_worker(model_admin: Any, request: HttpRequest, release: Any) -> BackgroundJob | None:
    """The job that replays past cases, where that was asked for, or must come before the approval that was,
    and there are many."""
    decision = request.POST.get("decision", "")
    approving = decision in ("approve", "approve_later")
    if release.state != ReleaseState.PROPOSED or not later.is_long(model_admin):
        return None
    if decision != "replay_again" and not (approving and model_admin.workflow.replay_is_old(release)):
        return None
    if approving:
        said = "Another release came into force since, so past cases are replayed first. Approve it then."
        model_admin.message_user(request, said, messages.WARNING)
    return later.replay(model_admin, request, release)


def is_title(title: str) -> bool:
    return 1 <= len(title) <= _TITLE


def propose(model_admin: Any, request: HttpRequest, title: str) -> tuple[Release | None, dict[str, Any]]:
    """The proposal, or None and what the page says about why not."""
    if not is_title(title):
        return None, {"title_problem": "Say in a few words what this release changes."}
    try:
        return model_admin.workflow.propose_release(actor=actor_of(request), title=title), {}
    except DomainError as refused:
        model_admin.message_user(request, sentence(refused), messages.ERROR)
        return None, {}


def sentence(refused: DomainError) -> str:
    """Why something was refused, with the first thing that is wrong where the reason is general."""
    first = refused.errors[0].message if isinstance(refused, ValidationFailed) and refused.errors else ""
    return first or refused.detail


def _approve(workflow: Workflow[Any], actor: User, release: Any, data: Data) -> str:
    return _approved(workflow.approve_release(actor=actor, release=release))


def _approve_later(workflow: Workflow[Any], actor: User, release: Any, data: Data) -> str:
    return _approved(workflow.approve_release(actor=actor, release=release, at=_moment(data.get("at", ""))))


def _approved(release: Any) -> str:
    if release.state == ReleaseState.ACTIVE:
        return f"Release {release.label} is now in force."
    if release.state == ReleaseState.SCHEDULED:
        return f"Release {release.label} takes effect on {release.scheduled_for:%d %B %Y at %H:%M} GMT."
    return "Your approval is noted. A second supervisor must approve it, too."


def _moment(text: str) -> dt.datetime:
    """Ghana keeps GMT all year, which is UTC."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ValidationFailed.of("at", "invalid", "Choose the day and time from which it counts.")
    return moment if timezone.is_aware(moment) else moment.replace(tzinfo=dt.UTC)


def _bring_back(workflow: Workflow[Any], actor: User, release: Any, data: Data) -> str:
    return f"Release {workflow.roll_back(actor=actor, release=release).label} is in force again."


def _reject(workflow: Workflow[Any], actor: User, release: Any, data: Data) -> str:
    workflow.reject_release(actor=actor, release=release, reason=data.get("reason", ""))
    return f"Release {release.label} was closed."


def _comment(workflow: Workflow[Any], actor: User, release: Any, data: Data) -> str:
    about = data.get("about", "")
    workflow.comment(actor=actor, release=release, text=data.get("text", ""), about=about)
    return "Your comment is kept."


def _explain(workflow: Workflow[Any], actor: User, release: Any, data: Data) -> str:
    keys = data.get("keys", "").split()
    count = workflow.explain_downgrades(
        actor=actor, release=release, keys=keys, reason=data.get("reason", "")
    )
    return f"The reason is kept for {count} past {'case' if count == 1 else 'cases'}."


def _replay_again(workflow: Workflow[Any], actor: User, release: Any, data: Data) -> str:
    workflow.replay_again(actor=actor, release=release)
    return "The past cases were replayed."


DECISIONS: Mapping[str, Decide] = {
    "approve": _approve,
    "approve_later": _approve_later,
    "bring_back": _bring_back,
    "reject": _reject,
    "comment": _comment,
    "explain": _explain,
    "replay_again": _replay_again,
}
