"""What must hold before knowledge may be published: references, test cases, every vignette, and what a
careful reader finds in the rules. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dermatech.core.errors import ValidationFailed
from dermatech.core.releases import Fault
from triage.engine.answers import ContradictoryFindings, Findings
from triage.engine.assessment import assess
from triage.engine.criteria import CriteriaError, parse_criteria
from triage.engine.differential import Band, differential
from triage.engine.knowledge import AGE_BANDS, Knowledge, parse_knowledge
from triage.engine.levels import Level
from triage.engine.vocabulary import FACTS
from triage.facts import validate_facts
from triage.linter import lint

Snapshot = Mapping[str, Any]


def check(snapshot: Snapshot) -> list[Fault]:
    """Everything that stands against publishing `snapshot`; empty when nothing does."""
    return [fault for fault in examine(snapshot) if fault.blocks]


def examine(snapshot: Snapshot) -> list[Fault]:
    """Everything there is to say about `snapshot` before it is published, blocking or not."""
    faults = structure(snapshot)
    if faults:  # what is broken cannot be run
        return faults
    knowledge = parse_knowledge(snapshot)
    faults = [
        *_test_cases(snapshot, knowledge),
        *_vignettes(snapshot, knowledge),
        *lint(snapshot, knowledge),
    ]
    return sorted(faults, key=lambda fault: not fault.blocks)


def structure(snapshot: Snapshot) -> list[Fault]:
    """Whether everything that is named exists, once, and every criterion can be read."""
    return [*_duplicates(snapshot), *_references(snapshot), *_cycles(snapshot), *_rules(snapshot)]


def _duplicates(snapshot: Snapshot) -> Iterator[Fault]:
    for kind in ("conditions", "findings", "profiles", "guidelines", "vignettes", "safety_questions"):
        seen: set[str] = set()
        for row in snapshot[kind]:
            if row["id"] in seen:
                yield Fault(f"{kind}.{row['id']}", "This id stands there twice.", "duplicate_id")
            seen.add(row["id"])


def _references(snapshot: Snapshot) -> Iterator[Fault]:
    """Everything that is named exists."""
    known = {
        "condition": {row["id"] for row in snapshot["conditions"]},
        "finding": {row["id"] for row in snapshot["findings"]},
        "rule": {row["id"] for row in snapshot["guidelines"]},
        "frequency": set(snapshot["scoring"]["frequencies"]),
        "fact": set(FACTS),
    }
    for place, ids, kind in _named(snapshot):
        for each in ids:
            if each not in known[kind]:
                yield Fault(place, f"There is no {kind} {each!r}.", "reference")
    for row in snapshot["profiles"]:
        for band in AGE_BANDS:
            if band not in row["priors"]:
                yield Fault(f"profiles.{row['id']}.priors", f"There is no prior for {band}.", "reference")


def _cycles(snapshot: Snapshot) -> Iterator[Fault]:
    """A finding that, by way of others, implies itself, or what it excludes."""
    implies = {row["id"]: tuple(row["implies"]) for row in snapshot["findings"]}
    for row in snapshot["findings"]:
        seen: set[str] = set()
        todo = list(row["implies"])
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                todo += implies.get(each, ())
        place = f"findings.{row['id']}.implies"
        if row["id"] in seen:
            yield Fault(place, "By way of others it implies itself.", "cyclic")
        for each in sorted(seen & set(row["excludes"])):
            yield Fault(place, f"It implies {each!r}, which it excludes.", "cyclic")


_NAMING = (  # where ids stand: kind of row, field, kind of what is named
    ("conditions", "look_alikes", "condition"),
    ("findings", "excludes", "finding"),
    ("findings", "implies", "finding"),
    ("profiles", "findings", "finding"),
    ("safety_questions", "if_present", "finding"),
    ("safety_questions", "if_absent", "finding"),
    ("safety_questions", "ask", "finding"),
    ("vignettes", "expected_rules", "rule"),
    ("vignettes", "acceptable", "condition"),
    ("vignettes", "must_not_miss", "condition"),
    ("vignettes", "findings_present", "finding"),
    ("vignettes", "findings_absent", "finding"),
)


def _named(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[str], str]]:
    """(place, ids, kind) of everything that names something else."""
    for rows, name, kind in _NAMING:
        for row in snapshot[rows]:
            yield f"{rows}.{row['id']}.{name}", row[name], kind
    for row in snapshot["profiles"]:
        yield f"profiles.{row['id']}.condition", [row["condition"]], "condition"
        yield f"profiles.{row['id']}.findings", row["findings"].values(), "frequency"
    for row in snapshot["findings"]:
        if row["fact"] is not None:
            yield f"findings.{row['id']}.fact", [row["fact"]], "fact"


def _rules(snapshot: Snapshot) -> Iterator[Fault]:
    """Every criterion can be read and names only what exists."""
    conditions = {row["id"] for row in snapshot["conditions"]}
    placed = [
        (f"guidelines.{row['id']}.{part}", row[part])
        for row in snapshot["guidelines"]
        for part in ("when", "unless")
        if part == "when" or row[part] is not None
    ]
    placed += [
        (f"findings.{row['id']}.fact_test", row["fact_test"])
        for row in snapshot["findings"]
        if row["fact_test"] is not None
    ]
    for place, raw in placed:
        try:
            parse_criteria(raw, path=place, conditions=conditions)
        except CriteriaError as wrong:
            yield Fault(wrong.path, wrong.message, "unreadable")
    for row in snapshot["guidelines"]:
        if row["level"] not in tuple(map(str, Level)):
            yield Fault(f"guidelines.{row['id']}.level", f"There is no level {row['level']!r}.", "level")


def _facts(place: str, raw: Any, knowledge: Knowledge) -> tuple[dict[str, Any], list[Fault]]:
    try:
        return validate_facts(raw, field=place, conditions=knowledge.conditions), []
    except ValidationFailed as failed:
        return {}, [Fault(each.field, each.message, "reference") for each in failed.errors]


def _test_cases(snapshot: Snapshot, knowledge: Knowledge) -> Iterator[Fault]:
    """Each rule fires on its own case and not on its counter-case."""
    rules = {rule.id: rule for rule in knowledge.rules}
    for row in snapshot["guidelines"]:
        for name, wanted in (("match", True), ("no_match", False)):
            raw = row["test_cases"][name]
            place = f"guidelines.{row['id']}.{name}"
            facts, faults = _facts(place, raw, knowledge)
            yield from faults
            if raw and not faults and rules[row["id"]].fires(facts) is not wanted:
                said = f"The rule {'does not fire' if wanted else 'fires'} on this case."
                yield Fault(place, said, "test_case")


def _vignettes(snapshot: Snapshot, knowledge: Knowledge) -> Iterator[Fault]:
    for row in snapshot["vignettes"]:
        place = f"vignettes.{row['id']}"
        facts, faults = _facts(f"{place}.facts", row["facts"], knowledge)
        yield from faults
        if faults or row["known_shortfall"]:
            continue
        judge = judge_triage if row["kind"] == "triage" else judge_differential
        for message in judge(row, facts, knowledge):
            yield Fault(place, message, "vignette")


def judge_triage(row: Mapping[str, Any], facts: Mapping[str, Any], knowledge: Knowledge) -> list[str]:
    """How a triage vignette disagrees with the engine; empty when it agrees."""
    result = assess(facts, knowledge)
    found = {each.rule.id for each in result.rules}
    problems = []
    if result.level != row["expected_level"]:
        rules = ", ".join(sorted(found)) or "no rule"
        problems.append(f"Expected {row['expected_level']}, the rules say {result.level} ({rules}).")
    return problems + [
        f"The rule {rule!r} is not among those at the winning level."
        for rule in row["expected_rules"]
        if rule not in found
    ]


def judge_differential(row: Mapping[str, Any], facts: Mapping[str, Any], knowledge: Knowledge) -> list[str]:
    """How a differential vignette disagrees with the engine; empty when it agrees."""
    findings = Findings(frozenset(row["findings_present"]), frozenset(row["findings_absent"]))
    try:
        result = differential(findings, facts, None, knowledge)
    except ContradictoryFindings as wrong:
        return [str(wrong)]
    ranking = [each.condition for each in result.ranked]
    bands = {each.condition: each.band for each in result.ranked}
    problems = [
        f"{each} must not be missed but is listed as unlikely."
        for each in row["must_not_miss"]
        if bands.get(each, Band.UNLIKELY) is Band.UNLIKELY
    ]
    if row["expected_first"] and ranking[0] != row["expected_first"]:
        problems.append(f"Expected {row['expected_first']} first, found {ranking[0]}.")
    if row["expected_first"] and row["acceptable"] and not set(row["acceptable"]) & set(ranking[:3]):
        problems.append(f"None of {', '.join(row['acceptable'])} is in the first three.")
    if row["expected_abstain"] is not None and result.abstained is not row["expected_abstain"]:
        wanted = "abstain" if row["expected_abstain"] else "answer"
        problems.append(f"It should {wanted}, but it does the opposite.")
    return problems
