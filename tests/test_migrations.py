"""Migrations go forward, back to zero and forward again, with people and cases in the tables."""

from io import StringIO
from typing import Any

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
    """Rows in every app, through the services that write them."""
    from django.db import transaction

    from accounts.audit import Action, record
    from consultations.models import Consultation
    from dermatech.core.releases import starter_loaders

    for load in starter_loaders:
        load(publish=True)
    ama = enrol("ama")
    with transaction.atomic():
        consultation = Consultation.objects.create(
            pharmacist=ama, premises=ama.premises, presentation="rash", age_months=84, initials="AB"
        )
        record(actor=ama, action=Action.CONSULTATION_CREATED, entity=consultation)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_forward_back_to_zero_and_forward_again_on_a_populated_database(capsys: Any) -> None:
    before = _tables()
    _fill()
    quiet = {"verbosity": 0, "interactive": False, "stdout": StringIO()}
    try:
        # simple-history, sessions and the admin log point at accounts; Django takes them along.
        for app in OURS:
            call_command("migrate", app, "zero", **quiet)
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
