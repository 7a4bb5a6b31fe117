"""The exported rules under json-logic-js in Node, against the engine: they agree every time.

`python -m tests.campaigns jsonlogic [COUNT]`: all vignettes and COUNT generated patients (10,000).
"""

import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.services import node

COUNT = 10_000
SEED = 1957


@dataclass(frozen=True, slots=True)
class Outcome:
    """How often a rule was tried, how often it fired, and where the two did not agree."""

    tried: int
    fired: int
    disagreements: tuple[str, ...]


def patients(count: int, conditions: Sequence[str], *, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Facts as phones send them, dense where rules draw their lines; a fact left out or null is unknown."""
    from triage.engine.vocabulary import FACTS

    chance = random.Random(seed)
    for _ in range(count):
        # From hardly anything known to everything.
        known = chance.sample(sorted(FACTS), chance.randint(0, len(FACTS)))
        facts = {name: _value(FACTS[name], chance, conditions) for name in known}
        for name in chance.sample(sorted(FACTS), 3):
            facts.setdefault(name, None)
        yield facts


_DENSE: Mapping[str, Sequence[float]] = {
    "age_months": (0, 1, 2, 3, 6, 12, 23, 24, 59, 60, 143, 144, 168, 216, 600, 720, 900),
    "temperature_c": (35.4, 35.5, 36.8, 37.4, 37.5, 38, 38.4, 38.5, 39, 40),
    "duration_days": (0, 1, 2, 3, 7, 13, 14, 15, 28, 42, 90),
}


def _value(fact: Any, chance: random.Random, conditions: Sequence[str]) -> Any:
    from triage.engine.vocabulary import Kind

    match fact.kind:
        case Kind.BOOLEAN:
            return chance.random() < 0.4
        case Kind.CHOICE:
            return chance.choice(fact.choices)
        case Kind.CHOICES:
            return chance.sample(fact.choices, chance.randint(1, 4))
        case Kind.CONDITION:
            return chance.choice(conditions)
        case _ if fact.name in _DENSE:
            return chance.choice(_DENSE[fact.name])
        case Kind.INTEGER:
            return chance.randint(int(fact.low), int(fact.high))
        case _:
            return round(chance.uniform(fact.low, fact.high), 1)


def compare(facts: Sequence[Mapping[str, Any]], snapshot: Mapping[str, Any]) -> Outcome:
    """Every exported rule on every set of facts, in Node and in the engine."""
    from triage.engine import parse_knowledge

    exported = {row["id"]: row["jsonlogic"] for row in snapshot["guidelines"]}
    rules = parse_knowledge(snapshot).rules
    answers = node.run("rules.mjs", {"rules": [exported[rule.id] for rule in rules], "facts": list(facts)})
    fired, wrong = 0, []
    for known, answer in zip(facts, answers, strict=True):
        for rule, said in zip(rules, answer, strict=True):
            fires = rule.fires(known)
            fired += fires
            if fires is not (said == "1"):
                wrong.append(f"{rule.id}: the engine says {fires} of {known}")
    return Outcome(len(facts) * len(rules), fired, tuple(wrong))


def main(arguments: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    why = node.missing()
    if why:
        print(f"Cannot run: {why}", file=sys.stderr)
        return 2
    from tests.triage.conftest import compose_starter

    snapshot = compose_starter()
    count = int(arguments[0]) if arguments else COUNT
    conditions = [row["id"] for row in snapshot["conditions"]]
    facts = [row["facts"] for row in snapshot["vignettes"]] + list(patients(count, conditions))
    began = time.monotonic()
    found = compare(facts, snapshot)
    print(
        f"{len(facts)} fact sets x {len(snapshot['guidelines'])} rules = {found.tried:,} answers, "
        f"{found.fired:,} of them true: {len(found.disagreements)} disagreements; "
        f"{time.monotonic() - began:.1f} s"
    )
    for line in found.disagreements[:20]:
        print(line)
    return 1 if found.disagreements else 0
