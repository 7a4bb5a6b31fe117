"""Edits of working rows by supervisors. Nothing takes effect before a release."""

from collections.abc import Sequence

from django.db import transaction

from accounts.audit import Action, Purpose, record
from accounts.models import User
from accounts.policy import Permission, require
from triage.models import ContentState, KnowledgeItem


def save_item(*, actor: User, item: KnowledgeItem, changed: Sequence[str]) -> KnowledgeItem:
    """Store an edited or a new row; it says "edited, not released yet" until a release holds it.

    `changed` names the fields; their values stand in the row and in the next release.
    """
    require(actor, Permission.KNOWLEDGE_CURATE)
    created = item._state.adding
    item.content_state = ContentState.EDITED
    with transaction.atomic():
        item.save()
        record(
            actor=actor,
            action=Action.KNOWLEDGE_EDITED,
            entity=item,
            purpose=Purpose.OPERATIONS,
            detail={
                "item": item.code,
                "change": "added" if created else "changed",
                "fields": ", ".join(changed),
            },
        )
    return item


def delete_item(*, actor: User, item: KnowledgeItem) -> None:
    """Remove a working row; releases that hold it keep it."""
    require(actor, Permission.KNOWLEDGE_CURATE)
    with transaction.atomic():
        record(
            actor=actor,
            action=Action.KNOWLEDGE_EDITED,
            entity=item,
            purpose=Purpose.OPERATIONS,
            detail={"item": item.code, "change": "deleted"},
        )
        item.delete()
