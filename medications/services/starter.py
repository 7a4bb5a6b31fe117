"""Load the starter content. Missing rows are inserted, rows that exist are left as they are."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from simple_history.utils import bulk_create_with_history

from accounts.audit import Action, Purpose, record
from accounts.models import User
from dermatech.core.releases import LoadReport, active
from medications import starter
from medications.models import (
    AllergyClass,
    FormularyRelease,
    HealthConcept,
    Interaction,
    InteractionClass,
    Medication,
    MedicineName,
    Regimen,
    Treatment,
    UseLimit,
)
from medications.services.releases import publish_release

TITLE = "Starter formulary, not reviewed"
_REASON = "starter content"


def load_starter_formulary(*, publish: bool = False, actor: User | None = None) -> LoadReport:
    """Insert what is missing; never overwrite an edit. May be run again at any time.

    A medicine or treatment that exists keeps its interactions and regimens as they are. `publish`
    also releases the content when no release is active yet, marked as not reviewed. Conditions must
    have been loaded before (triage's loader runs first).
    """
    inserted: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    label = None
    with transaction.atomic():
        for name, new, old in _load():
            inserted[name] += new
            kept[name] += old
        if inserted.total():
            record(
                actor=actor,
                action=Action.KNOWLEDGE_LOADED,
                entity=("medications", "starter"),
                purpose=Purpose.OPERATIONS,
                detail={"inserted": inserted.total(), "kept": kept.total()},
            )
        if publish and active(FormularyRelease) is None:
            label = publish_release(actor=actor, title=TITLE).label
    return LoadReport("formulary", dict(inserted), dict(kept), label)


def _load() -> Iterable[tuple[str, int, int]]:
    medications, interactions, old = unsaved_medications(_codes(Medication))
    _insert(Medication, medications)
    _insert(Interaction, interactions)
    yield "medications", len(medications), old
    by_code = {row.code: row for row in Medication.objects.all()}
    treatments, regimens, old = unsaved_treatments(_codes(Treatment), by_code)
    _insert(Treatment, treatments)
    _insert(Regimen, regimens)
    yield "treatments", len(treatments), old
    for model, rows in vocabulary_rows():
        there = _codes(model)
        new = [model(**row) for row in rows if row["code"] not in there]
        _insert(model, new)
        yield str(model._meta.verbose_name_plural), len(new), len(rows) - len(new)


def unsaved_medications(there: frozenset[str]) -> tuple[list[Medication], list[Interaction], int]:
    """The starter medicines not among the codes `there`, their interactions, and how many were."""
    families = starter.medications()
    medications, interactions = [], []
    for family in families:
        if family.row["code"] not in there:
            medication = Medication(**family.row)
            medications.append(medication)
            interactions += [Interaction(medication=medication, **row) for row in family.members]
    return medications, interactions, len(families) - len(medications)


def unsaved_treatments(
    there: frozenset[str], medications: dict[str, Medication]
) -> tuple[list[Treatment], list[Regimen], int]:
    """As `unsaved_medications`; a treatment whose medicine somebody removed is left out."""
    families = starter.treatments()
    treatments, regimens = [], []
    for family in families:
        medication = medications.get(family.row["medication"])
        if medication is not None and family.row["code"] not in there:
            treatment = Treatment(**{**family.row, "medication": medication})
            treatments.append(treatment)
            regimens += [Regimen(treatment=treatment, **row) for row in family.members]
    return treatments, regimens, len(families) - len(treatments)


def vocabulary_rows() -> Iterable[tuple[Any, list[starter.Row]]]:
    """Each model of the vocabulary with its starter rows."""
    yield InteractionClass, starter.interaction_classes()
    yield AllergyClass, starter.allergy_classes()
    yield MedicineName, starter.medicine_names()
    yield HealthConcept, starter.health_concepts()
    yield UseLimit, starter.use_limits()


def _codes(model: Any) -> frozenset[str]:
    return frozenset(model._default_manager.values_list("code", flat=True))


def _insert(model: Any, rows: Sequence[Any]) -> None:
    if rows:
        bulk_create_with_history(rows, model, batch_size=200, default_change_reason=_REASON)
