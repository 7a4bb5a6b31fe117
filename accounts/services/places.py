"""Premises."""

from typing import Any

from django.db import IntegrityError, transaction

from accounts import policy
from accounts.audit import Action
from accounts.models import Premises, User
from accounts.numbers import tidy_number
from accounts.services._shared import account_event
from dermatech.core.errors import Conflict


def create_premises(*, actor: User | None, name: str, licence_number: str, region: str) -> Premises:
    """Add premises. Raises Conflict `licence_number_taken`."""
    if actor is not None:
        policy.require(actor, policy.Permission.PREMISES_EDIT)
    premises = Premises(name=name, licence_number=tidy_number(licence_number), region=region)
    return _save(actor, premises, Action.PREMISES_CREATED, ["name", "licence_number", "region"])


def update_premises(*, actor: User, premises: Premises, changes: dict[str, Any]) -> Premises:
    """Correct name, licence number or region. Raises Conflict `licence_number_taken`."""
    policy.require(actor, policy.Permission.PREMISES_EDIT)
    for name, value in changes.items():
        setattr(premises, name, tidy_number(value) if name == "licence_number" else value)
    before = Premises.objects.filter(pk=premises.pk).values(*changes).first() if changes else None
    return _save(actor, premises, Action.PREMISES_UPDATED, list(changes), before)


def _save(
    actor: User | None,
    premises: Premises,
    action: Action,
    fields: list[str],
    before: dict[str, Any] | None = None,
) -> Premises:
    try:
        with transaction.atomic():
            premises.save()
            told = {name: getattr(premises, name) for name in fields}
            account_event(actor=actor, action=action, entity=premises, changes=told, before=before)
    except IntegrityError:
        raise Conflict(
            "Other premises have this licence number already.", code="licence_number_taken"
        ) from None
    return premises
