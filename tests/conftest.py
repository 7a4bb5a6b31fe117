"""Fixtures shared by all tests: the cast, clients, the starter knowledge."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _separate(settings: Any, tmp_path: Path) -> None:
    """An empty cache and a media folder of each test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "media"), "base_url": None},
        },
    }
    from django.core.cache import cache

    cache.clear()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The workers of a parallel run share the migrating."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    from django.db import connection

    from tests.services import template

    with django_db_blocker.unblock():
        template.provide(connection, tmp_path_factory.getbasetemp().parent)


def _is_transactional(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("django_db")
    return "transactional_db" in request.fixturenames or bool(marker and marker.kwargs.get("transaction"))


@pytest.fixture(autouse=True)
def _audit_log_can_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that commits is cleaned up by emptying the tables, which the triggers of the audit log
    and of the releases refuse; they go before that and come back with the `post_migrate` that follows it."""
    if not _is_transactional(request):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    from accounts.audit.triggers import remove_triggers
    from dermatech.core.release_triggers import TRIGGERS

    remove_triggers()
    TRIGGERS.remove()


def _person(name: str) -> Any:
    @pytest.fixture(name=name)
    def person(db: None) -> Any:
        from tests.cast import enrol

        return enrol(name)

    return person


ama, kofi, esi = _person("ama"), _person("kofi"), _person("esi")
yaw, abena, efua, adjoa = _person("yaw"), _person("abena"), _person("efua"), _person("adjoa")


@pytest.fixture
def api() -> Any:
    """A client that is not signed in."""
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def as_user(db: None) -> Callable[[Any], Any]:
    """A client signed in by a real access token, over the real login endpoint."""
    from rest_framework.test import APIClient

    from tests.cast import PASSWORD

    def sign_in(user: Any) -> Any:
        client = APIClient()
        answer = client.post("/api/v1/auth/login", {"email": user.email, "password": PASSWORD}, format="json")
        assert answer.status_code == 200, answer.content
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
        return client

    return sign_in


# Where the starter knowledge waits between tests: copying it from there takes 10 ms, loading it 700.
_KEPT = "kept_"


def _knowledge_tables() -> list[str]:
    """Tables of guidelines and formulary; not their history, whose keys the database counts."""
    from django.apps import apps

    models = [m for app in ("triage", "medications") for m in apps.get_app_config(app).get_models()]
    return [model._meta.db_table for model in models if not hasattr(model, "history_type")]


@pytest.fixture(scope="session")
def _kept_knowledge(django_db_setup: None, django_db_blocker: Any) -> None:
    """The starter guidelines and formulary, loaded and published once, and put aside."""
    from django.db import connection, transaction

    from dermatech.core.releases import starter_loaders

    class PutBackError(Exception):
        """Undoes the loading after its rows were read."""

    rows: dict[str, tuple[int, list[Any]]] = {}
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        try:
            with transaction.atomic():
                for load in starter_loaders:
                    load(publish=True)
                for table in _knowledge_tables():
                    cursor.execute(f"SELECT * FROM {table}")
                    rows[table] = (len(cursor.description), cursor.fetchall())
                raise PutBackError
        except PutBackError:
            pass
        for table, (width, found) in rows.items():
            cursor.execute(f"CREATE TABLE {_KEPT}{table} AS SELECT * FROM {table} WHERE 1 = 0")
            cursor.executemany(f"INSERT INTO {_KEPT}{table} VALUES ({', '.join(['%s'] * width)})", found)


@pytest.fixture
def starter_knowledge(_kept_knowledge: None, db: None) -> None:
    """The starter guidelines and formulary, loaded and published."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        for table in _knowledge_tables():
            cursor.execute(f"INSERT INTO {table} SELECT * FROM {_KEPT}{table}")
