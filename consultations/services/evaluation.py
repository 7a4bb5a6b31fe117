"""The engines in their order: differential, triage of every plausible condition, recommendation.

Pure: the same case under the same knowledge and formulary always gives the same evaluation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consultations.services.case import Case
from dermatech.core.errors import Unprocessable
from medications.engine import Formulary, Recommendations, recommend
from triage.engine import (
    ContradictoryFindings,
    Differential,
    FactValue,
    Knowledge,
    Level,
    TriageResult,
    assess,
    differential,
    raised_by,
)

NOTHING_CLEAR = (
    "It is not clear enough what this is to propose a medicine. Answer the next question, or confirm "
    "a working diagnosis."
)
REFER_FIRST = "Triage says {level}: refer now; no medicine is proposed, because it could delay the referral."
NO_FORMULARY = "No formulary is published, so no medicine can be proposed."


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the engines said, in the contract's JSON shapes."""

    level: Level
    triage: Mapping[str, Any]
    assessment: Mapping[str, Any]  # conditions, abstained, abstain_reason, next_question ...
    condition: str  # what the recommendation is for; empty when there is none
    proposed: Sequence[Mapping[str, Any]]
    excluded: Sequence[Mapping[str, Any]]
    unrecognised: Sequence[Any]
    message: str
    no_antibiotic: Mapping[str, Any] | None = None
    household: Mapping[str, Any] | None = None

    def comparable(self) -> dict[str, Any]:
        """What a replay must reproduce."""
        return {
            "triage": dict(self.triage),
            "assessment": dict(self.assessment),
            "recommendations": [dict(row) for row in self.proposed],
            "excluded": [dict(row) for row in self.excluded],
        }


def evaluate(case: Case, *, knowledge: Knowledge, formulary: Formulary | None) -> Evaluation:
    """Rank the conditions, triage, recommend. The image can only make the level worse. Raises
    Unprocessable for findings that the knowledge does not hold any more."""
    facts = case.all_facts
    try:
        plain = differential(case.findings, facts, None, knowledge)
        ranking = plain
        if case.image_evidence is not None:
            ranking = differential(case.findings, facts, case.image_evidence, knowledge)
    except ContradictoryFindings as error:
        raise Unprocessable(
            f"The findings do not fit the published knowledge any more; send them again. {error}",
            code="findings_outdated",
        ) from error
    # What was seen counts for the rules and the medicines too, not for the ranking alone.
    facts = raised_by(case.findings, facts, knowledge)
    result = triaged(case, facts=facts, knowledge=knowledge, plain=plain, ranking=ranking)
    confirmed = case.working_diagnosis or str(facts.get("condition") or "")
    condition = confirmed or leading(ranking)
    medicines = None
    if condition and formulary is not None:
        medicines = recommend(
            condition=condition,
            patient=case.as_patient(),
            facts=facts,
            formulary=formulary,
            cadre=case.cadre,
            level=result.level,
            unconfirmed=None if confirmed else plausible(plain, ranking),
            level_rules=[fired.rule.id for fired in result.rules],
        )
    return _evaluation(result, ranking, condition, medicines, formulary)


def triaged(
    case: Case,
    *,
    facts: Mapping[str, FactValue],
    knowledge: Knowledge,
    plain: Differential,
    ranking: Differential,
) -> TriageResult:
    """The worse of triage without the image (`plain`) and with it. The image adds conditions to those
    that are tried and never removes one: a picture that looks harmless lowers nothing."""
    confirmed = case.working_diagnosis or None
    baseline = assess(facts, knowledge, plausible=plain.plausible, confirmed=confirmed)
    if case.image_evidence is None:
        return baseline
    raised = assess(
        facts,
        knowledge,
        plausible=plausible(plain, ranking),
        confirmed=confirmed,
        image_flag=case.image_flag,
    )
    return baseline if baseline.level.worse_than(raised.level) else raised


def plausible(plain: Differential, ranking: Differential) -> tuple[str, ...]:
    """What it may be without the image or with it."""
    return tuple(dict.fromkeys((*plain.plausible, *ranking.plausible)))


def leading(ranking: Differential) -> str:
    """The most probable condition; empty when the differential abstains."""
    if ranking.abstained or not ranking.conditions:
        return ""
    return ranking.conditions[0].condition


def _evaluation(
    result: TriageResult,
    ranking: Differential,
    condition: str,
    medicines: Recommendations | None,
    formulary: Formulary | None,
) -> Evaluation:
    if medicines is None:
        rows: Mapping[str, Any] = {"recommendations": [], "excluded": []}
        message = _why_nothing(result.level, formulary)
    else:
        rows = medicines.as_dict()
        message = medicines.message or ""
    return Evaluation(
        level=result.level,
        triage=result.as_dict(),
        assessment=ranking.as_dict(),
        condition=condition,
        proposed=rows["recommendations"],
        excluded=rows["excluded"],
        unrecognised=rows.get("unrecognised", []),
        message=message,
        no_antibiotic=rows.get("no_antibiotic"),
        household=rows.get("household"),
    )


def _why_nothing(level: Level, formulary: Formulary | None) -> str:
    """Whoever must be referred without delay is not held up by a question about the diagnosis."""
    if not level.worse_than(Level.REFER_ROUTINE):
        return NO_FORMULARY if formulary is None else NOTHING_CLEAR
    return REFER_FIRST.format(level=level.value.replace("_", " "))
