"""From working rows to a release: build, check, propose, approve, roll back."""

from collections import defaultdict
from typing import Any

from accounts.releases import Workflow
from dermatech.core.releases import Fault
from medications.checks import check
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
from medications.snapshot import WorkingRows, compose
from triage.models import Condition, ContentState


def working_rows() -> WorkingRows:
    """Every working row, in ten queries."""
    interactions: defaultdict[str, list[Interaction]] = defaultdict(list)
    for entry in Interaction.objects.select_related("medication"):
        interactions[entry.medication.code].append(entry)
    regimens: defaultdict[str, list[Regimen]] = defaultdict(list)
    for regimen in Regimen.objects.select_related("treatment__medication"):
        regimens[regimen.treatment.code].append(regimen)
    return WorkingRows(
        medications=list(Medication.objects.all()),
        interactions=interactions,
        treatments=list(Treatment.objects.select_related("medication")),
        regimens=regimens,
        interaction_classes=list(InteractionClass.objects.all()),
        allergy_classes=list(AllergyClass.objects.all()),
        medicine_names=list(MedicineName.objects.all()),
        health_concepts=list(HealthConcept.objects.all()),
        use_limits=list(UseLimit.objects.all()),
        conditions=list(Condition.objects.only("code", "name", "synonyms", "self_care", "red_flags")),
    )


def build_snapshot() -> dict[str, Any]:
    """The canonical snapshot of the working rows."""
    return compose(working_rows())


def check_working_rows() -> list[Fault]:
    """Everything that stands against releasing the working rows as they are."""
    return check(build_snapshot())


def _built_and_checked() -> tuple[dict[str, Any], list[Fault]]:
    snapshot = build_snapshot()
    return snapshot, check(snapshot)


workflow = Workflow(
    model=FormularyRelease,
    called="formulary",
    build=_built_and_checked,
    rows=(Medication, Treatment, InteractionClass, AllergyClass, MedicineName, HealthConcept, UseLimit),
    reviewed_state=ContentState.REVIEWED,
    check=check,
)
publish_release = workflow.publish_release
propose_release = workflow.propose_release
approve_release = workflow.approve_release
roll_back = workflow.roll_back
preview = workflow.preview
reject_release = workflow.reject_release
replay_again = workflow.replay_again
explain_downgrades = workflow.explain_downgrades
comment = workflow.comment
review_of = workflow.review
