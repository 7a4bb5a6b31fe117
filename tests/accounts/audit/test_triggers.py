"""No connection changes, deletes or replaces what was written."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import Error, Tags, run_checks
from django.db import IntegrityError, connection, models, transaction
from django.db.models.signals import post_migrate
from django.db.utils import DatabaseError

from accounts.audit.checks import check_signing_key
from accounts.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf, AuditPending
from accounts.audit.sealer import seal_all
from accounts.audit.triggers import (
    install_triggers,
    make_way_before_migrate,
    missing_triggers,
    remove_triggers,
)

EVENT, LEAF = AuditEvent._meta.db_table, AuditLeaf._meta.db_table
CHECKPOINT, PENDING = AuditCheckpoint._meta.db_table, AuditPending._meta.db_table
SEALED = (EVENT, LEAF, CHECKPOINT)

only_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="TRUNCATE is PostgreSQL's")
only_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="REPLACE is SQLite's")


@pytest.fixture
def log(write: Callable[..., list[Any]]) -> list[Any]:
    """Three sealed events and one that waits."""
    sealed = write(3)
    seal_all()
    waiting = write(1)
    connection.check_constraints()  # checks of foreign keys that still wait are in PostgreSQL's way
    return [*sealed, *waiting]


def refused(sql: str) -> None:
    """`sql` is refused by a trigger, whatever the connection's own settings are."""
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        execute(sql)


def after_migrate() -> None:
    """What `migrate` tells every app when it is done."""
    config = apps.get_app_config("accounts")
    post_migrate.send(
        sender=config, app_config=config, verbosity=0, interactive=False, using="default", apps=apps, plan=[]
    )


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("table", SEALED)
def test_an_update_is_refused(log: list[Any], table: str) -> None:
    column = {EVENT: "outcome", LEAF: "leaf_hash", CHECKPOINT: "note"}[table]
    refused(f"UPDATE {table} SET {column} = {column}")


@pytest.mark.parametrize("table", [*SEALED, PENDING])
def test_a_delete_is_refused(log: list[Any], table: str) -> None:
    refused(f"DELETE FROM {table}")


def test_the_mark_of_an_unsealed_event_cannot_be_moved_or_removed(log: list[Any]) -> None:
    refused(f"UPDATE {PENDING} SET event_id = event_id")
    refused(f"DELETE FROM {PENDING}")
    assert AuditPending.objects.count() == 1
    seal_all()
    assert AuditPending.objects.count() == 0


def test_the_orm_is_refused_as_well(log: list[Any]) -> None:
    event = AuditEvent.objects.order_by("id")[0]
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.update(actor_name="Somebody else")
    with pytest.raises(DatabaseError), transaction.atomic():
        event.save()
    with pytest.raises((IntegrityError, models.ProtectedError)), transaction.atomic():
        event.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditCheckpoint.objects.all().delete()


@only_sqlite
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("table", SEALED)
def test_a_replace_is_refused_by_any_connection(log: list[Any], table: str, recursive: str) -> None:
    execute(f"PRAGMA recursive_triggers = {recursive}")
    try:
        refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
        refused(f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1")
    finally:
        execute("PRAGMA recursive_triggers = ON")


@only_sqlite
@pytest.mark.parametrize("table", SEALED)
def test_a_replace_by_row_number_is_refused(log: list[Any], table: str) -> None:
    fresh = {
        EVENT: (
            "id, recorded_at, action, outcome, actor_id, actor_name, entity_type, entity_id, request_id, "
            "canonical_json) SELECT rowid, 'f' || substr(id, 2), recorded_at, action, outcome, "
            "'', 'x', '', '', '', 'x'"
        ),
        LEAF: "seq, event_id, leaf_hash) SELECT rowid, 99, 'x', x'00'",
        CHECKPOINT: "size, root, frontier, note, created_at) SELECT rowid, 99, x'', x'', 'x', created_at",
    }[table]
    execute("PRAGMA recursive_triggers = OFF")
    try:
        refused(f"INSERT OR REPLACE INTO {table} (rowid, {fresh} FROM {table} LIMIT 1")
    finally:
        execute("PRAGMA recursive_triggers = ON")


@only_sqlite
def test_a_leaf_replaced_through_its_other_unique_column_is_refused(log: list[Any]) -> None:
    refused(
        f"INSERT OR REPLACE INTO {LEAF} (seq, event_id, leaf_hash) SELECT 99, event_id, x'00' FROM {LEAF}"
    )
    refused(f"INSERT OR REPLACE INTO {LEAF} (seq, event_id, leaf_hash) SELECT seq, 'x', x'00' FROM {LEAF}")


@only_sqlite
def test_an_upsert_is_refused(log: list[Any]) -> None:
    refused(
        f"INSERT INTO {EVENT} SELECT * FROM {EVENT} WHERE true ON CONFLICT DO UPDATE SET outcome = 'denied'"
    )


@only_postgresql
@pytest.mark.parametrize("table", [*SEALED, PENDING])
def test_a_truncate_is_refused(log: list[Any], table: str) -> None:
    refused(f"TRUNCATE {table} CASCADE")


@only_postgresql
def test_an_upsert_on_postgresql_is_refused(log: list[Any]) -> None:
    refused(
        f"INSERT INTO {EVENT} SELECT * FROM {EVENT} ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome"
    )


@only_postgresql
def test_a_session_that_plays_a_replica_is_refused_too(log: list[Any]) -> None:
    execute("SET LOCAL session_replication_role = replica")
    refused(f"DELETE FROM {CHECKPOINT}")


@only_postgresql
@pytest.mark.parametrize(
    "sabotage",
    [
        f"ALTER TABLE {EVENT} DISABLE TRIGGER {EVENT}_no_change",
        f"ALTER TABLE {EVENT} ENABLE REPLICA TRIGGER {EVENT}_no_change",
        f"DROP TRIGGER {EVENT}_no_change ON {EVENT}",
        (
            f"CREATE OR REPLACE TRIGGER {EVENT}_no_change BEFORE UPDATE OR DELETE ON {EVENT} FOR EACH ROW "
            "WHEN (OLD.action = 'x') EXECUTE FUNCTION audit_refuse_change()"
        ),
        (
            "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN OLD; END $$"
        ),
    ],
)
def test_a_trigger_that_was_weakened_counts_as_missing(log: list[Any], sabotage: str) -> None:
    execute(sabotage)
    assert f"{EVENT}_no_change" in missing_triggers()
    install_triggers()
    assert missing_triggers() == []
    refused(f"DELETE FROM {EVENT}")


@only_sqlite
def test_a_trigger_that_was_weakened_on_sqlite_counts_as_missing(log: list[Any]) -> None:
    execute(f"DROP TRIGGER {EVENT}_no_delete")
    execute(f"CREATE TRIGGER {EVENT}_no_delete BEFORE DELETE ON {EVENT} WHEN 0 BEGIN SELECT 1; END")
    assert missing_triggers() == [f"{EVENT}_no_delete"]
    assert install_triggers() == [f"{EVENT}_no_delete"]
    refused(f"DELETE FROM {EVENT}")


def test_installing_twice_changes_nothing(guarded: None) -> None:
    assert missing_triggers() == []
    assert install_triggers() == []


def test_what_is_missing_is_named_and_comes_back_after_migrate(guarded: None) -> None:
    remove_triggers()
    missing = missing_triggers()
    assert {name.rsplit("_no_")[0] for name in missing} == {EVENT, LEAF, CHECKPOINT, PENDING}
    after_migrate()
    assert missing_triggers() == []


def found_by_checks(**options: Any) -> list[str]:
    """What the system checks of databases say of the log."""
    found = run_checks(tags=[Tags.database], **options)
    return [error.msg for error in found if isinstance(error, Error) and error.id == "accounts.E102"]


def test_the_system_check_names_each_missing_trigger(guarded: None) -> None:
    assert found_by_checks(databases=["default"]) == []
    remove_triggers()
    found = found_by_checks(databases=["default"])
    assert all(f"{name}, which" in said for name, said in zip(missing_triggers(), found, strict=True))
    assert found_by_checks() == []


def test_the_system_check_refuses_a_key_that_cannot_sign(settings: Any) -> None:
    assert check_signing_key() == []
    settings.AUDIT_SIGNING_KEY = "too-short"
    assert [error.id for error in check_signing_key()] == ["accounts.E101"]
    settings.AUDIT_SIGNING_KEY, settings.AUDIT_ORIGIN = "A" * 43, "two words"
    assert [error.id for error in check_signing_key()] == ["accounts.E101"]


def test_a_migrate_with_nothing_to_do_leaves_the_triggers_alone(guarded: None) -> None:
    make_way_before_migrate(using="default", plan=[])
    assert missing_triggers() == []


def test_a_table_rebuilt_by_a_migration_is_protected_again(committing: None) -> None:
    make_way_before_migrate(using="default", plan=[object()])
    for model, name in ((AuditEvent, "actor_name"), (AuditLeaf, "leaf_hash"), (AuditCheckpoint, "note")):
        field: Any = model._meta.get_field(name)
        wider = models.TextField(default="") if name == "note" else models.CharField(max_length=300)
        wider.set_attributes_from_name(name)
        wider.model = model
        with connection.schema_editor() as editor:
            editor.alter_field(model, field, wider)
        with connection.schema_editor() as editor:
            editor.alter_field(model, wider, field)
    after_migrate()
    assert missing_triggers() == []
