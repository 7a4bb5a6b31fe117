"""From what was said to what counts: findings answered by facts, contradictions, redundant answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from triage.engine.knowledge import Finding, Knowledge
from triage.engine.vocabulary import FactValue


@dataclass(frozen=True, slots=True)
class Findings:
    """What was looked or asked for: ids seen, ids not there. In neither: not asked, counts for nothing."""

    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why findings cannot be scored: `code` is unknown_finding, contradiction or excluded_pair."""

    list_name: str  # present or absent
    code: str
    message: str


class ContradictoryFindings(ValueError):
    """The findings contradict each other or name what the vocabulary does not hold."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(" ".join(problem.message for problem in problems))


def problems_of(findings: Findings, vocabulary: Mapping[str, Finding]) -> tuple[Problem, ...]:
    """Everything that is wrong with these findings; empty when they can be scored."""
    problems = [
        Problem(name, "unknown_finding", f"There is no finding {id_!r}.")
        for name, ids in (("present", findings.present), ("absent", findings.absent))
        for id_ in sorted(ids)
        if id_ not in vocabulary
    ]
    problems += [
        Problem("absent", "contradiction", f"{id_!r} is listed as present and as absent.")
        for id_ in sorted(findings.present & findings.absent)
    ]
    present = sorted(id_ for id_ in findings.present if id_ in vocabulary)
    problems += [
        Problem("present", "excluded_pair", f"{one!r} and {other!r} cannot both be present.")
        for i, one in enumerate(present)
        for other in present[i + 1 :]
        if other in vocabulary[one].excludes
    ]
    return tuple(problems)


@dataclass(frozen=True, slots=True)
class Answers:
    """Findings after the facts have spoken.

    `present` and `absent` are answered; `scored` maps those that count as evidence to whether present;
    `holds` also has what is implied by a present finding, `cannot` what a present one excludes and what
    would imply an absent one.
    """

    present: frozenset[str]
    absent: frozenset[str]
    scored: Mapping[str, bool]
    holds: frozenset[str]
    cannot: frozenset[str]

    @property
    def known(self) -> frozenset[str]:
        return self.absent | self.holds | self.cannot


def answer(findings: Findings, facts: Mapping[str, FactValue], knowledge: Knowledge) -> Answers:
    """Join findings and facts and drop redundant answers. Raises ContradictoryFindings."""
    vocabulary = knowledge.findings
    problems = problems_of(findings, vocabulary)
    if problems:
        raise ContradictoryFindings(problems)
    told = from_facts(facts, vocabulary)
    read = {id_ for id_, value in told.items() if value}
    # A measured or ticked fact stands against a finding that it excludes.
    seen = {id_ for id_ in findings.present if not vocabulary[id_].excludes & read}
    present = frozenset(seen | read)
    absent = frozenset((findings.absent | {id_ for id_, value in told.items() if not value}) - present)
    return _without_redundant(present, absent, vocabulary)


def from_facts(facts: Mapping[str, FactValue], vocabulary: Mapping[str, Finding]) -> dict[str, bool]:
    """Findings that known facts answer; an unknown fact answers nothing."""
    told = {}
    for finding in vocabulary.values():
        if finding.fact is None or facts.get(finding.fact) is None:
            continue
        if finding.fact_test is not None:
            value = finding.fact_test.evaluate(facts)
        else:
            value = facts[finding.fact] is True
        if value is not None:
            told[finding.id] = value
    return told


def raised_by(
    findings: Findings, facts: Mapping[str, FactValue], knowledge: Knowledge
) -> dict[str, FactValue]:
    """The facts as rules must see them: a sign that was seen makes the fact true that asks for it.

    Seen stands against a "no" given as a fact, for safety. An absent finding makes nothing false: the
    question of the fact may be the wider one. Findings that the knowledge does not hold say nothing.
    """
    known = [knowledge.findings[id_] for id_ in findings.present if id_ in knowledge.findings]
    seen = {finding.id for finding in known}.union(*(finding.implies for finding in known))
    answered = (knowledge.findings[id_] for id_ in sorted(seen))
    return {
        **facts,
        **{
            finding.fact: True
            for finding in answered
            if finding.fact is not None and finding.fact_test is None
        },
    }


def _without_redundant(
    present: frozenset[str], absent: frozenset[str], vocabulary: Mapping[str, Finding]
) -> Answers:
    implied = frozenset(other for id_ in present for other in vocabulary[id_].implies)
    holds = present | implied
    excluded = frozenset(other for id_ in holds for other in vocabulary[id_].excludes) - holds
    follows = frozenset(
        finding.id for finding in vocabulary.values() if finding.implies & absent and finding.id not in holds
    )
    scored = dict.fromkeys(sorted(present - implied), True)
    # An absent finding that something present implies contradicts it: the thing seen stands.
    scored |= dict.fromkeys(sorted(absent - excluded - follows - holds), False)
    return Answers(present, absent, scored, holds, excluded | follows)
