"""The canonical snapshot of working rows: what a release pins, engines parse and phones read.

Lists are in a fixed order, so the same knowledge always has the same bytes.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from triage.engine.criteria import parse_criteria
from triage.engine.jsonlogic import rule_to_jsonlogic
from triage.engine.words import describe
from triage.models import (
    Condition,
    ConditionProfile,
    DifferentialScoring,
    Finding,
    Guideline,
    KnowledgeItem,
    SafetyQuestion,
    Vignette,
)

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class WorkingRows:
    """Everything a snapshot is made of."""

    conditions: list[Condition]
    findings: list[Finding]
    profiles: list[ConditionProfile]
    scoring: DifferentialScoring
    safety_questions: list[SafetyQuestion]
    guidelines: list[Guideline]
    vignettes: list[Vignette]

    def items(self) -> Iterable[KnowledgeItem]:
        """All rows, whatever they are."""
        yield from self.conditions
        yield from self.findings
        yield from self.profiles
        yield self.scoring
        yield from self.safety_questions
        yield from self.guidelines
        yield from self.vignettes


def compose(rows: WorkingRows) -> dict[str, Any]:
    """The snapshot of `rows`. Raises CriteriaError where a rule cannot be read."""
    names = {row.code: row.name for row in rows.conditions}
    return {
        "schema": SCHEMA_VERSION,
        "conditions": [_condition(row) for row in _sorted(rows.conditions)],
        "findings": [_finding(row) for row in _sorted(rows.findings)],
        "profiles": [_profile(row) for row in _sorted(rows.profiles)],
        "scoring": _scoring(rows.scoring),
        "safety_questions": [
            {"id": row.code, "if_present": row.if_present, "if_absent": row.if_absent, "ask": row.ask}
            for row in sorted(rows.safety_questions, key=lambda row: (row.position, row.code))
        ],
        "guidelines": [_guideline(row, names) for row in _sorted(rows.guidelines)],
        "vignettes": [_vignette(row) for row in _sorted(rows.vignettes)],
    }


def indented(document: Any) -> str:
    """A document for people's eyes."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def _sorted(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: row.code)


def _provenance(row: KnowledgeItem) -> dict[str, Any]:
    return {
        "id": row.code,
        "confidence": row.confidence,
        "unverified_fields": row.unverified_fields,
        "sources": row.sources,
    }


def _condition(row: Condition) -> dict[str, Any]:
    return {
        **_provenance(row),
        "name": row.name,
        "synonyms": row.synonyms,
        "icd10": row.icd10,
        "icd11": row.icd11 or None,
        "icd11_confidence": row.icd11_confidence,
        "category": row.category,
        "contagious": row.contagious,
        "notifiable": row.notifiable,
        "notifiable_source": row.notifiable_source,
        "notifiable_confidence": row.notifiable_confidence,
        "serious": row.serious,
        "pharmacy_manageable": row.pharmacy_manageable,
        "default_triage": row.default_triage,
        "default_triage_note": row.default_triage_note,
        "key_features": row.key_features,
        "look_alikes": row.look_alikes,
        "red_flags": row.red_flags,
        "self_care": row.self_care,
    }


def _finding(row: Finding) -> dict[str, Any]:
    return {
        **_provenance(row),
        "name": row.name,
        "group": row.group,
        "question": row.question,
        "help": row.help,
        "background": row.background,
        "cluster": row.cluster,
        "excludes": row.excludes,
        "implies": row.implies,
        "ask": row.asked,
        "ask_age_min": row.ask_age_min,
        "ask_age_max": row.ask_age_max,
        "fact": row.fact or None,
        "fact_test": row.fact_test,
    }


def _profile(row: ConditionProfile) -> dict[str, Any]:
    return {
        **_provenance(row),
        "condition": row.code,
        "priors": row.priors,
        "priors_confidence": row.priors_confidence,
        "findings": row.findings,
        "evidence": row.evidence,
        "note": row.note,
    }


def _scoring(row: DifferentialScoring) -> dict[str, Any]:
    words = ("always", "often", "sometimes", "rarely", "never")
    same = (
        "rho", "site_rho", "answer_reliability", "reliability_floor", "likely", "possible",
        "possible_if_serious", "abstain_below", "abstain_min_answers",
    )  # fmt: skip
    return {
        "frequencies": {word: getattr(row, word) for word in words},
        **{name: getattr(row, name) for name in same},
        # Left out where it says nothing, so that releases from before there was one have the same hash.
        **({"temper": row.temper} if row.temper != 1 else {}),
        "other_priors": row.priors,
    }


def _guideline(row: Guideline, names: dict[str, str]) -> dict[str, Any]:
    when = parse_criteria(row.when, path=f"{row.code}.when")
    unless = parse_criteria(row.unless, path=f"{row.code}.unless") if row.unless else None
    return {
        **_provenance(row),
        "title": row.title,
        "level": row.level,
        "priority": row.priority,
        "timeframe": row.timeframe,
        "when": row.when,
        "unless": row.unless,
        "plain_words": {
            "when": describe(when, names),
            "unless": describe(unless, names) if unless else None,
        },
        "jsonlogic": rule_to_jsonlogic(when, unless),
        "rationale": row.rationale,
        "advice": row.advice,
        "notify": row.notify or None,
        "test_cases": {"match": row.match_case, "no_match": row.no_match_case},
    }


def _vignette(row: Vignette) -> dict[str, Any]:
    return {
        **_provenance(row),
        "kind": row.kind,
        "description": row.description,
        "facts": row.facts,
        "findings_present": row.findings_present,
        "findings_absent": row.findings_absent,
        "expected_level": row.expected_level or None,
        "expected_rules": row.expected_rules,
        "expected_first": row.expected_first or None,
        "acceptable": row.acceptable,
        "must_not_miss": row.must_not_miss,
        "expected_abstain": row.expected_abstain,
        "known_shortfall": row.known_shortfall,
        "basis": row.basis,
        "written": row.written,
    }
