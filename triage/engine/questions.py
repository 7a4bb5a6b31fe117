"""What to ask next: safety questions first, then the highest expected information gain."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.engine.answers import Answers
from triage.engine.knowledge import Finding, Knowledge
from triage.engine.vocabulary import FactValue

MAX_QUESTIONS = 5
_MIN_GAIN = 0.001  # bits; below it a question is not worth the patient's time


@dataclass(frozen=True, slots=True)
class NextQuestion:
    """A finding worth asking. `fact`: the fact that would answer it; `gain` in bits (expected)."""

    finding: str
    question: str
    help: str
    reason: str  # safety or information
    fact: str | None
    gain: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "finding": self.finding,
            "question": self.question,
            "help": self.help,
            "reason": self.reason,
            "fact": self.fact,
        }


def next_questions(
    answers: Answers, facts: Mapping[str, FactValue], posterior: Sequence[float], knowledge: Knowledge
) -> tuple[NextQuestion, ...]:
    """The best open questions, best first, at most five."""
    age = facts.get("age_months")
    known = answers.known
    open_ = {id_: f for id_, f in knowledge.findings.items() if id_ not in known and f.ask_at(age)}
    before = _negentropy(posterior)
    gains = {id_: expected_gain(knowledge.likelihoods[id_], posterior, before) for id_ in open_}
    first = _safety(answers, open_, knowledge)
    rest = sorted((id_ for id_ in open_ if id_ not in first), key=lambda id_: (-gains[id_], id_))
    rest = [id_ for id_ in rest if gains[id_] >= _MIN_GAIN]
    chosen = [(id_, "safety") for id_ in first] + [(id_, "information") for id_ in rest]
    return tuple(_question(open_[id_], reason, gains[id_]) for id_, reason in chosen[:MAX_QUESTIONS])


def _safety(answers: Answers, open_: Mapping[str, Finding], knowledge: Knowledge) -> list[str]:
    """Questions that rule out rare but serious causes, in curated order."""
    found: dict[str, None] = {}
    for rule in knowledge.safety_questions:
        if rule.if_present <= answers.holds and rule.if_absent <= answers.absent | answers.cannot:
            found.update(dict.fromkeys(id_ for id_ in rule.ask if id_ in open_))
    return list(found)


def expected_gain(likelihood: Sequence[float], posterior: Sequence[float], before: float) -> float:
    """Expected fall of the entropy of `posterior` (bits) from asking a finding with these P(present);
    `before` is the negative entropy of `posterior`."""
    yes = [p * q for p, q in zip(posterior, likelihood, strict=True)]
    no = [p - y for p, y in zip(posterior, yes, strict=True)]
    # H(before) - E[H(after)], with both halves unnormalised: sum x log x telescopes.
    return _negentropy(yes) + _negentropy(no) - before


def _negentropy(weights: Sequence[float]) -> float:
    """sum w log2 w - W log2 W for total W: minus the entropy of the normalised weights, times W."""
    log2, total, result = math.log2, 0.0, 0.0
    for weight in weights:  # the inner loop of every differential
        if weight > 0:
            total += weight
            result += weight * log2(weight)
    return result - total * log2(total) if total > 0 else 0.0


def _question(finding: Finding, reason: str, gain: float) -> NextQuestion:
    return NextQuestion(finding.id, finding.question, finding.help, reason, finding.fact, gain)
