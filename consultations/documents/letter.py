"""The referral letter: to whom, how soon, why, and everything a colleague needs to go on."""

from collections.abc import Mapping
from typing import Any

from consultations.documents import words
from consultations.documents.source import Medicine, Source
from consultations.models import TriageLevel
from consultations.services.decisions import Action
from dermatech.core.errors import Conflict
from triage.engine.vocabulary import FACTS
from triage.engine.words import say

TITLE = "Referral letter"
_TO = {
    TriageLevel.EMERGENCY: "The doctor on duty, emergency unit",
    TriageLevel.REFER_URGENT: "The doctor on duty, hospital or polyclinic",
    TriageLevel.REFER_ROUTINE: "The doctor or dermatologist in charge",
}
_URGENCY = {
    TriageLevel.EMERGENCY: "Emergency",
    TriageLevel.REFER_URGENT: "Urgent",
    TriageLevel.REFER_ROUTINE: "Routine",
}
_KNOWN = {True: "yes", False: "no", None: "not known"}
_MOST_IMPRESSIONS = 3


def check_referred(source: Source) -> None:
    """Raise Conflict (`not_referred`) unless the patient is sent to somebody: by the decision, or by a
    triage level that says so whatever else was done."""
    if source.action is not Action.REFER and source.level not in words.REFERRED:
        raise Conflict(
            "This patient was not referred. Record the decision refer to write a letter.", code="not_referred"
        )


def content(source: Source) -> dict[str, Any]:
    """What the template `letter` shows. `photo`: the bytes of a picture, where one goes along."""
    row = source.row
    referred = row.triage_level in words.REFERRED
    level = TriageLevel(row.triage_level) if referred else TriageLevel.REFER_ROUTINE
    return {
        "title": TITLE,
        "author": row.premises.name,
        "reference": str(row.pk),
        "date": words.date(source.decided_at),
        "time": words.time(source.decided_at),
        "premises": words.premises(row),
        "pharmacist": words.person(source.decided_by),
        "to": _TO[level],
        "level": level.value,
        "urgency": _URGENCY[level],
        "timeframe": _timeframe(source) if referred else "on the pharmacist's judgement",
        "provisional": bool(row.triage.get("provisional")),
        "patient": _patient(source),
        "why": [_rule(rule) for rule in source.rules] if referred else [],
        "own_reason": source.override_reason,
        "notify": str(row.triage.get("notify") or ""),
        "impression": _impression(source),
        "seen": [_finding(source, code) for code in row.findings_present],
        "not_seen": [_finding(source, code) for code in row.findings_absent],
        **_told(source),
        "given": [_given(each) for each in source.medicines],
        "allergies": [str(each) for each in row.allergies],
        "medicines": [str(each) for each in row.current_medicines],
        "conditions": [str(each) for each in row.conditions],
        "photo": None,
        "review": words.review(source.review_states),
    }


def _timeframe(source: Source) -> str:
    return str(source.row.triage.get("timeframe") or "")


def _patient(source: Source) -> list[list[str]]:
    """Label and value, only what is known or must be asked again."""
    row = source.row
    weight = f"{row.weight_kg.normalize():f} kg" if row.weight_kg is not None else ""
    rows = [
        ["Initials", row.initials or "not given"],
        ["Age", words.age(row.age_months) or "not known"],
        ["Sex", words.sex(row) or "not known"],
        ["Weight", weight or "not known"],
    ]
    if row.sex != "male" and (row.age_months is None or row.age_months >= 120):
        rows += [["Pregnant", _KNOWN[row.pregnant]], ["Breastfeeding", _KNOWN[row.breastfeeding]]]
    return rows


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {"title": str(rule["title"]), "because": [str(line) for line in rule.get("because") or ()]}


def _impression(source: Source) -> dict[str, Any]:
    """What the pharmacist thinks, else what the ranking holds for possible."""
    confirmed = source.row.working_diagnosis
    if confirmed:
        entry = source.condition_entry
        icd10 = str(entry.get("icd10") or "")
        return {"diagnosis": str(entry.get("name") or confirmed), "icd10": icd10, "possible": []}
    ranked = source.row.assessment.get("conditions") or ()
    return {
        "diagnosis": "",
        "icd10": "",
        "possible": [f"{each['name']} ({each['band']})" for each in ranked[:_MOST_IMPRESSIONS]],
    }


def _finding(source: Source, code: str) -> str:
    known = source.knowledge.findings.get(code)
    return known.name if known else code.replace("_", " ")


def _told(source: Source) -> dict[str, Any]:
    """The facts in sentences; what was asked and answered with no apart. Duration stands first."""
    facts = {name: value for name, value in source.row.facts.items() if value is not None and name in FACTS}
    names = source.knowledge.names
    duration = facts.pop("duration_days", None)
    return {
        "duration": "" if duration is None else words.days(duration),
        "told": [say(name, value, names) for name, value in facts.items() if value is not False],
        "denied": [say(name, value, names) for name, value in facts.items() if value is False],
    }


def _given(medicine: Medicine) -> str:
    said = medicine.said or {}
    parts = [medicine.name, *(str(said[name]) for name in ("dose", "frequency") if said.get(name))]
    if said.get("duration_days"):
        parts.append(f"for {words.days(said['duration_days'])}")
    return ", ".join(parts) + ("" if said else ", dose not on record here")
