"""Search among 5,000 medicines: how long one question takes, as the API asks it."""

import random
import time
from collections.abc import Callable, Iterable
from functools import partial

from medications.engine import parse_formulary
from medications.engine.search import SearchIndex
from tests.bench import Figure
from tests.campaigns.search import FIRST, FIRST_THREE, ask, queries, share
from tests.medications.many import many

MEDICINES = 5_000
QUESTIONS = 600
# The best of these counts, so that what else the machine does is not measured.
REPEATS = 3
P95_MS = 5.0


def measure() -> Iterable[Figure]:
    snapshot = many(MEDICINES)
    formulary = parse_formulary(snapshot)
    began = time.perf_counter()
    index = SearchIndex.build(formulary)
    yield Figure(f"index of {MEDICINES} medicines, built once per release", time.perf_counter() - began, "s")

    names = sorted(
        name for item in formulary.medications.values() for name in (*item.ingredients, *item.brands)
    )
    misspelt = list(queries(formulary, QUESTIONS, 7))
    chance = random.Random(7)
    kinds = {
        "misspelt names": [query.text for query in misspelt],
        "beginnings of one to six letters": [
            name[: chance.randint(1, 6)] for name in chance.choices(names, k=QUESTIONS)
        ],
        "names in full": chance.choices(names, k=QUESTIONS),
        "what nothing is like": ["".join(chance.choices("qwxzjkvy", k=9)) for _ in range(QUESTIONS)],
    }
    for kind, texts in kinds.items():
        took = sorted(best_ms(partial(index.search, text)) for text in texts)
        yield Figure(f"{kind}, p50", took[len(took) // 2], "ms")
        yield Figure(f"{kind}, p95", took[int(len(took) * 0.95)], "ms", bound=P95_MS)
    outcomes = [ask(index, query) for query in misspelt]
    for place, bound in ((1, FIRST), (3, FIRST_THREE)):
        yield Figure(
            f"misspelt names with the right one in the first {place}",
            share(outcomes, place) * 100, "%", bound=bound * 100, better="higher",
        )  # fmt: skip


def best_ms(question: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        question()
        best = min(best, time.perf_counter() - began)
    return best * 1000
