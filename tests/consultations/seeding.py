"""Consultations by the thousand, as rows: patients, facts and findings that vary, nothing by the API."""

import random
from decimal import Decimal
from typing import Any

from tests.campaigns.jsonlogic import patients

SHARED = ("age_months", "sex", "pregnant", "breastfeeding", "condition")


def seed(count: int, *, pharmacist: Any, seed: int = 1957) -> list[Any]:
    """`count` consultations of one pharmacist, assessed by nobody: what they hold is what is replayed."""
    from consultations.models import Consultation
    from triage.selectors import current_knowledge

    release, knowledge = current_knowledge()
    chance = random.Random(seed)
    findings = sorted(knowledge.findings)
    rows = []
    for known in patients(count, sorted(knowledge.conditions), seed=seed):
        facts = {name: value for name, value in known.items() if value is not None}
        present, absent = _findings(chance, findings, knowledge)
        rows.append(
            Consultation(
                pharmacist=pharmacist,
                premises=pharmacist.premises,
                age_months=facts.get("age_months", 400),
                sex=facts.get("sex", ""),
                weight_kg=Decimal(chance.randint(5, 90)),
                facts={name: value for name, value in facts.items() if name not in SHARED},
                findings_present=present,
                findings_absent=absent,
                # A person has confirmed one in three.
                working_diagnosis=chance.choice(sorted(knowledge.conditions))
                if chance.random() < 1 / 3
                else "",
                triage_level="refer_routine",
                guidelines_release=release,
            )
        )
    Consultation.objects.bulk_create(rows, batch_size=500)
    return rows


def _findings(chance: random.Random, ids: list[str], knowledge: Any) -> tuple[list[str], list[str]]:
    """Some findings present and absent that do not contradict each other."""
    present: list[str] = []
    for id_ in chance.sample(ids, chance.randint(2, 8)):
        if not any(id_ in knowledge.findings[other].excludes for other in present):
            present.append(id_)
    implied = {other for id_ in present for other in knowledge.findings[id_].implies}
    left = [id_ for id_ in ids if id_ not in present and id_ not in implied]
    return present, chance.sample(left, chance.randint(0, 6))
