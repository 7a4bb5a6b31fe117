"""Pytest plugin of `make test`: `--only-database` keeps the tests that touch a database; what takes
long goes first, so that no worker is left with it at the end."""

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
        "--only-database", action="store_true", help="leave out the tests that do not touch a database"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=_order)
    if not config.getoption("--only-database"):
        return
    kept = [item for item in items if _touches_database(item)]
    left_out = [item for item in items if not _touches_database(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def _touches_database(item: pytest.Item) -> bool:
    # What Chromium shows and how gunicorn listens does not hang on the database: once is enough.
    if item.get_closest_marker("browser") is not None or item.path.stem == "test_gunicorn":
        return False
    if item.get_closest_marker("django_db") is not None:
        return True
    return bool(_DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ())))
