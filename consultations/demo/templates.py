"""A few hundred invented patients, judged by the engines under the published knowledge. Rows are made
from these by the thousand, so that what they hold is as large and as varied as the real thing."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consultations.models import URGENT_LEVELS
from consultations.services.case import Case
from consultations.services.evaluation import Evaluation, evaluate
from consultations.services.results import Published
from triage.engine import Knowledge

_WEIGHTS = {"always": 0.97, "often": 0.7, "sometimes": 0.35, "rarely": 0.08}
_SITES = ("trunk", "face", "scalp", "arms", "legs", "hands", "feet", "groin")


@dataclass(frozen=True, slots=True)
class Template:
    """One judged patient. `condition` is what they were invented to have."""

    condition: str
    patient: Mapping[str, Any]
    facts: Mapping[str, Any]
    present: Sequence[str]
    absent: Sequence[str]
    evaluation: Evaluation

    @property
    def assessment(self) -> dict[str, Any]:
        """As a consultation keeps it."""
        said = self.evaluation
        return {
            **said.assessment, "recommended_for": said.condition or None, "message": said.message,
            "unrecognised": [], "no_antibiotic": said.no_antibiotic, "household": said.household,
        }  # fmt: skip


def invent(count: int, *, known: Published, chance: random.Random) -> list[Template]:
    """`count` patients, the frequent conditions more often than the rare."""
    knowledge = known.knowledge
    profiles = sorted(knowledge.profiles)
    weights = [max(sum(knowledge.profiles[code].priors.values()), 1e-6) for code in profiles]
    made = []
    for code in chance.choices(profiles, weights, k=count):
        patient = _patient(chance)
        present, absent = _findings(code, knowledge, chance)
        facts = _facts(chance)
        case = Case(
            patient=patient, facts=facts, present=tuple(present), absent=tuple(absent), presentation="rash",
            working_diagnosis=code if chance.random() < 0.6 else "", cadre="pharmacist",
        )  # fmt: skip
        said = evaluate(case, knowledge=knowledge, formulary=known.formulary)
        made.append(Template(code, patient, facts, present, absent, said))
    return made


def decide(template: Template, chance: random.Random) -> dict[str, Any] | None:
    """What somebody at the counter made of it; now and then against the advice."""
    said = template.evaluation
    if chance.random() < 0.12:
        return None
    urgent = said.level.value in URGENT_LEVELS
    action, medicines, against = "advise", [], ""
    if said.proposed:
        action, medicines = "supply", [str(said.proposed[0]["medication"])]
    elif said.level.value.startswith(("refer", "emergency")):
        action = "refer"
    if chance.random() < 0.05:
        if urgent:
            action, medicines = "advise", []
            against = "Triage says that this patient must be referred without delay."
        elif said.excluded:
            action, medicines = "supply", [str(said.excluded[0]["medication"])]
            against = f"Not proposed for this patient: {medicines[0]}."
    return {
        "action": action, "medications": medicines, "against": against, "overridden": bool(against),
        "override_reason": "The patient's own doctor asked for it." if against else "", "overrides": [],
        "basis": {"level": said.level.value, "advice": ""},
    }  # fmt: skip


def _patient(chance: random.Random) -> dict[str, Any]:
    months = chance.choice((chance.randint(1, 60), chance.randint(60, 216), chance.randint(216, 900)))
    return {
        "age_months": months, "sex": chance.choice(("female", "male")), "weight_kg": None, "pregnant": False,
        "breastfeeding": False, "allergies": [], "current_medicines": [], "conditions": [],
    }  # fmt: skip


def _facts(chance: random.Random) -> dict[str, Any]:
    return {
        "duration_days": chance.choice((2, 5, 7, 14, 30, 90)),
        "itch_score": chance.randint(0, 10),
        "fever": chance.random() < 0.08,
        "body_sites": chance.sample(_SITES, chance.randint(1, 2)),
    }


def _findings(code: str, knowledge: Knowledge, chance: random.Random) -> tuple[list[str], list[str]]:
    """What would be seen in the condition, without contradictions; the rest was looked for."""
    present: list[str] = []
    absent: list[str] = []
    for finding, word in knowledge.profiles[code].words.items():
        if finding not in knowledge.findings:
            continue
        known = knowledge.findings[finding]
        clashes = any(finding in knowledge.findings[other].excludes for other in present)
        if (
            not clashes
            and not known.excludes.intersection(present)
            and chance.random() < _WEIGHTS.get(word, 0)
        ):
            present.append(finding)
        elif len(absent) < 6:
            absent.append(finding)
    implied = {other for each in present for other in knowledge.findings[each].implies}
    return present, [each for each in absent if each not in implied and each not in present]
