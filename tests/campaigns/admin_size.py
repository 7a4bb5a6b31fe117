"""The admin at its size: every list, the front page and the review pages, timed in process.

`make campaign NAME=admin_size ARGS="[CONSULTATIONS] [EVENTS] [MEDICATIONS] [ROUNDS]"`, by default 200,000,
1,000,000, 5,000 and 20, on SQLite; with TEST_DATABASE=postgres on PostgreSQL. Each page must come within
800 ms (p95; 400 ms on PostgreSQL) and within its budget of queries, which `admin_size.json` holds; of a page
with more, the SQL is printed. `ARGS="... --write"` writes the budgets anew.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUDGETS = Path(__file__).with_suffix(".json")
DEFAULTS = (200_000, 1_000_000, 5_000, 20)
MOST_QUERIES = 12
P95_MS = {"sqlite": 800.0, "postgresql": 400.0}
# Pages beside the lists of all models.
_VIEWS = (
    "admin:index", "admin:consultations_review_queue", "admin:consultations_review_board",
    "admin:triage_conditionprofile_changelist",
)  # fmt: skip
# By a word, by what a phone calls its consultation, by an id, and by the beginning of one.
_SEARCHES = ("amoxicillin", "osu-phone-0007", "01993a5c-4f1e-7d3a-9c55-0a3b1f6e2d10", "01993a5c")
_WITH = {"admin:consultations_review_queue": ("order=sample&seed=1957",)}


@dataclass(frozen=True, slots=True)
class Page:
    """One address, as one role opens it."""

    name: str
    address: str
    role: str


@dataclass(frozen=True, slots=True)
class Measured:
    """`queries` of one opening; `times` of all, in milliseconds, and `work`, what of them this process was
    busy (all of it on SQLite), which other people's load does not lengthen much."""

    page: Page
    queries: tuple[str, ...]
    times: tuple[float, ...]
    work: tuple[float, ...]

    @property
    def p95(self) -> float:
        return _high(self.times)


def _high(times: tuple[float, ...]) -> float:
    """The 95th percentile, by the nearest rank."""
    return sorted(times)[max(0, -(-len(times) * 95 // 100) - 1)]


def pages() -> list[Page]:
    """Every list that is ours and every page of the navigation, by the role that works with it."""
    from django.contrib import admin
    from django.urls import reverse

    from dermatech.admin import find_pages

    find_pages()
    ours = {"accounts", "triage", "medications", "consultations"}
    found = []
    for model in admin.site._registry:
        meta = model._meta
        if meta.app_label in ours:
            name = f"admin:{meta.app_label}_{meta.model_name}_changelist"
            found.append(Page(name.removeprefix("admin:"), reverse(name), "admin"))
    for name in _VIEWS:
        bare = name.removeprefix("admin:")
        found.append(Page(f"{bare} (supervisor)", reverse(name), "supervisor"))
        found += [
            Page(f"{bare}?{query}", f"{reverse(name)}?{query}", "supervisor") for query in _WITH.get(name, ())
        ]
    found += [Page(f"search?s={term}", f"{reverse('admin:search')}?s={term}", "admin") for term in _SEARCHES]
    found.append(Page("index (auditor)", reverse("admin:index"), "auditor"))
    found.append(Page("index (admin)", reverse("admin:index"), "admin"))
    return sorted(found, key=lambda page: page.name)


def measure(page: Page, client: Any, rounds: int) -> Measured:
    """The first opening with nothing kept, for its queries; the times of all, of which every other one finds
    the figures of the front page forgotten."""
    from django.core.cache import cache
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    times, work = [], []
    for number in range(rounds):
        if number % 2 == 0:
            cache.clear()
        began, busy = time.perf_counter(), time.process_time()
        answer = client.get(page.address)
        times.append((time.perf_counter() - began) * 1000)
        work.append((time.process_time() - busy) * 1000)
        assert answer.status_code == 200, (page.name, answer.status_code)
    cache.clear()
    with CaptureQueriesContext(connection) as captured:
        client.get(page.address)
    asked = tuple(
        query["sql"] for query in captured if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN"))
    )
    return Measured(page, asked, tuple(times), tuple(work))


def staff() -> dict[str, Any]:
    """A signed-in client of each role."""
    from django.test import Client

    from accounts.models import User

    clients = {}
    for role in ("supervisor", "auditor", "admin"):
        person, _ = User.objects.get_or_create(
            email=f"{role}@size.example",
            defaults={"full_name": role.title(), "role": role, "state": "verified"},
        )
        clients[role] = Client()
        clients[role].force_login(person)
    return clients


def complaints(found: list[Measured], budgets: dict[str, int], slowest: float) -> Iterator[str]:
    """What is wrong, with the SQL where there is more of it than there was."""
    for each in found:
        name, count = each.page.name, len(each.queries)
        allowed = budgets.get(name, MOST_QUERIES)
        if count > allowed:
            listed = "\n    ".join(sql[:300] for sql in each.queries)
            yield f"{name}: {count} queries, the budget is {allowed}\n    {listed}"
        if each.p95 > slowest:
            yield f"{name}: p95 {each.p95:.0f} ms, allowed are {slowest:.0f}"


@contextmanager
def database() -> Iterator[None]:
    """Migrated tables of the campaign's own; a file, because SQLite in memory is another machine."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    folder = tempfile.TemporaryDirectory(prefix="dermatech-size-", dir=os.environ.get("SIZE_DIR"))
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test.utils import get_runner, setup_test_environment, teardown_test_environment

    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = f"{folder.name}/size.sqlite3"
    setup_test_environment()
    runner = get_runner(settings)(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        yield
    finally:
        runner.teardown_databases(databases)
        teardown_test_environment()
        folder.cleanup()


def main(arguments: list[str]) -> int:
    given = [int(each) for each in arguments if each.isdigit()]
    consultations, events, medications, rounds = (*given, *DEFAULTS[len(given) :])
    with database():
        from django.core.management import call_command
        from django.db import connection

        from dermatech.core.releases import starter_loaders

        for load in starter_loaders:
            load(publish=True)
        call_command(
            "seed_demo", consultations=consultations, events=events, medications=medications, verbosity=1
        )
        clients = staff()
        found = []
        print(f"{'page':<58} {'queries':>7} {'median':>8} {'p95':>8} {'busy':>8}  (ms, of {rounds})")
        for page in pages():
            each = measure(page, clients[page.role], rounds)
            found.append(each)
            middle = sorted(each.times)[len(each.times) // 2]
            figures = f"{len(each.queries):>7} {middle:>8.0f} {each.p95:>8.0f} {_high(each.work):>8.0f}"
            print(f"{page.name:<58} {figures}", flush=True)
        if "--write" in arguments:
            BUDGETS.write_text(
                json.dumps({each.page.name: len(each.queries) for each in found}, indent=1) + "\n"
            )
        wrong = list(complaints(found, json.loads(BUDGETS.read_text()), P95_MS[connection.vendor]))
    for line in wrong:
        print(line)
    busy = max(found, key=lambda each: _high(each.work))
    print(f"busiest: {busy.page.name}, {_high(busy.work):.0f} ms (p95) of this process")
    print(f"{len(found)} pages, {len(wrong)} complaints, load {os.getloadavg()[0]:.1f}")
    return 1 if wrong else 0
