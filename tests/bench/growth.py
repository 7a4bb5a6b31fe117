"""What the same question costs at 1, 10 and 100 times the data: it should cost the same.

One database on PostgreSQL grows between the looks; each question is asked in one process through the whole
application (tests/bench/_growth_child.py). Medicines grow in memory, where they are searched.
"""

import json
import os
import random
import tempfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

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
_MAY_GROW = {"search of a misspelt medicine"}


def measure() -> Iterable[Figure]:
    found: dict[str, dict[int, float]] = {}
    for size, row in _of_database().items():
        for what, took in row.items():
            found.setdefault(what, {})[size] = took
    for number, size in zip(MEDICINES, SIZES, strict=True):
        found.setdefault("search of a misspelt medicine", {})[size] = _search(number)
    for what, by_size in found.items():
        for size, took in by_size.items():
            yield Figure(f"{what}, {size:,}", took, "ms", series=what, at=size)
        bound = None if what in _MAY_GROW else _BOUND
        yield Figure(
            f"{what}, 100 times the data", by_size[SIZES[-1]] / by_size[SIZES[0]], "ratio", "1 time", bound
        )


def _of_database() -> Mapping[int, Mapping[str, float]]:
    with tempfile.TemporaryDirectory(prefix="dermatech-bench-") as name:
        stack = Stack(Path(name), database="postgres")
        stack.start()
        try:
            stack.services["sealer"].stop()  # sealing is timed
            there = 0
            found = {}
            for seed, size in enumerate(SIZES):
                more = str(size - there)
                stack.run(
                    "manage.py", "seed_demo", "--consultations", more, "--events", more, "--seed", str(seed),
                    seconds=900,
                )  # fmt: skip
                there = size
                ama, client = stack.accounts()["ama"], stack.client()
                walk.sign_in(client, ama)  # a token lives for ten minutes
                answer = stack.run("-m", "tests.bench._growth_child", ama.email, client.token)
                found[size] = json.loads(answer.stdout.splitlines()[-1])
            return found
        finally:
            stack.stop()


def _search(medicines: int) -> float:
    """Milliseconds, median of misspelt names."""
    formulary = parse_formulary(many(medicines))
    index = SearchIndex.build(formulary)
    texts = [query.text for query in queries(formulary, 100, 7)]
    random.Random(7).shuffle(texts)
    took = sorted(best_ms(partial(index.search, text)) for text in texts)
    return took[len(took) // 2]
