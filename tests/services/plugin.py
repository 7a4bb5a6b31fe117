"""Pytest plugin of `make test`: `--only-database` keeps the tests that hang on the database; what takes
long goes first, so that no worker is left with it at the end."""

import gc

import pytest

_DATABASE_FIXTURES = frozenset({"db", "transactional_db", "django_db_reset_sequences", "stack"})


# The files that start whole services or take minutes, the longest first.
_LONG = (
    "test_main_flow",
    "test_make_run",
    "test_admin_in_chromium",
    "test_case_admin",
    "test_installed_models",
    "test_admin_pages",
)


def _order(item: pytest.Item) -> int:
    name = item.path.stem
    return _LONG.index(name) if name in _LONG else len(_LONG)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--only-database", action="store_true", help="leave out the tests that do not hang on the database"
    )


def pytest_configure() -> None:
    gc.disable()  # next to nothing of what is imported and collected is ever garbage


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the garbage collector need not walk it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=_order)
    if not config.getoption("--only-database"):
        return
    kept = [item for item in items if _hangs_on_database(item)]
    left_out = [item for item in items if not _hangs_on_database(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def _hangs_on_database(item: pytest.Item) -> bool:
    # What Chromium shows, how gunicorn listens and what a model says does not hang on the database.
    if any(item.get_closest_marker(name) for name in ("browser", "one_database")):
        return False
    if item.get_closest_marker("django_db") is not None:
        return True
    return bool(_DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ())))
