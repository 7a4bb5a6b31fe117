"""Is there a patient for whom these criteria come out so? Decided, not sampled.

Every fact is tried with the few values between which the criteria can tell: both answers of a question,
each limit of a number and what lies between, each word named and one that is not, and "nobody asked".
Branches are cut as soon as the facts given so far rule the wanted outcome out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from triage.engine.criteria import All, AnyOf, Criteria, Not, Op, Test, compare, tests
from triage.engine.vocabulary import FACTS, Fact, Kind

# Sets of outcomes, as bits.
TRUE: Final = 1
FALSE: Final = 2
UNKNOWN: Final = 4
NOT_TRUE: Final = FALSE | UNKNOWN
ANYTHING: Final = TRUE | FALSE | UNKNOWN

_OTHER: Final = "another"  # a word that no criterion names
_KNOWN: Final = ""  # of a list of words: whether anything was answered at all
Variable = tuple[str, str]  # fact, and for a list of words the word
Requirement = tuple[Criteria, int]  # criteria, and the outcomes that are wanted


class UndecidedError(Exception):
    """Too many cases to try."""


def find(
    requirements: Sequence[Requirement],
    *,
    fixed: Mapping[str, Any] | None = None,
    conditions: Collection[str] = (),
    budget: int = 4000,
) -> dict[str, Any] | None:
    """Facts for which every criterion comes out as wanted; None when there are none.

    `fixed` facts keep their value (None: nobody asked). `conditions` are ids from which one that no
    criterion names is taken. Raises UndecidedError after `budget` attempts.
    """
    search = _Search(list(requirements), _domains(requirements, conditions), budget)
    for name, value in (fixed or {}).items():
        search.given.update(_given(name, value, search.domains))
    return search.facts() if search.run() else None


def fires(when: Criteria, unless: Criteria | None) -> list[Requirement]:
    """What a rule needs to fire."""
    return [(when, TRUE)] if unless is None else [(when, TRUE), (unless, NOT_TRUE)]


def silent(when: Criteria, unless: Criteria | None) -> Iterator[list[Requirement]]:
    """The ways in which a rule does not fire."""
    yield [(when, NOT_TRUE)]
    if unless is not None:
        yield [(unless, TRUE)]


@dataclass(slots=True)
class _Search:
    requirements: list[Requirement]
    domains: Mapping[Variable, Sequence[Any]]
    budget: int
    given: dict[Variable, Any] = field(default_factory=dict)

    def run(self) -> bool:
        self.budget -= 1
        if self.budget < 0:
            raise UndecidedError
        open_: Variable | None = None
        for criteria, wanted in self.requirements:
            possible = self.outcomes(criteria)
            if not possible & wanted:
                return False
            if possible & ~wanted and open_ is None:
                open_ = self.undecided(criteria)
        if open_ is None:
            return True
        for value in self.domains[open_]:
            self.given[open_] = value
            if self.run():
                return True
        del self.given[open_]
        return False

    def outcomes(self, criteria: Criteria) -> int:
        match criteria:
            case Test():
                return self.of_test(criteria)
            case Not(part):
                inside = self.outcomes(part)
                return (inside & UNKNOWN) | (inside & TRUE) << 1 | (inside & FALSE) >> 1
            case All(parts):
                return self.joined(parts, deciding=FALSE, weakest=TRUE)
            case AnyOf(parts):
                return self.joined(parts, deciding=TRUE, weakest=FALSE)

    def joined(self, parts: Sequence[Criteria], *, deciding: int, weakest: int) -> int:
        """Of several parts: one that decides, decides; the weakest needs every part."""
        masks = [self.outcomes(part) for part in parts]
        if any(mask == deciding for mask in masks):
            return deciding
        result = 0
        if any(mask & deciding for mask in masks):
            result |= deciding
        if all(mask & weakest for mask in masks):
            result |= weakest
        if any(mask & UNKNOWN for mask in masks) and all(mask & (weakest | UNKNOWN) for mask in masks):
            result |= UNKNOWN
        return result

    def of_test(self, test: Test) -> int:
        fact = FACTS[test.fact]
        if fact.kind is Kind.CHOICES:
            return self.of_words(test)
        variable = (test.fact, "")
        if variable not in self.given:
            return TRUE | FALSE if test.op is Op.IS_UNKNOWN else ANYTHING
        value = self.given[variable]
        if test.op is Op.IS_UNKNOWN:
            return TRUE if value is None else FALSE
        if value is None:
            return UNKNOWN
        return TRUE if compare(test.op, value, test.value) else FALSE

    def of_words(self, test: Test) -> int:
        known = self.given.get((test.fact, _KNOWN))
        if test.op is Op.IS_UNKNOWN:
            return TRUE | FALSE if known is None else FALSE if known else TRUE
        if known is False:
            return UNKNOWN
        words = test.value if isinstance(test.value, tuple) else (test.value,)
        told = [self.given.get((test.fact, word)) for word in words]
        if known and any(told):
            return TRUE
        if known and all(each is False for each in told):
            return FALSE
        return ANYTHING if known is None else TRUE | FALSE

    def undecided(self, criteria: Criteria) -> Variable:
        """The first variable that is still open in a part that is."""
        match criteria:
            case Test(fact, _, value):
                if FACTS[fact].kind is not Kind.CHOICES or (fact, _KNOWN) not in self.given:
                    return (fact, "")
                words = value if isinstance(value, tuple) else (value,)
                return next((fact, word) for word in words if (fact, word) not in self.given)
            case Not(part):
                return self.undecided(part)
            case All(parts) | AnyOf(parts):
                part = next(p for p in parts if self.outcomes(p) not in (TRUE, FALSE, UNKNOWN))
                return self.undecided(part)

    def facts(self) -> dict[str, Any]:
        """What was tried last, as facts; those that do not matter are left out."""
        found: dict[str, Any] = {}
        for (name, word), value in self.given.items():
            if FACTS[name].kind is not Kind.CHOICES:
                if value is not None:
                    found[name] = value
            elif word and value:
                found.setdefault(name, []).append(word)
            elif word == _KNOWN and value:
                found.setdefault(name, [])
        return {name: _some_word(name, value, self.given) for name, value in found.items()}


def _some_word(name: str, value: Any, given: Mapping[Variable, Any]) -> Any:
    """A list that was answered holds at least one word."""
    if value != []:
        return value
    return [next((word for word in FACTS[name].choices if (name, word) not in given), FACTS[name].choices[0])]


def _given(name: str, value: Any, domains: Mapping[Variable, Any]) -> dict[Variable, Any]:
    if FACTS[name].kind is not Kind.CHOICES:
        return {(name, ""): value}
    words = {word for fact, word in domains if fact == name and word}
    return {(name, _KNOWN): value is not None} | {(name, word): word in (value or ()) for word in words}


def _domains(
    requirements: Sequence[Requirement], conditions: Collection[str]
) -> dict[Variable, Sequence[Any]]:
    named: dict[str, list[Any]] = {}
    for criteria, _ in requirements:
        for test in tests(criteria):
            values = test.value if isinstance(test.value, tuple) else (test.value,)
            named.setdefault(test.fact, []).extend(value for value in values if value is not None)
    found: dict[Variable, Sequence[Any]] = {}
    for name, mentioned in named.items():
        fact = FACTS[name]
        if fact.kind is Kind.CHOICES:
            found[name, _KNOWN] = (True, False)
            found |= {(name, word): (True, False) for word in mentioned}
        else:
            found[name, ""] = (*_values(fact, mentioned, conditions), None)
    return found


def _values(fact: Fact, named: Sequence[Any], conditions: Collection[str]) -> Sequence[Any]:
    if fact.kind is Kind.BOOLEAN:
        return (True, False)
    if fact.numeric:
        return representatives(fact, named)
    others = fact.choices or tuple(conditions) or (_OTHER,)
    rest = [word for word in others if word not in named][:1]
    return (*dict.fromkeys(named), *rest)


def representatives(fact: Fact, limits: Sequence[float]) -> list[float]:
    """Each limit, and one number of every stretch between them that the fact can take."""
    cuts = sorted({fact.low, fact.high, *limits})
    found = set(cuts)
    for low, high in pairwise(cuts):
        middle = (low + high) / 2
        if fact.kind is not Kind.INTEGER:
            found.add(round(middle, 3))
        elif high - low > 1:
            found.add(int(middle))
    return sorted(each for each in found if fact.low <= each <= fact.high)
