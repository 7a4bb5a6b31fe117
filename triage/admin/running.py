"""Run one test case against the working rows, as they would be released now."""

from collections.abc import Mapping
from typing import Any

from dermatech.core.errors import DomainError, ValidationFailed
from triage.checks import judge_differential, judge_triage
from triage.engine.answers import ContradictoryFindings, Findings
from triage.engine.assessment import TriageResult, assess
from triage.engine.criteria import CriteriaError
from triage.engine.differential import Differential, differential
from triage.engine.knowledge import Knowledge, parse_knowledge
from triage.engine.levels import Level
from triage.facts import validate_facts
from triage.models import TriageLevel, VignetteKind
from triage.services import build_snapshot

RANKED_SHOWN = 5
_LISTS = ("findings_present", "findings_absent", "expected_rules", "acceptable", "must_not_miss")


def run(asked: Mapping[str, Any]) -> dict[str, Any]:
    """`asked`: a vignette as its form has it. Answers `agrees`, `problems`, and what the engine said.

    What cannot be run at all comes back as `message`.
    """
    try:
        knowledge = parse_knowledge(build_snapshot())
        facts = validate_facts(asked.get("facts") or {}, field="facts", conditions=knowledge.conditions)
    except ValidationFailed as failed:
        return {"message": " ".join(f"{each.field}: {each.message}" for each in failed.errors)}
    except DomainError as failed:
        return {"message": failed.detail}
    except CriteriaError as wrong:
        return {"message": f"The rules cannot be run: {wrong}"}
    row = {**asked, **{name: _ids(asked.get(name)) for name in _LISTS}}
    unknown = [each for name in _LISTS[:2] for each in row[name] if each not in knowledge.findings]
    if unknown:
        return {"message": f"There is no finding {unknown[0][:80]!r}."}
    if asked.get("kind") == VignetteKind.TRIAGE:
        return _triage(row, facts, knowledge)
    return _ranking(row, facts, knowledge)


def _ids(raw: Any) -> list[str]:
    return [each for each in raw if isinstance(each, str)] if isinstance(raw, list) else []


def _triage(row: Mapping[str, Any], facts: Mapping[str, Any], knowledge: Knowledge) -> dict[str, Any]:
    problems = judge_triage(row, facts, knowledge) if row.get("expected_level") else ["No level is expected."]
    return {"agrees": not problems, "problems": problems, **said(assess(facts, knowledge))}


def said(result: TriageResult) -> dict[str, Any]:
    """A triage result as people read it."""
    return {
        "level": level_word(result.level),
        "level_id": str(result.level),
        "timeframe": result.timeframe,
        "provisional": result.provisional,
        "rules": [
            {"id": fired.rule.id, "title": fired.rule.title, "because": list(fired.because),
             "level": level_word(fired.rule.level)}
            for fired in result.fired
        ],
        "ask": [each.question for each in result.ask],
    }  # fmt: skip


def level_word(level: Level) -> str:
    """A level as people say it."""
    return str(TriageLevel(str(level)).label)


def _ranking(row: Mapping[str, Any], facts: Mapping[str, Any], knowledge: Knowledge) -> dict[str, Any]:
    findings = Findings(frozenset(row["findings_present"]), frozenset(row["findings_absent"]))
    judged = {"expected_first": None, "expected_abstain": None, **row}
    try:
        result = differential(findings, facts, None, knowledge)
    except ContradictoryFindings as wrong:
        return {"message": str(wrong)}
    problems = judge_differential(judged, facts, knowledge)
    return {"agrees": not problems, "problems": problems, **_ranked(result)}


def _ranked(result: Differential) -> dict[str, Any]:
    return {
        "ranking": [
            {"name": each.name, "percent": round(100 * each.probability), "band": str(each.band)}
            for each in result.ranked[:RANKED_SHOWN]
        ],
        "abstained": result.abstained,
        "abstain_reason": result.abstain_reason,
    }
