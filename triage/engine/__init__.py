"""Pure engines of the profession's knowledge: triage by rules, and the explained differential.

Frozen values in, frozen values out; no Django, no settings, no clock.
"""

from triage.engine.answers import ContradictoryFindings, Findings, raised_by
from triage.engine.assessment import Ask, FiredRule, TriageResult, assess
from triage.engine.criteria import Criteria, CriteriaError, parse_criteria
from triage.engine.differential import (
    Band,
    Differential,
    Evidence,
    ImageEvidence,
    RankedCondition,
    differential,
)
from triage.engine.jsonlogic import from_jsonlogic, rule_to_jsonlogic, to_jsonlogic
from triage.engine.knowledge import Knowledge, Rule, parse_knowledge
from triage.engine.levels import DEFAULT_LEVEL, Level
from triage.engine.questions import NextQuestion
from triage.engine.vocabulary import FACTS, FactValue

__all__ = [
    "DEFAULT_LEVEL",
    "FACTS",
    "Ask",
    "Band",
    "ContradictoryFindings",
    "Criteria",
    "CriteriaError",
    "Differential",
    "Evidence",
    "FactValue",
    "Findings",
    "FiredRule",
    "ImageEvidence",
    "Knowledge",
    "Level",
    "NextQuestion",
    "RankedCondition",
    "Rule",
    "TriageResult",
    "assess",
    "differential",
    "from_jsonlogic",
    "parse_criteria",
    "parse_knowledge",
    "raised_by",
    "rule_to_jsonlogic",
    "to_jsonlogic",
]
