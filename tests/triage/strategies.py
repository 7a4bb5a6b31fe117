"""Generated patients: facts, criteria and findings for property tests."""

from typing import Any

from hypothesis import strategies as st

from triage.engine.criteria import OPS_OF, Op
from triage.engine.vocabulary import FACTS, Fact, Kind

CONDITIONS = ("urticaria", "scabies", "tinea-corporis", "herpes-zoster", "cellulitis-erysipelas", "warts")
LIMITS = {"age_months": 900, "duration_days": 120, "temperature_c": 41}


def values(fact: Fact) -> st.SearchStrategy[Any]:
    """Known values of a fact, dense where the rules draw their lines."""
    match fact.kind:
        case Kind.BOOLEAN:
            return st.booleans()
        case Kind.INTEGER:
            return st.integers(int(fact.low), int(LIMITS.get(fact.name, fact.high)))
        case Kind.NUMBER if fact.name == "temperature_c":
            return st.integers(340, 410).map(lambda tenth: tenth / 10)
        case Kind.NUMBER if fact.name == "condition_confidence":
            return st.sampled_from([0.0, 0.3, 0.5, 0.9])
        case Kind.NUMBER:
            return st.integers(int(fact.low), int(fact.high))
        case Kind.CHOICE:
            return st.sampled_from(fact.choices)
        case Kind.CHOICES:
            return st.lists(st.sampled_from(fact.choices), min_size=1, max_size=3, unique=True)
        case Kind.CONDITION:
            return st.sampled_from(CONDITIONS)


def facts(*, without: tuple[str, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """Some facts known, most unknown."""
    optional = {name: values(fact) for name, fact in FACTS.items() if name not in without}
    return st.lists(st.sampled_from(sorted(optional)), max_size=14, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: optional[name] for name in names})
    )


def _test_of(fact: Fact) -> st.SearchStrategy[dict[str, Any]]:
    def with_op(op: Op) -> st.SearchStrategy[dict[str, Any]]:
        base = {"fact": fact.name, "op": str(op)}
        if op is Op.IS_UNKNOWN:
            return st.just(base)
        single = values(fact) if fact.kind is not Kind.CHOICES else st.sampled_from(fact.choices)
        if op in (Op.IN, Op.CONTAINS_ANY):
            return st.lists(single, min_size=1, max_size=3, unique=True).map(lambda v: {**base, "value": v})
        return single.map(lambda v: {**base, "value": v})

    return st.sampled_from(OPS_OF[fact.kind]).flatmap(with_op)


def criteria() -> st.SearchStrategy[dict[str, Any]]:
    """Structured criteria, nested with all, any and not."""
    tests = st.sampled_from(list(FACTS.values())).flatmap(_test_of)
    return st.recursive(
        tests,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
            inner.map(lambda part: {"not": part}),
        ),
        max_leaves=8,
    )
