"""Taking an image model out of use.

A model in force may only raise urgency, so taking it away lowers safety: in production one person asks, with
a reason, and another approves. What harms is stopped by one person at once, which another reviews.
"""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.audit import Action
from accounts.policy import Permission, require
from consultations.inference.states import move, recorded
from consultations.models.modelversion import ModelState, ModelVersion
from dermatech.core.errors import Conflict, Forbidden, ValidationFailed

if TYPE_CHECKING:
    from accounts.models import User

_IN_FORCE = (ModelState.ACTIVE,)
_UNHEARD = (ModelState.DRAFT, ModelState.SHADOW)
_TWO_PEOPLE = (
    "Two people retire a model that is active: one asks for it on the model's page, with a reason, "
    "and another approves. In an emergency one person stops it there at once."
)


def needs_two(version: ModelVersion) -> bool:
    """Whether one person may not retire it."""
    return bool(settings.PRODUCTION) and version.state == ModelState.ACTIVE


def may_approve(actor: "User | None", version: ModelVersion) -> bool:
    """Whether `actor` is, where two are needed, not the one who asked."""
    return not needs_two(version) or (
        actor is not None and version.retirement_waits and version.retirement_asked_by_id != actor.pk
    )


def may_review(actor: "User", version: ModelVersion) -> bool:
    """Whether `actor` is, where two are needed, not the one who stopped it."""
    return not settings.PRODUCTION or version.retired_by_id != actor.pk


def retire_model(*, actor: "User | None", version: ModelVersion, reason: str = "") -> ModelVersion:
    """Take a model out of use; without another one the product goes on without an image model.

    In production one that is active goes only when somebody else has asked for it. Raises Forbidden, also as
    `four_eyes`, and Conflict `model_state` for one that is retired already.
    """
    if actor is not None:
        require(actor, Permission.MODEL_MANAGE)
    with transaction.atomic():
        _lock(version)
        changes: dict[str, object] = {"retirement_reason": reason} if reason else {}
        if not may_approve(actor, version):
            raise Forbidden(_TWO_PEOPLE, code="four_eyes")
        if version.retirement_waits:
            changes = {}  # the reason is that of the request
        asked_by = version.retirement_asked_by_id
        move(
            version, (*_UNHEARD, *_IN_FORCE), state=ModelState.RETIRED, retired_at=timezone.now(),
            retired_by=actor, **changes,
        )  # fmt: skip
        detail = {"asked_by": str(asked_by)} if asked_by else {}
        recorded(actor, Action.MODEL_RETIRED, version, **detail, **_said(version.retirement_reason))
    return version


def ask_retirement(*, actor: "User", version: ModelVersion, reason: str) -> ModelVersion:
    """Ask that a model in force be retired; it stays in force until another person approves. Raises
    Forbidden, ValidationFailed without a reason, Conflict where it is not active or was asked already."""
    require(actor, Permission.MODEL_MANAGE)
    _check(reason)
    with transaction.atomic():
        _lock(version)
        if version.retirement_waits:
            raise Conflict("Its retirement was asked for already.", code="retirement_asked")
        move(
            version, _IN_FORCE, retirement_asked_by=actor, retirement_asked_at=timezone.now(),
            retirement_reason=reason.strip(),
        )  # fmt: skip
        recorded(actor, Action.MODEL_RETIREMENT_ASKED, version, **_said(reason))
    return version


def refuse_retirement(*, actor: "User", version: ModelVersion) -> ModelVersion:
    """Let a model stay in force, or take one's own request back. Raises Forbidden, Conflict where nobody
    asked."""
    require(actor, Permission.MODEL_MANAGE)
    with transaction.atomic():
        _lock(version)
        if not version.retirement_waits:
            raise Conflict("Nobody waits for its retirement.", code="retirement_not_asked")
        detail = {"asked_by": str(version.retirement_asked_by_id), **_said(version.retirement_reason)}
        move(
            version, _IN_FORCE, retirement_asked_by=None, retirement_asked_at=None, retirement_reason=""
        )  # fmt: skip
        recorded(actor, Action.MODEL_RETIREMENT_REFUSED, version, **detail)
    return version


def stop_model(*, actor: "User", version: ModelVersion, reason: str) -> ModelVersion:
    """Take a model in force out of use at once, alone. Another person reviews it afterwards, before it can
    be active again. Raises Forbidden, ValidationFailed without a reason, Conflict where it is not active."""
    require(actor, Permission.MODEL_MANAGE)
    _check(reason)
    now = timezone.now()
    with transaction.atomic():
        move(
            version, _IN_FORCE, state=ModelState.RETIRED, retired_at=now, retired_by=actor, stopped_at=now,
            retirement_asked_by=actor, retirement_asked_at=now, retirement_reason=reason.strip(),
            stop_review="", stop_reviewed_by=None, stop_reviewed_at=None,
        )  # fmt: skip
        recorded(actor, Action.MODEL_STOPPED, version, **_said(reason))
    return version


def review_stop(*, actor: "User", version: ModelVersion, note: str) -> ModelVersion:
    """Write down what another person thinks of an emergency stop. Raises Forbidden, also as `four_eyes`,
    ValidationFailed without a note, Conflict where nothing waits for a review."""
    require(actor, Permission.MODEL_MANAGE)
    _check(note, field="note")
    with transaction.atomic():
        _lock(version)
        if not version.review_waits:
            raise Conflict("No emergency stop of it waits for a review.", code="nothing_to_review")
        if not may_review(actor, version):
            raise Forbidden("Another person than the one who stopped it reviews it.", code="four_eyes")
        move(
            version, tuple(ModelState), stop_review=note.strip(), stop_reviewed_by=actor,
            stop_reviewed_at=timezone.now(),
        )  # fmt: skip
        recorded(actor, Action.MODEL_STOP_REVIEWED, version, note=note.strip())
    return version


def _lock(version: ModelVersion) -> None:
    version.refresh_from_db(from_queryset=ModelVersion.objects.select_for_update())


def _check(reason: str, *, field: str = "reason") -> None:
    if not reason.strip():
        raise ValidationFailed.of(field, "required", "Say why; it stands in the audit log.")


def _said(reason: str) -> dict[str, str]:
    return {"reason": reason.strip()} if reason.strip() else {}
