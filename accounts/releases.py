"""Who may release knowledge, and what is recorded of it: the one workflow of every kind of release."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import models, transaction

from accounts.audit import Action, Purpose, record
from accounts.models import User
from accounts.policy import Permission, require
from dermatech.core import releases
from dermatech.core.errors import Conflict, FieldError, Unprocessable
from dermatech.core.releases import Fault, Release, ReleaseState, ReviewState

R = TypeVar("R", bound=Release)
MAX_FAULTS = 50  # of the faults found, how many an error repeats


@dataclass(frozen=True)
class Workflow(Generic[R]):
    """Check, propose, approve, roll back.

    `build` composes the snapshot of the working rows and finds what stands against it; `rows` are the
    models whose rows count as reviewed once what they say is approved; `called` names it in errors.
    """

    model: type[R]
    called: str
    build: Callable[[], tuple[dict[str, Any], Sequence[Fault]]]
    rows: Iterable[type[models.Model]]
    reviewed_state: str

    def publish_release(self, *, actor: User | None, title: str) -> R:
        """Starter content into force at once, marked as not reviewed. Raises Unprocessable."""
        snapshot = self._checked()
        with transaction.atomic():
            release = releases.publish(self.model, snapshot=snapshot, title=title)
            _audit(actor, Action.RELEASE_APPROVED, release)
        return release

    def propose_release(self, *, actor: User, title: str) -> R:
        """A release for a second supervisor to approve. Raises Forbidden, Unprocessable with the faults."""
        require(actor, Permission.RELEASE_PROPOSE)
        snapshot = self._checked()
        with transaction.atomic():
            release = releases.propose(self.model, snapshot=snapshot, actor=actor, title=title)
            _audit(actor, Action.RELEASE_PROPOSED, release)
        return release

    def approve_release(self, *, actor: User, release: R) -> R:
        """Put a proposed release into force. Raises Forbidden (own proposal), Conflict (decided already).

        Working rows that still are what was released count as reviewed from then on.
        """
        require(actor, Permission.RELEASE_APPROVE)
        if release.state != ReleaseState.PROPOSED:
            raise Conflict("This release is not waiting for approval.", code="release_decided")
        with transaction.atomic():
            approved = releases.activate(release, actor=actor)
            if approved.review_state == ReviewState.REVIEWED:
                for model in self.rows:  # rows edited after the proposal keep saying so
                    model._default_manager.filter(updated_at__lte=approved.created_at).update(
                        content_state=self.reviewed_state
                    )
            _audit(actor, Action.RELEASE_APPROVED, approved)
        return approved

    def roll_back(self, *, actor: User, release: R) -> R:
        """Bring an archived release back into force. Raises Forbidden, Conflict."""
        require(actor, Permission.RELEASE_APPROVE)
        if release.state != ReleaseState.ARCHIVED:
            raise Conflict("Only an archived release can be brought back.", code="release_not_archived")
        with transaction.atomic():
            restored = releases.activate(release, actor=actor)
            _audit(actor, Action.RELEASE_ROLLED_BACK, restored)
        return restored

    def _checked(self) -> dict[str, Any]:
        snapshot, faults = self.build()
        if not faults:
            return snapshot
        raise Unprocessable(
            f"The {self.called} cannot be released: {len(faults)} faults, the first at {faults[0].place}: "
            f"{faults[0].message}",
            code="release_checks_failed",
            errors=[
                FieldError(fault.place, "release_check_failed", fault.message)
                for fault in faults[:MAX_FAULTS]
            ],
        )


def _audit(actor: User | None, action: Action, release: Release) -> None:
    record(
        actor=actor,
        action=action,
        entity=release,
        purpose=Purpose.OPERATIONS,
        detail={
            "release": release.label,
            "title": release.title,
            "sha256": release.content_hash,
            "review_state": release.review_state,
        },
    )
