"""What a document is made of: the stored record and the releases it was judged by. Nothing is
recommended again here; what the row does not hold is not printed."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from accounts.models import User
from consultations.models import Consultation, Recommendation
from consultations.services.decisions import Action, still_stands
from dermatech.core.errors import Conflict
from medications import selectors as formulary_selectors
from triage import selectors as triage_selectors
from triage.engine import Findings, Knowledge, raised_by


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medicine that was supplied. `said` is the recommendation as it was stored; None when the
    pharmacist chose one that was not proposed, for which no dose is on record."""

    id: str
    said: Mapping[str, Any] | None
    listed: Mapping[str, Any]  # its entry in the pinned formulary; empty when there is none

    @property
    def name(self) -> str:
        """As the pharmacist read it."""
        stored = (self.said or {}).get("name")
        if stored:
            return str(stored)
        words = [self.listed.get("generic_name"), self.listed.get("strength"), self.listed.get("form")]
        listed = " ".join(str(word) for word in words if word)
        return (listed or self.id.replace("-", " ")).capitalize()

    @property
    def antibiotic(self) -> bool:
        """By its ATC code; creams count too."""
        return is_antibiotic(self.listed)


# ATC groups of medicines against bacteria (WHO Collaborating Centre): tablets and syrups, skin, acne, eyes.
_ANTIBIOTIC_ATC = ("J01", "D06A", "D06BA", "D07C", "D10AF", "S01AA")


def is_antibiotic(listed: Mapping[str, Any]) -> bool:
    """Whether an entry of the formulary is an antibiotic."""
    return bool(listed.get("aware_group")) or str(listed.get("atc", "")).startswith(_ANTIBIOTIC_ATC)


@dataclass(frozen=True, slots=True)
class Source:
    """One decided consultation with everything its documents say."""

    row: Consultation
    action: Action
    override_reason: str
    decided_at: datetime
    decided_by: User | None
    medicines: tuple[Medicine, ...]
    knowledge: Knowledge
    guidelines: Mapping[str, Any]
    formulary: Mapping[str, Any]

    @property
    def level(self) -> str:
        return self.row.triage_level

    @property
    def rules(self) -> Sequence[Mapping[str, Any]]:
        """The rules that decided, as they were stored."""
        return tuple(self.row.triage.get("rules") or ())

    @property
    def condition(self) -> str:
        """What it is thought to be: confirmed, else what the medicines were proposed for."""
        return self.row.working_diagnosis or str(self.row.assessment.get("recommended_for") or "")

    @property
    def condition_entry(self) -> Mapping[str, Any]:
        """What the pinned guidelines say of that condition."""
        return next((row for row in self.guidelines["conditions"] if row["id"] == self.condition), {})

    @property
    def facts(self) -> dict[str, Any]:
        """Facts and findings as the rules saw them."""
        seen = Findings(present=frozenset(self.row.findings_present), absent=frozenset())
        given = {name: value for name, value in self.row.facts.items() if value is not None}
        return dict(raised_by(seen, {**given, **self.row.patient_facts}, self.knowledge))

    @property
    def review_states(self) -> dict[str, str]:
        """Of each release that the advice was given under."""
        used = {"guidelines": self.row.guidelines_release.review_state}
        if self.row.formulary_release:
            used["formulary"] = self.row.formulary_release.review_state
        return used

    def entry(self, medication: str) -> Mapping[str, Any]:
        """A medicine's entry in the pinned formulary."""
        return _entries(self.formulary).get(medication, {})

    def antibiotics_considered(self) -> bool:
        """Whether the pinned formulary holds an antibiotic for the condition."""
        return any(
            is_antibiotic(self.entry(row["medication"]))
            for row in self.formulary["treatments"]
            if row["condition"] == self.condition
        )


def source_of(row: Consultation) -> Source:
    """Everything about a decided consultation. Raises Conflict (`no_decision`)."""
    decision = row.decision
    if not decision:
        raise Conflict(
            "Nothing has been decided yet. Record a decision first: supply, refer, advise or no_action.",
            code="no_decision",
        )
    formulary: Mapping[str, Any] = {"medications": (), "treatments": ()}
    if row.formulary_release:
        formulary = formulary_selectors.snapshot_of(row.formulary_release)
    decided_at = parse_datetime(str(decision.get("decided_at") or "")) or row.updated_at
    return Source(
        row=row,
        action=Action(decision["action"]),
        override_reason=str(decision.get("override_reason") or ""),
        decided_at=decided_at,
        decided_by=_person(decision.get("decided_by")),
        medicines=_medicines(row, decision.get("medications") or (), formulary),
        knowledge=triage_selectors.knowledge_of(row.guidelines_release),
        guidelines=triage_selectors.snapshot_of(row.guidelines_release),
        formulary=formulary,
    )


def check_current(row: Consultation) -> None:
    """Raise Conflict (`decision_outdated`) when what was decided on has changed since: a page for a
    patient must not hold yesterday's dose, nor calm someone whom triage now sends to hospital."""
    current = [each.payload for each in row.recommendations.current().filter(proposed=True)]
    if not still_stands(row.decision or {}, level=row.triage_level, proposed=current):
        raise Conflict(
            "The advice has changed since this was decided, for example by another weight or a new photo. "
            "Read the consultation again and record the decision once more.",
            code="decision_outdated",
        )


def _person(key: Any) -> User | None:
    try:
        return User.objects.filter(pk=uuid.UUID(str(key))).first()
    except ValueError:
        return None


def _medicines(
    row: Consultation, chosen: Sequence[str], formulary: Mapping[str, Any]
) -> tuple[Medicine, ...]:
    stored: dict[str, Mapping[str, Any]] = {}
    for each in Recommendation.objects.current().filter(consultation=row, proposed=True).order_by("rank"):
        stored.setdefault(each.medication, each.payload)
    entries = _entries(formulary)
    return tuple(Medicine(key, stored.get(key), entries.get(key, {})) for key in dict.fromkeys(chosen))


def _entries(formulary: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {row["id"]: row for row in formulary["medications"]}
