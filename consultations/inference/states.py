"""Moving a model from one state to another: one at a time, recorded, by two people where that is asked."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from accounts.audit import Action, Purpose, record
from consultations.models.modelversion import ModelState, ModelVersion
from dermatech.core.errors import Conflict, Forbidden

if TYPE_CHECKING:
    from accounts.models import User

# What a model that comes into force leaves behind.
NOT_RETIRED: dict[str, object] = {
    "retired_at": None, "retired_by": None, "retirement_reason": "", "retirement_asked_by": None,
    "retirement_asked_at": None, "stopped_at": None, "stop_review": "", "stop_reviewed_by": None,
    "stop_reviewed_at": None,
}  # fmt: skip


def move(version: ModelVersion, allowed: Collection[ModelState], **changes: object) -> None:
    """One conditional UPDATE, so that of two people who press at once one wins and one is told."""
    changes["updated_at"] = timezone.now()
    moved = ModelVersion.objects.filter(pk=version.pk, state__in=allowed).update(**changes)
    version.refresh_from_db()
    if not moved:
        raise Conflict(f"{version} is {version.get_state_display().lower()} already.", code="model_state")


def require_another(actor: "User | None", first: object, sentence: str) -> None:
    """In production raise Forbidden `four_eyes` where `actor` is the person whose id `first` is."""
    if settings.PRODUCTION and first == (None if actor is None else actor.pk):
        raise Forbidden(sentence, code="four_eyes")


def recorded(actor: "User | None", action: Action, version: ModelVersion, **detail: str) -> None:
    """The event of a move, in the caller's transaction."""
    record(
        actor=actor,
        action=action,
        entity=version,
        purpose=Purpose.OPERATIONS,
        detail={"name": version.name, "version": version.version, "sha256": version.sha256, **detail},
    )
