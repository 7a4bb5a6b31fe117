"""Writing down what the engines said: on the consultation, on an analysis, as rows."""

from dataclasses import dataclass
from typing import Any

from accounts import audit
from accounts.models import User
from consultations import selectors
from consultations.models import Analysis, Consultation, Recommendation
from consultations.services.case import Case, case_of
from consultations.services.evaluation import Evaluation, evaluate
from dermatech.core.errors import Unavailable
from dermatech.core.releases import Release, ReviewState
from medications.engine import Formulary
from medications.models import FormularyRelease
from medications.selectors import current_formulary
from triage.engine import Knowledge
from triage.models import GuidelineRelease
from triage.selectors import current_knowledge

DISCLAIMER = (
    "Decision support for a qualified person, who decides. It does not replace an examination; when in "
    "doubt, refer."
)
STARTER = (
    "The guidelines and medicines used are starter content that no pharmacist in Ghana has reviewed yet."
)


@dataclass(frozen=True, slots=True)
class Published:
    """The knowledge in force. Without a formulary triage still works, and nothing is proposed."""

    guidelines: GuidelineRelease
    knowledge: Knowledge
    formulary_release: FormularyRelease | None
    formulary: Formulary | None


def published() -> Published:
    """What is published now. Raises Unavailable when there are no guidelines."""
    guidelines, knowledge = current_knowledge()
    try:
        release, formulary = current_formulary()
    except Unavailable:
        return Published(guidelines, knowledge, None, None)
    return Published(guidelines, knowledge, release, formulary)


def disclaimer(*releases: Release | None) -> str:
    """What must stand beside every answer; more where nobody answers for the content yet."""
    reviewed = all(release.review_state == ReviewState.REVIEWED for release in releases if release)
    return DISCLAIMER if reviewed else f"{DISCLAIMER} {STARTER}"


def assess_consultation(
    consultation: Consultation, *, cadre: str, known: Published, evidence: dict[str, Any] | None
) -> Evaluation:
    """Evaluate a consultation as it stands and set (not save) what it says of itself."""
    case = case_of(consultation, cadre=cadre, evidence=evidence)
    evaluation = evaluate(case, knowledge=known.knowledge, formulary=known.formulary)
    consultation.triage = dict(evaluation.triage)
    consultation.triage_level = evaluation.level.value
    consultation.assessment = {
        **evaluation.assessment,
        "recommended_for": evaluation.condition or None,
        "message": evaluation.message,
        "unrecognised": list(evaluation.unrecognised),
        "no_antibiotic": evaluation.no_antibiotic,
        "household": evaluation.household,
    }
    consultation.guidelines_release = known.guidelines
    consultation.formulary_release = known.formulary_release
    return evaluation


def refresh(consultation: Consultation, *, actor: User | None, cadre: str, known: Published) -> Evaluation:
    """Evaluate a locked, saved consultation again and replace its current recommendations."""
    evidence = selectors.image_evidence(consultation)
    evaluation = assess_consultation(consultation, cadre=cadre, known=known, evidence=evidence)
    replace_recommendations(consultation, evaluation, actor=actor)
    return evaluation


def replace_recommendations(
    consultation: Consultation, evaluation: Evaluation, *, actor: User | None
) -> None:
    """The consultation's current recommendations, and the event that they were made."""
    consultation.recommendations.filter(analysis__isnull=True).delete()
    insert_recommendations(consultation, evaluation, analysis=None)
    audit.record(
        actor=actor,
        action=audit.Action.RECOMMENDATION_MADE,
        entity=consultation,
        patient=consultation.pk,
        changes={
            "triage_level": evaluation.level.value,
            "recommended_for": evaluation.condition,
            "proposed": [row["medication"] for row in evaluation.proposed],
        },
        detail={"proposed": len(evaluation.proposed), "excluded": len(evaluation.excluded)},
    )


def insert_recommendations(
    consultation: Consultation, evaluation: Evaluation, *, analysis: Analysis | None
) -> None:
    """One row for every medicine proposed or excluded, in order."""
    Recommendation.objects.bulk_create(
        Recommendation(
            consultation=consultation,
            analysis=analysis,
            medication=row["medication"],
            rank=rank,
            proposed=proposed,
            code="" if proposed else row["code"],
            level=evaluation.level.value,
            payload=dict(row),
        )
        for proposed, rows in ((True, evaluation.proposed), (False, evaluation.excluded))
        for rank, row in enumerate(rows, start=1)
    )


def replayable(case: Case, evaluation: Evaluation) -> dict[str, Any]:
    """The inputs of an analysis as they are kept, with what must come out of them again."""
    return {"case": case.as_dict(), "outcome": evaluation.comparable()}
