"""Findings: an auditor asks, somebody else answers, the auditor closes."""

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from accounts.audit.models import AuditEvent, AuditFinding
from accounts.audit.recorder import record
from accounts.audit.vocabulary import Action, Purpose
from accounts.policy import Permission, require
from accounts.roles import Role
from dermatech.core.errors import Conflict, Forbidden

if TYPE_CHECKING:
    from accounts.models import User

State = AuditFinding.State


def open_finding(
    *, actor: "User", title: str, question: str, event: AuditEvent | None = None
) -> AuditFinding:
    """Raises Forbidden for anybody but an auditor."""
    _require_auditor(actor)
    with transaction.atomic():
        finding = AuditFinding.objects.create(title=title, question=question, event=event, opened_by=actor)
        _record(actor, Action.FINDING_OPENED, finding)
    return finding


def answer(*, actor: "User", finding: AuditFinding, text: str) -> None:
    """Raises Forbidden for who opened it, Conflict when it is closed."""
    require(actor, Permission.AUDIT_READ)
    if finding.opened_by_id == actor.pk:
        raise Forbidden("Somebody else has to answer what you asked.")
    _move(
        actor, finding, Action.FINDING_ANSWERED, from_states=(State.OPEN, State.ANSWERED),
        state=State.ANSWERED, answer=text, answered_by=actor, answered_at=timezone.now(),
    )  # fmt: skip


def close(*, actor: "User", finding: AuditFinding, conclusion: str) -> None:
    """Raises Forbidden for anybody but an auditor, Conflict when it is not answered."""
    _require_auditor(actor)
    _move(
        actor, finding, Action.FINDING_CLOSED, from_states=(State.ANSWERED,),
        state=State.CLOSED, conclusion=conclusion, closed_by=actor, closed_at=timezone.now(),
    )  # fmt: skip


def may_answer(actor: "User", finding: AuditFinding) -> bool:
    return finding.state in (State.OPEN, State.ANSWERED) and finding.opened_by_id != actor.pk


def may_close(actor: "User", finding: AuditFinding) -> bool:
    return finding.state == State.ANSWERED and actor.role == Role.AUDITOR


def _move(
    actor: "User", finding: AuditFinding, action: Action, *, from_states: tuple[str, ...], **values: Any
) -> None:
    with transaction.atomic():
        moved = AuditFinding.objects.filter(pk=finding.pk, state__in=from_states).update(
            **values, updated_at=timezone.now()
        )
        if not moved:
            raise Conflict("This finding is in another state by now; look at it again.")
        _record(actor, action, finding)


def _require_auditor(actor: "User") -> None:
    require(actor, Permission.AUDIT_READ)
    if actor.role != Role.AUDITOR:
        raise Forbidden("Only an auditor does this.")


def _record(actor: "User", action: Action, finding: AuditFinding) -> None:
    about = {"about_event": str(finding.event_id)} if finding.event_id else {}
    record(
        actor=actor, action=action, entity=finding, purpose=Purpose.COMPLIANCE,
        detail={"title": finding.title, **about},
    )  # fmt: skip
