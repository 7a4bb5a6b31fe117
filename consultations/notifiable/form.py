"""What the form says: for the district's disease surveillance officer, who decides what is a case."""

from datetime import timedelta
from typing import Any

from consultations.documents import words
from consultations.models import Consultation
from consultations.notifiable.definition import marked, met
from triage.engine.vocabulary import FACTS
from triage.engine.words import say
from triage.selectors import knowledge_of

TITLE = "Notification of a suspected case"
_ACTIONS = {
    "supply": "A medicine was supplied", "refer": "Referred", "advise": "Advised, without a medicine",
    "no_action": "Nothing was done",
}  # fmt: skip


def content(row: Consultation) -> dict[str, Any]:
    """What the template `notification` shows. What nobody recorded is a line to write on."""
    knowledge = knowledge_of(row.guidelines_release)
    definitions = met(row)
    told = {name: value for name, value in row.facts.items() if value is not None and name in FACTS}
    days = told.pop("duration_days", None)
    return {
        "title": TITLE,
        "author": row.premises.name,
        "reference": str(row.pk),
        "date": words.date(row.created_at),
        "premises": words.premises(row),
        "pharmacist": words.person(row.pharmacist),
        "notify": str(row.triage.get("notify") or ""),
        "definitions": [
            {"title": each.title, "notify": each.notify, "because": list(each.because)}
            for each in definitions
        ],
        "marked": [
            {"name": each.name, "icd10": each.icd10, "source": each.source, "confidence": each.confidence}
            for each in marked(row)
        ],
        "patient": [
            ["Initials", row.initials or ""],
            ["Age", words.age(row.age_months)],
            ["Sex", words.sex(row)],
            ["Seen on", words.date(row.created_at)],
            ["Began about", "" if days is None else words.date(row.created_at - timedelta(days=float(days)))],
            ["Diagnosis", _diagnosis(row, knowledge)],
        ],
        "seen": [_finding(knowledge, code) for code in row.findings_present],
        "not_seen": [_finding(knowledge, code) for code in row.findings_absent],
        "told": [say(name, value, knowledge.names) for name, value in told.items() if value is not False],
        "done": _done(row),
        "review": words.review(_review_states(row)),
    }


def _diagnosis(row: Consultation, knowledge: Any) -> str:
    if not row.working_diagnosis:
        return "not confirmed"
    known = knowledge.conditions.get(row.working_diagnosis)
    return known.name if known else row.working_diagnosis.replace("-", " ")


def _finding(knowledge: Any, code: str) -> str:
    known = knowledge.findings.get(code)
    return known.name if known else code.replace("_", " ")


def _done(row: Consultation) -> str:
    said = row.decision or {}
    return _ACTIONS.get(str(said.get("action") or ""), "No decision was recorded yet")


def _review_states(row: Consultation) -> dict[str, str]:
    return {"guidelines": row.guidelines_release.review_state}
