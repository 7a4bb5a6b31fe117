"""The differential: a transparent Bayesian ranking that shows its evidence and knows when to abstain.

log posterior(c) = log prior(c, age band) + sum over answered, non-redundant findings of
weight x log P(answer | c) + log image likelihood(c), normalised over all conditions and "none of these".
Findings of one cluster share evidence: weight = temper / (1 + rho x (k - 1)), k of them answered.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from triage.engine.answers import Answers, Findings, answer
from triage.engine.knowledge import AGE_BANDS, Knowledge
from triage.engine.questions import NextQuestion, next_questions
from triage.engine.vocabulary import FactValue

# An image model is a witness among others: it moves no condition by more than this factor.
IMAGE_FACTOR_LIMIT = 20.0
LISTED = 5  # conditions shown at least, beside all likely and possible ones
SITE_CLUSTER = "site"
_NEVER_AT_THIS_AGE = -10.0  # stands for minus infinity, which JSON cannot say
_MIN_EVIDENCE = 0.05  # a weight below this moves nothing worth saying (5 %)


class Band(StrEnum):
    """How probable, in words; percentages wait for calibration."""

    LIKELY = "likely"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"


@dataclass(frozen=True, slots=True)
class ImageEvidence:
    """What an image model says: likelihood ratios by condition (1 or absent: says nothing about it).

    `label` is the model's own word; `suspicious_score` and `threshold` (0 to 1) belong to its lesion flag.
    """

    likelihoods: Mapping[str, float]
    label: str
    suspicious_score: float | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) and value > 0 for value in self.likelihoods.values()):
            raise ValueError("Image likelihoods must be positive and finite.")

    @property
    def flag(self) -> bool:
        """Whether the lesion is suspicious; such a flag may only raise the level."""
        if self.suspicious_score is None or self.threshold is None:
            return False
        return self.suspicious_score >= self.threshold


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that moved a condition. `weight` is the log likelihood ratio (natural) against "none of
    these"; for a prior, against the average condition of that age."""

    source: str  # findings, image or prior
    text: str
    weight: float

    def as_dict(self) -> dict[str, Any]:
        return {"source": self.source, "text": self.text, "weight": round(self.weight, 2)}


@dataclass(frozen=True, slots=True)
class RankedCondition:
    """One condition with its probability (0 to 1), band and evidence, heaviest first."""

    condition: str
    name: str
    icd10: str
    probability: float
    band: Band
    evidence: tuple[Evidence, ...]
    look_alikes: tuple[str, ...]
    serious: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "condition": self.condition,
            "name": self.name,
            "icd10": self.icd10,
            "probability": round(self.probability, 4),
            "band": str(self.band),
            "evidence": [each.as_dict() for each in self.evidence],
            "look_alikes": list(self.look_alikes),
        }


@dataclass(frozen=True, slots=True)
class Differential:
    """The ranking. `ranked` holds every condition, `conditions` those worth showing."""

    ranked: tuple[RankedCondition, ...]
    conditions: tuple[RankedCondition, ...]
    other_probability: float
    abstained: bool
    abstain_reason: str | None
    next_questions: tuple[NextQuestion, ...]
    probabilities: Mapping[str, float] = field(default_factory=dict)  # with `_other`; sums to 1

    @property
    def next_question(self) -> NextQuestion | None:
        return self.next_questions[0] if self.next_questions else None

    @property
    def plausible(self) -> tuple[str, ...]:
        """Ids of the likely and possible conditions, for triage while the diagnosis is open."""
        return tuple(each.condition for each in self.ranked if each.band is not Band.UNLIKELY)

    def as_dict(self) -> dict[str, Any]:
        """`conditions`, `abstained`, `abstain_reason` of the API, and the next best question."""
        question = self.next_question
        return {
            "conditions": [each.as_dict() for each in self.conditions],
            "abstained": self.abstained,
            "abstain_reason": self.abstain_reason,
            "next_question": question.as_dict() if question else None,
        }


def differential(
    findings: Findings,
    facts: Mapping[str, FactValue],
    image_evidence: ImageEvidence | None,
    knowledge: Knowledge,
    *,
    explained: bool = True,
) -> Differential:
    """Rank every condition of the matrix. Raises ContradictoryFindings (a ValueError).

    Not `explained`: the ranking alone, without evidence and next questions, in a third of the time.
    """
    answers = answer(findings, facts, knowledge)
    priors = priors_at(facts.get("age_months"), knowledge)
    weights = evidence_weights(answers, knowledge)
    logs = [math.log(prior) if prior else -math.inf for prior in priors]
    for id_, present in answers.scored.items():
        for i, likelihood in enumerate(knowledge.likelihoods[id_]):
            logs[i] += weights[id_] * math.log(likelihood if present else 1 - likelihood)
    image = _image_logs(image_evidence, knowledge)
    posterior = normalise([value + shift for value, shift in zip(logs, image, strict=True)])
    reason = _abstain_reason(answers, posterior, knowledge)
    evidence = _evidence(answers, priors, weights, image_evidence, knowledge) if explained else None
    ranked = _ranked(posterior, evidence, knowledge, abstained=reason is not None)
    shown = tuple(each for i, each in enumerate(ranked) if i < LISTED or each.band is not Band.UNLIKELY)
    return Differential(
        ranked=ranked,
        conditions=shown,
        other_probability=posterior[-1],
        abstained=reason is not None,
        abstain_reason=reason,
        next_questions=next_questions(answers, facts, posterior, knowledge) if explained else (),
        probabilities=dict(zip(knowledge.hypotheses, posterior, strict=True)),
    )


def priors_at(age_months: FactValue, knowledge: Knowledge) -> list[float]:
    """Prior frequencies (per 10,000) in the order of the hypotheses; the mean of the bands without an age."""
    rows = [profile.priors for profile in knowledge.profiles.values()] + [knowledge.scoring.other_priors]
    if isinstance(age_months, int | float):
        band = next(name for name, (low, high) in AGE_BANDS.items() if low <= age_months < high)
        return [row[band] for row in rows]
    return [sum(row[band] for band in AGE_BANDS) / len(AGE_BANDS) for row in rows]


def normalise(logs: Sequence[float]) -> list[float]:
    """Probabilities of log weights, without overflow."""
    top = max(logs)
    raw = [math.exp(value - top) for value in logs]
    total = sum(raw)
    return [value / total for value in raw]


def evidence_weights(answers: Answers, knowledge: Knowledge) -> dict[str, float]:
    """Tempering: how much each scored finding counts beside the others of its cluster."""
    clusters = Counter(knowledge.findings[id_].cluster for id_ in answers.scored)
    scoring = knowledge.scoring
    weights = {}
    for id_ in answers.scored:
        cluster = knowledge.findings[id_].cluster
        rho = scoring.site_rho if cluster == SITE_CLUSTER else scoring.rho
        weights[id_] = scoring.temper / (1 + rho * (clusters[cluster] - 1))
    return weights


def _image_logs(evidence: ImageEvidence | None, knowledge: Knowledge) -> list[float]:
    likelihoods = evidence.likelihoods if evidence else {}
    return [_image_weight(likelihoods.get(id_, 1.0)) for id_ in knowledge.hypotheses]


def _image_weight(likelihood: float) -> float:
    limit = math.log(IMAGE_FACTOR_LIMIT)
    return max(-limit, min(limit, math.log(likelihood)))


# --- Abstaining ---------------------------------------------------------------------------------
def _abstain_reason(answers: Answers, posterior: Sequence[float], knowledge: Knowledge) -> str | None:
    """Why there is too little to go on, as a sentence, or None."""
    scoring = knowledge.scoring
    best = max(posterior[:-1], default=0.0)
    reasons = []
    if len(answers.present | answers.absent) < scoring.abstain_min_answers:
        reasons.append(f"fewer than {scoring.abstain_min_answers} findings are answered")
    if not any(knowledge.findings[id_].background in ("rarely", "never") for id_ in answers.present):
        reasons.append("nothing seen so far is specific to a condition")
    if posterior[-1] >= best:
        reasons.append("it may well be something that is not on the list")
    elif best < scoring.abstain_below:
        reasons.append("no condition stands out")
    if not reasons:
        return None
    text = "; ".join(reasons)
    return f"{text[0].upper()}{text[1:]}."


# --- The ranking with its evidence --------------------------------------------------------------
def _evidence(
    answers: Answers,
    priors: Sequence[float],
    weights: Mapping[str, float],
    image: ImageEvidence | None,
    knowledge: Knowledge,
) -> list[tuple[Evidence, ...]]:
    """What moved each condition, heaviest first, in the order of the profiles."""
    average = sum(priors[:-1]) / max(1, len(priors) - 1)
    found = []
    for i, id_ in enumerate(knowledge.profiles):
        evidence = [
            *_finding_evidence(i, id_, answers, weights, knowledge),
            *_image_evidence(id_, image),
            _prior_evidence(priors[i], average, sum(priors)),
        ]
        found.append(tuple(sorted(evidence, key=lambda each: -abs(each.weight))))
    return found


def _ranked(
    posterior: Sequence[float],
    evidence: Sequence[tuple[Evidence, ...]] | None,
    knowledge: Knowledge,
    *,
    abstained: bool,
) -> tuple[RankedCondition, ...]:
    ranked = []
    for i, id_ in enumerate(knowledge.profiles):
        condition = knowledge.conditions[id_]
        ranked.append(
            RankedCondition(
                condition=id_,
                name=condition.name,
                icd10=condition.icd10,
                probability=posterior[i],
                band=_band(posterior[i], serious=condition.serious, abstained=abstained, knowledge=knowledge),
                evidence=evidence[i] if evidence is not None else (),
                look_alikes=condition.look_alikes,
                serious=condition.serious,
            )
        )
    return tuple(sorted(ranked, key=lambda each: (-each.probability, each.condition)))


def _band(probability: float, *, serious: bool, abstained: bool, knowledge: Knowledge) -> Band:
    """The word for a probability; what abstains calls nothing likely."""
    scoring = knowledge.scoring
    if probability >= scoring.likely and not abstained:
        return Band.LIKELY
    limit = scoring.possible_if_serious if serious else scoring.possible
    return Band.POSSIBLE if probability >= limit else Band.UNLIKELY


def _finding_evidence(
    index: int, condition: str, answers: Answers, weights: Mapping[str, float], knowledge: Knowledge
) -> list[Evidence]:
    """What each scored finding says for or against this condition, against "none of these"."""
    found = []
    words = knowledge.profiles[condition].words
    for id_, present in answers.scored.items():
        column = knowledge.likelihoods[id_]
        here, elsewhere = (column[index], column[-1]) if present else (1 - column[index], 1 - column[-1])
        weight = weights[id_] * math.log(here / elsewhere)
        if abs(weight) < _MIN_EVIDENCE:
            continue
        finding = knowledge.findings[id_]
        word = words.get(id_, finding.background)
        seen = "present" if present else "absent"
        text = f"{finding.name}: {seen} ({word} seen in this condition, {finding.background} otherwise)"
        found.append(Evidence("findings", text, weight))
    return found


def _image_evidence(condition: str, image: ImageEvidence | None) -> list[Evidence]:
    if image is None or condition not in image.likelihoods:
        return []
    weight = _image_weight(image.likelihoods[condition])
    if abs(weight) < _MIN_EVIDENCE:
        return []
    side = "speaks for" if weight > 0 else "speaks against"
    return [Evidence("image", f"The image model says {image.label!r}, which {side} this condition", weight)]


def _prior_evidence(prior: float, average: float, total: float) -> Evidence:
    if not prior:
        return Evidence("prior", "Not seen at this age", _NEVER_AT_THIS_AGE)
    share = 100 * prior / total
    text = f"About {share:.1f} of 100 skin complaints at this age in a pharmacy (estimate)"
    return Evidence("prior", text, math.log(prior / average))
