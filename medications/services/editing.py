"""Edits of whole medicines and treatments: the row, what belongs to it, its history and the audit log."""

from collections.abc import Mapping, Sequence

from django.db import transaction

from accounts.audit import Action, Purpose, record
from accounts.models import User
from accounts.policy import Permission, require
from medications.models import Interaction, Medication, Regimen, Treatment
from triage.services import save_item


def save_medicine(
    *,
    actor: User,
    medicine: Medication,
    changed: Sequence[str],
    reason: str,
    interactions: Sequence[Interaction] | None = None,
) -> Medication:
    """Store a medicine; `interactions`, if given, are all that it has from now on. `reason` stands in the
    history. Raises Forbidden."""
    with transaction.atomic():
        _sign(medicine, actor, reason)
        save_item(actor=actor, item=medicine, changed=changed)
        if interactions is not None:
            _replace_interactions(actor, medicine, interactions, reason)
    return medicine


def save_treatment(
    *, actor: User, treatment: Treatment, changed: Sequence[str], reason: str, regimens: Sequence[Regimen]
) -> Treatment:
    """Store a treatment with those of its regimens that are new or changed. Raises Forbidden."""
    with transaction.atomic():
        _sign(treatment, actor, reason)
        save_item(actor=actor, item=treatment, changed=changed)
        for regimen in regimens:
            regimen.treatment = treatment
            _sign(regimen, actor, reason)
            regimen.save()
    return treatment


def record_import(*, actor: User, what: str, file_name: str, sha256: str, counts: Mapping[str, int]) -> None:
    """One event for the file as a whole, beside those of its rows. Raises Forbidden."""
    require(actor, Permission.KNOWLEDGE_CURATE)
    record(
        actor=actor,
        action=Action.KNOWLEDGE_LOADED,
        entity=("medications", "import"),
        purpose=Purpose.OPERATIONS,
        detail={"what": what, "file": file_name[:200], "sha256": sha256, **counts},
    )


def _sign(row: Medication | Treatment | Interaction | Regimen, actor: User, reason: str) -> None:
    """Who and why, for the history's entry of the coming save."""
    vars(row).update(_history_user=actor, _change_reason=reason[:100])


def _replace_interactions(
    actor: User, medicine: Medication, wanted: Sequence[Interaction], reason: str
) -> None:
    stored = {(entry.kind, entry.other): entry for entry in medicine.interactions.all()}
    for place, entry in enumerate(wanted):
        there = stored.pop((entry.kind, entry.other), None)
        if there is None:
            entry.medication, entry.position = medicine, place
            there = entry
        elif (there.severity, there.effect, there.position) == (entry.severity, entry.effect, place):
            continue
        else:
            there.severity, there.effect, there.position = entry.severity, entry.effect, place
        _sign(there, actor, reason)
        there.save()
    for gone in stored.values():
        _sign(gone, actor, reason)
        gone.delete()
