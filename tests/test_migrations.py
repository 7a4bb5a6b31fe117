"""Migrations go forward, back to zero and forward again, with people and cases in the tables."""

import json
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from accounts.audit.triggers import missing_triggers
from tests.cast import enrol

OURS = ("consultations", "medications", "triage", "accounts")


def _tables() -> set[str]:
    names = {m._meta.db_table for m in apps.get_models(include_auto_created=True)}
    return {name for name in connection.introspection.table_names() if name in names}


def _fill() -> None:
    """A consultation with its photo, by the API: rows in every app."""
    from rest_framework.test import APIClient

    from dermatech.core.releases import starter_loaders
    from tests.cast import PASSWORD
    from tests.consultations.cases import CONSULTATIONS, ringworm, upload

    for load in starter_loaders:
        load(publish=True)
    client = APIClient()
    ama = enrol("ama")
    login = client.post("/api/v1/auth/login", {"email": ama.email, "password": PASSWORD}).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {login['access']}")
    parts = {"data": json.dumps(ringworm()), "image": upload()}
    answer = client.post(CONSULTATIONS, parts, format="multipart")
    assert answer.status_code == 201, answer.content


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_forward_back_to_zero_and_forward_again_on_a_populated_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from consultations.services import dispatch

    monkeypatch.setattr(dispatch.publisher, "send", lambda _: True)
    before = _tables()
    _fill()
    quiet = {"verbosity": 0, "interactive": False, "stdout": StringIO()}
    try:
        # All that is ours stands on accounts, as do history, sessions and the admin log: they go first.
        call_command("migrate", "accounts", "zero", **quiet)
        ours = {m._meta.db_table for a in OURS for m in apps.get_app_config(a).get_models()}
        assert not ours & _tables()
    finally:
        call_command("migrate", **quiet)
    assert _tables() == before
    assert missing_triggers() == []
    _fill()


@pytest.mark.django_db
def test_migrating_twice_changes_nothing() -> None:
    out = StringIO()
    call_command("migrate", verbosity=1, interactive=False, stdout=out)
    assert "No migrations to apply" in out.getvalue()


@pytest.mark.django_db
def test_the_models_and_the_migrations_say_the_same() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_every_migration_can_be_reversed() -> None:
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(None)
    for (app, name), migration in loader.disk_migrations.items():
        if app in OURS:
            for operation in migration.operations:
                assert operation.reversible, f"{app}.{name}: {operation.describe()}"
