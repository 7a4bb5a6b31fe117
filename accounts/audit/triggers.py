"""Triggers that keep the log append-only, whoever holds the connection.

Refused are UPDATE and DELETE on both databases, TRUNCATE on PostgreSQL and every form of REPLACE on
SQLite (which deletes without firing a DELETE trigger unless `recursive_triggers` is on). A mark of
`AuditPending` may go only when its event is sealed. SQLite drops triggers when Django rebuilds a
table, so they are put back after every `migrate`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate, pre_migrate

from accounts.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf, AuditPending

_EVENT: Final[str] = AuditEvent._meta.db_table
_LEAF: Final[str] = AuditLeaf._meta.db_table
_CHECKPOINT: Final[str] = AuditCheckpoint._meta.db_table
_PENDING: Final[str] = AuditPending._meta.db_table

# What a REPLACE could collide with, by table. SQLite also lets one name the rowid.
_UNIQUE: Final[Mapping[str, tuple[str, ...]]] = {
    _EVENT: ("id",),
    _LEAF: ("seq", "event_id"),
    _CHECKPOINT: ("size",),
}
_FUNCTION: Final = "audit_refuse_change"
_FUNCTION_BODY: Final = f"""
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = '{_PENDING}' THEN
        IF EXISTS (SELECT 1 FROM {_LEAF} WHERE event_id = OLD.event_id) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
"""  # nosec B608: table names of our own models  # noqa: S608  # table names of our own
# pg_trigger.tgtype: ROW 1, BEFORE 2, DELETE 8, UPDATE 16, TRUNCATE 32.
_ROW_UPDATE_DELETE: Final = 1 | 2 | 8 | 16
_TRUNCATE: Final = 2 | 32


@dataclass(frozen=True, slots=True)
class _Trigger:
    """`mark` is how the database describes it when it is as it was installed."""

    name: str
    table: str
    create: tuple[str, ...]
    drop: str
    mark: str


def install_triggers(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Create what is missing or altered; the names of what was put in place. Idempotent.

    Tables that do not exist (a database migrated back to zero) are passed over.
    """
    connection = connections[using]
    absent = _absent(connection)
    if absent:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger "
                    f"LANGUAGE plpgsql AS $audit${_FUNCTION_BODY}$audit$"
                )
            for trigger in absent:
                for statement in (trigger.drop, *trigger.create):
                    cursor.execute(statement)
    return [trigger.name for trigger in absent]


def remove_triggers(using: str = DEFAULT_DB_ALIAS) -> None:
    """Take all of them away: for tests that empty the tables between them; nothing else calls it."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for trigger in _wanted(connection):
            cursor.execute(trigger.drop)


def missing_triggers(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Names of triggers that are absent, switched off, or not as they were installed."""
    return [trigger.name for trigger in _absent(connections[using])]


def install_after_migrate(using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> None:
    """Handler of `post_migrate`."""
    install_triggers(using)


def make_way_before_migrate(
    using: str = DEFAULT_DB_ALIAS, plan: Sequence[object] = (), **_signal: Any
) -> None:
    """Handler of `pre_migrate`. SQLite renames no table while a trigger names one that is not there,
    as the table of leaves is not for a moment while it is rebuilt."""
    connection = connections[using]
    if plan and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for trigger in _wanted(connection):
                if trigger.table == _PENDING:
                    cursor.execute(trigger.drop)


def connect_post_migrate() -> None:
    """Called once at start-up: triggers come back after every `migrate`, and the check is known."""
    from accounts.audit import checks  # noqa: F401  # registers itself

    pre_migrate.connect(make_way_before_migrate, dispatch_uid="accounts.audit.triggers.way")
    post_migrate.connect(install_after_migrate, dispatch_uid="accounts.audit.triggers")


def _absent(connection: BaseDatabaseWrapper) -> list[_Trigger]:
    found = _found(connection)
    return [trigger for trigger in _wanted(connection) if found.get(trigger.name) != trigger.mark]


def _wanted(connection: BaseDatabaseWrapper) -> list[_Trigger]:
    """The triggers of the tables that exist."""
    existing = set(connection.introspection.table_names())
    wanted = _postgresql() if connection.vendor == "postgresql" else _sqlite()
    return [trigger for trigger in wanted if trigger.table in existing]


def _found(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Trigger name -> mark, for what is in force."""
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            return dict(cursor.fetchall())
        # A WHEN, a list of columns or another function would be a hole.
        cursor.execute(
            "SELECT t.tgname, c.relname || ' ' || t.tgtype FROM pg_trigger t "
            "JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr = '' AND p.prosrc = %s "
            "AND pg_table_is_visible(c.oid)",
            [_FUNCTION_BODY],
        )
        return dict(cursor.fetchall())


def _postgresql() -> list[_Trigger]:
    triggers = []
    for table in (*_UNIQUE, _PENDING):
        for suffix, events, per, kind in (
            ("change", "UPDATE OR DELETE", "ROW", _ROW_UPDATE_DELETE),
            ("truncate", "TRUNCATE", "STATEMENT", _TRUNCATE),
        ):
            name = f"{table}_no_{suffix}"
            create = (
                f"CREATE TRIGGER {name} BEFORE {events} ON {table} "
                f"FOR EACH {per} EXECUTE FUNCTION {_FUNCTION}()"
            )
            # ALWAYS: not even a session that plays a replica passes it.
            always = f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
            drop = f"DROP TRIGGER IF EXISTS {name} ON {table}"
            triggers.append(_Trigger(name, table, (create, always), drop, f"{table} {kind}"))
    return triggers


def _sqlite() -> list[_Trigger]:
    triggers = [
        _sqlite_trigger(_PENDING, "update"),
        _sqlite_trigger(
            _PENDING,
            "delete",
            when=f"NOT EXISTS (SELECT 1 FROM {_LEAF} WHERE event_id = OLD.event_id)",  # noqa: S608  # nosec B608
        ),
    ]
    for table, unique in _UNIQUE.items():
        clash = " OR ".join(f"{column} = NEW.{column}" for column in (*unique, "rowid"))
        triggers += [
            _sqlite_trigger(table, "update"),
            _sqlite_trigger(table, "delete"),
            _sqlite_trigger(table, "insert", when=f"EXISTS (SELECT 1 FROM {table} WHERE {clash})"),  # noqa: S608  # nosec B608
        ]
    return triggers


def _sqlite_trigger(table: str, verb: str, when: str = "") -> _Trigger:
    name = f"{table}_no_{'replace' if verb == 'insert' else verb}"
    condition = f" WHEN {when}" if when else ""
    message = f"the audit log is append-only: {verb.upper()} on {table} is refused"
    create = (
        f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table}{condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
    return _Trigger(name, table, (create,), f"DROP TRIGGER IF EXISTS {name}", create)
