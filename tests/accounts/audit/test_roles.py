"""The two roles of docker/audit-roles.sql: the application reads and adds, and cannot do more."""

from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.audit.models import AuditCheckpoint, AuditDisclosure, AuditEvent
from accounts.audit.sealer import seal_all
from accounts.audit.triggers import missing_triggers

SCRIPT = Path(__file__).resolve().parents[3] / "docker" / "audit-roles.sql"
pytestmark = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no roles")


@pytest.fixture
def application(write: Any) -> Any:
    """Some sealed events; then this connection is the application's."""
    write(3, changes={"notes": "secret"})
    seal_all()
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute(SCRIPT.read_text())
        cursor.execute(SCRIPT.read_text())  # it may be run again
        cursor.execute("SET LOCAL ROLE dermatech_app")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


def test_the_application_records_and_seals_and_finds_its_triggers(application: None, write: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("dermatech_app",)
    assert missing_triggers() == []
    from accounts.audit import Action, record

    with transaction.atomic():
        record(actor=None, action=Action.CONSULTATION_LISTED)
    assert seal_all().count == 1
    assert AuditCheckpoint.objects.count() == 2
    assert AuditDisclosure.objects.all().delete()[0] == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {event} SET outcome = outcome",
        "DELETE FROM {event}",
        "TRUNCATE {event} CASCADE",
        "ALTER TABLE {event} DISABLE TRIGGER ALL",
        "DROP TRIGGER {event}_no_change ON {event}",
        "DROP TABLE {event}",
        "ALTER FUNCTION audit_refuse_change() OWNER TO dermatech_app",
        "ALTER TABLE triage_guidelinerelease DISABLE TRIGGER ALL",
        "ALTER FUNCTION release_refuse_change() OWNER TO dermatech_app",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (a int)",
        "DELETE FROM django_migrations",
    ],
)
def test_what_the_application_may_not_do(application: None, statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(event=AuditEvent._meta.db_table))
