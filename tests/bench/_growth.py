"""What the same question costs at 1, 10 and 100 times the data: it should cost the same.

The database of `tests.bench.api` grows between the looks; each question is asked in one process through the
whole application (tests/bench/_growth_child.py). Medicines grow in memory, where they are searched.
"""

import json
import os
import random
from collections.abc import Iterable, Mapping
from functools import partial

from dermatech.run import walk
from medications.engine import parse_formulary
from medications.engine.search import SearchIndex
from tests.bench import Figure
from tests.bench.search import best_ms
from tests.campaigns.search import queries
from tests.medications.many import many
from tests.services.stack import Stack

# Consultations, and as many audit events; by BENCH_GROWTH the largest of them.
LARGEST = int(os.environ.get("BENCH_GROWTH") or "100000")
SIZES = (LARGEST // 100, LARGEST // 10, LARGEST)
MEDICINES = (50, 500, 5_000)
_BOUND = 1.3
# Work that must grow: an answer out of 100 times as many medicines.
_SEARCH = "search of a misspelt medicine"


def grown(stack: Stack) -> Iterable[Figure]:
    """Fill the database of `stack` up to LARGEST consultations, all of them Ama's; the figures on the way."""
    found: dict[str, dict[int, float]] = {}
    there = 0
    for seed, (size, medicines) in enumerate(zip(SIZES, MEDICINES, strict=True)):
        more = str(size - there)
        stack.run(
            "manage.py", "seed_demo", "--consultations", more, "--events", more, "--seed", str(seed),
            seconds=900,
        )  # fmt: skip
        there = size
        for what, took in _look(stack).items():
            found.setdefault(what, {})[size] = took
        found.setdefault(_SEARCH, {})[size] = _search(medicines)
    for what, by_size in found.items():
        for size, took in by_size.items():
            yield Figure(f"{what}, {size:,}", took, "ms", series=what, at=size)
        bound = None if what == _SEARCH else _BOUND
        ratio = by_size[SIZES[-1]] / by_size[SIZES[0]]
        yield Figure(f"{what}, 100 times the data", ratio, "ratio", "1 time", bound)


def _look(stack: Stack) -> Mapping[str, float]:
    """Milliseconds of each question; the sealer stands still meanwhile."""
    ama, client = stack.accounts()["ama"], stack.client()
    walk.sign_in(client, ama)  # a token lives for ten minutes
    answer = stack.run("-m", "tests.bench._growth_child", ama.email, client.token, seconds=600)
    looked: Mapping[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return looked


def _search(medicines: int) -> float:
    """Milliseconds, median of misspelt names."""
    formulary = parse_formulary(many(medicines))
    index = SearchIndex.build(formulary)
    texts = [query.text for query in queries(formulary, 100, 7)]
    random.Random(7).shuffle(texts)
    took = sorted(best_ms(partial(index.search, text)) for text in texts)
    return took[len(took) // 2]
