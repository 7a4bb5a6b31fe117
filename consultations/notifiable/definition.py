"""Why a case is to be passed on: the rule that says so, with what made it fire, and what the guidelines
say of the conditions in question."""

from dataclasses import dataclass
from typing import Any

from consultations.models import Consultation
from triage.selectors import knowledge_of, snapshot_of


@dataclass(frozen=True, slots=True)
class Definition:
    """A rule that asks for a notification and was met. `because` are its criteria as they held."""

    rule: str
    title: str
    notify: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Marked:
    """A condition in question that the guidelines mark as notifiable, with their source for that."""

    condition: str
    name: str
    icd10: str
    source: str
    confidence: str


def met(row: Consultation) -> list[Definition]:
    """The rules that fired and name an authority, under the guidelines that the case was judged by."""
    rules = {rule.id: rule for rule in knowledge_of(row.guidelines_release).rules}
    found = []
    for fired in row.triage.get("rules") or ():
        rule = rules.get(fired["id"])
        if rule is not None and rule.notify:
            because = tuple(str(line) for line in fired.get("because") or ())
            found.append(Definition(rule.id, str(fired["title"]), rule.notify, because))
    return found


def marked(row: Consultation) -> list[Marked]:
    """What was diagnosed, else what the ranking holds for possible, where it is marked as notifiable."""
    if row.working_diagnosis:
        codes = [row.working_diagnosis]
    else:
        ranked = row.assessment.get("conditions") or ()
        codes = [str(each["condition"]) for each in ranked if each.get("band") != "unlikely"]
    entries: dict[str, Any] = {each["id"]: each for each in snapshot_of(row.guidelines_release)["conditions"]}
    return [
        Marked(
            condition=code,
            name=str(entry["name"]),
            icd10=str(entry.get("icd10") or ""),
            source=str(entry.get("notifiable_source") or ""),
            confidence=str(entry.get("notifiable_confidence") or ""),
        )
        for code in codes
        if (entry := entries.get(code)) and entry.get("notifiable")
    ]
