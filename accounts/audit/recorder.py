"""Writing events: in the transaction of what they record, or, for what was denied, in their own."""

import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.signals import request_finished
from django.db import models, transaction
from django.utils import timezone

from accounts.audit.canonical import canonical_json, clean_text, utc_text
from accounts.audit.commitments import commit
from accounts.audit.models import AuditDisclosure, AuditEvent, AuditPending
from accounts.audit.vocabulary import Action, Outcome, Purpose
from dermatech.core import context
from dermatech.core.ids import uuid7

if TYPE_CHECKING:
    from accounts.models import User

FORMAT_VERSION = 1
MAX_EVENT_BYTES = 65_536
_MAX_DETAIL_TEXT = 1_000

Detail = Mapping[str, str | int | bool | None]
Entity = models.Model | tuple[str, str]


class AuditOutsideTransaction(RuntimeError):
    """A success was recorded outside any transaction, where act and event could come apart."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """An event ready to be written, with the openings of its commitments."""

    event: AuditEvent
    openings: dict[str, Any]
    scope: object = None

    def write(self) -> None:
        # Within a transaction no savepoint: an event that cannot be written takes its act with it.
        with transaction.atomic(savepoint=False):
            self.event.save(force_insert=True)
            AuditPending(event=self.event).save(force_insert=True)
            if self.openings:
                AuditDisclosure(
                    event=self.event,
                    patient_id=self.event.patient_id,
                    values=canonical_json(self.openings),
                ).save(force_insert=True)


# Denials written inside somebody's transaction, which may yet be rolled back.
_owed: ContextVar[tuple[_Draft, ...]] = ContextVar("dermatech_audit_owed", default=())


def record(
    *,
    actor: "User | None",
    action: Action,
    entity: Entity | None = None,
    outcome: Outcome = Outcome.SUCCESS,
    purpose: Purpose = Purpose.TREATMENT,
    patient: uuid.UUID | None = None,
    changes: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    detail: Detail | None = None,
) -> AuditEvent:
    """Write one event in the caller's transaction; both stand or fall together.

    `actor` None is the system, or an anonymous caller while a request is in progress. `patient` is
    the consultation's id. `changes` maps fields to values, kept only as salted commitments in the
    event; `before` are the values that those fields had, kept likewise as `<field>.before`. `detail` is plain
    text for everyone who may read the log: nothing about a patient.
    Raises AuditOutsideTransaction when a success is recorded outside an atomic block.
    """
    if outcome == Outcome.SUCCESS and not _blocks(of_a_test=False):
        raise AuditOutsideTransaction(f"Record {action.value} inside transaction.atomic().")
    told = dict(changes or {}) | {f"{field}.before": value for field, value in (before or {}).items()}
    draft = _draft(actor, action, entity, outcome, purpose, patient, told, detail)
    draft.write()
    return draft.event


def denied(
    *,
    actor: "User | None",
    action: Action,
    entity: Entity | None = None,
    outcome: Outcome = Outcome.DENIED,
    purpose: Purpose = Purpose.TREATMENT,
    patient: uuid.UUID | None = None,
    changes: Mapping[str, Any] | None = None,
    detail: Detail | None = None,
) -> AuditEvent:
    """Write one event that stays, whatever becomes of the caller's transaction.

    Outside a transaction it is committed at once. Inside one it is written with it, and written
    again by `settle` should that transaction be rolled back.
    """
    draft = _draft(actor, action, entity, outcome, purpose, patient, changes, detail)
    if _blocks(of_a_test=False):
        _owed.set((*_owed.get(), draft))
    else:
        settle()
    draft.write()
    return draft.event


def settle(**_signal: object) -> int:
    """Write again the denials that a rollback took away; how many those were.

    Runs at the end of every request, and in workers of every task (accounts.tasks). It may be called at
    any time outside a transaction.
    """
    around = _blocks(of_a_test=True)
    owed = [draft for draft in _owed.get() if draft.scope is None or draft.scope in around]
    _owed.set(tuple(owed))
    if not owed:
        return 0
    ids = [draft.event.pk for draft in owed]
    with transaction.atomic():
        kept = set(AuditEvent.objects.filter(pk__in=ids).values_list("pk", flat=True))
        lost = [draft for draft in owed if draft.event.pk not in kept]
        for draft in lost:
            draft.write()
    _owed.set(())
    return len(lost)


request_finished.connect(settle, dispatch_uid="accounts.audit.settle")


def copies(payload: Mapping[str, Any]) -> dict[str, str]:
    """The searchable columns of an event as its canonical JSON states them, as text."""
    return {
        "id": payload["id"],
        "recorded_at": payload["recorded_at"],
        "action": payload["action"],
        "outcome": payload["outcome"],
        "actor_id": payload["agent"]["id"] or "",
        "actor_name": payload["agent"]["name"],
        "entity_type": payload["entity"]["type"] if payload["entity"] else "",
        "entity_id": payload["entity"]["id"] if payload["entity"] else "",
        "patient_id": payload["patient"] or "",
        "request_id": payload["request_id"],
    }


def _draft(
    actor: "User | None",
    action: Action,
    entity: Entity | None,
    outcome: Outcome,
    purpose: Purpose,
    patient: uuid.UUID | None,
    changes: Mapping[str, Any] | None,
    detail: Detail | None,
) -> _Draft:
    now, here = timezone.now(), context.current()
    commitments, openings = commit(changes or {})
    payload: dict[str, Any] = {
        "v": FORMAT_VERSION,
        "id": str(uuid7()),
        "recorded_at": utc_text(now),
        "action": action.value,
        "fhir": action.fhir,
        "outcome": outcome.value,
        "purpose": purpose.fhir,
        "agent": _agent(actor, here),
        "entity": _entity(entity),
        "patient": str(patient) if patient else None,
        "request_id": clean_text(here.request_id, 100),
        "changes": commitments,
        "detail": _detail(detail or {}),
    }
    text = canonical_json(payload)
    if len(text.encode()) > MAX_EVENT_BYTES:
        raise ValueError(f"The event {action.value} is larger than {MAX_EVENT_BYTES} bytes.")
    columns: dict[str, Any] = copies(payload) | {"recorded_at": now, "patient_id": patient}
    event = AuditEvent(**columns | {"id": uuid.UUID(payload["id"])}, canonical_json=text)
    return _Draft(event, openings, scope=next(iter(_blocks(of_a_test=True)), None))


def _blocks(*, of_a_test: bool) -> list[object]:
    """The transactions in progress. The one that Django's TestCase wraps around a test is not the
    caller's: its end is neither a commit nor a rollback of anything."""
    blocks = transaction.get_connection().atomic_blocks
    return [block for block in blocks if getattr(block, "_from_testcase", False) is of_a_test]


def _agent(actor: "User | None", here: context.RequestContext) -> dict[str, str | None]:
    where: dict[str, str | None] = {
        "address": clean_text(here.address, 60),
        "device": clean_text(here.device, 60),
        "user_agent": clean_text(here.user_agent, 200),
    }
    if actor is not None:
        name = clean_text(actor.full_name or actor.email, 200)
        return {"id": str(actor.pk), "name": name, "role": str(actor.role), **where}
    # Somebody who did not sign in has an address; the system, at work for itself, has none.
    name, role = ("Anonymous", "anonymous") if here.address else ("System", "system")
    return {"id": None, "name": name, "role": role, **where}


def _entity(entity: Entity | None) -> dict[str, str] | None:
    if entity is None:
        return None
    if isinstance(entity, models.Model):
        return {"type": entity._meta.label_lower, "id": str(entity.pk)}
    return {"type": clean_text(entity[0], 60), "id": clean_text(entity[1], 100)}


def _detail(detail: Detail) -> dict[str, str | int | bool | None]:
    plain: dict[str, str | int | bool | None] = {}
    for name, value in detail.items():
        if not (value is None or isinstance(value, str | int)):
            raise TypeError(
                f"detail[{name!r}] is a {type(value).__name__}; say it as text or a whole number."
            )
        plain[name] = clean_text(str(value), _MAX_DETAIL_TEXT) if isinstance(value, str) else value
    return plain
