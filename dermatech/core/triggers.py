"""Triggers that keep rows as they were written, whoever holds the connection.

An app says which triggers it wants; they are put in place after every `migrate` (SQLite drops them when
Django rebuilds a table), and whatever is missing, switched off or altered is found and named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate

Vendor = Literal["postgresql", "sqlite"]
# pg_trigger.tgtype: ROW 1, BEFORE 2, DELETE 8, UPDATE 16, TRUNCATE 32.
_ROW_BEFORE: Final = 1 | 2
_TYPES: Final[Mapping[str, int]] = {
    "UPDATE OR DELETE": _ROW_BEFORE | 8 | 16,
    "TRUNCATE": 2 | 32,
}


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger. `mark` is how the database describes it when it is as it was installed."""

    name: str
    table: str
    create: tuple[str, ...]
    drop: str
    mark: str


def postgresql_trigger(table: str, suffix: str, events: str, function: str) -> Trigger:
    """Calls `function` before `events` ("UPDATE OR DELETE" for each row, or "TRUNCATE")."""
    name = f"{table}_no_{suffix}"
    per = "STATEMENT" if events == "TRUNCATE" else "ROW"
    create = f"CREATE TRIGGER {name} BEFORE {events} ON {table} FOR EACH {per} EXECUTE FUNCTION {function}()"
    # ALWAYS: not even a session that plays a replica passes it.
    always = f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
    drop = f"DROP TRIGGER IF EXISTS {name} ON {table}"
    return Trigger(name, table, (create, always), drop, f"{table} {_TYPES[events]} {function}")


def sqlite_trigger(table: str, suffix: str, event: str, *, message: str, when: str = "") -> Trigger:
    """Refuses `event` ("UPDATE", "DELETE", "INSERT", "UPDATE OF column") where `when` holds."""
    name = f"{table}_no_{suffix}"
    condition = f" WHEN {when}" if when else ""
    create = (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table}{condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
    return Trigger(name, table, (create,), f"DROP TRIGGER IF EXISTS {name}", create)


@dataclass(frozen=True)
class TriggerSet:
    """The triggers of one purpose. `protects` says what, for a sentence ("the audit log"); `wanted` builds
    them for a vendor; `functions` are the PostgreSQL functions that they call: name -> body."""

    protects: str
    wanted: Callable[[Vendor], Sequence[Trigger]]
    functions: Mapping[str, str] = field(default_factory=dict)

    def install(self, using: str = DEFAULT_DB_ALIAS) -> list[str]:
        """Create what is missing or altered; the names of what was put in place. Idempotent.

        Tables that do not exist (a database migrated back to zero) are passed over.
        """
        connection = connections[using]
        absent = self._absent(connection)
        if absent:
            with transaction.atomic(using=using), connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    for name, body in self.functions.items():
                        cursor.execute(
                            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger "
                            f"LANGUAGE plpgsql AS $body${body}$body$"
                        )
                for trigger in absent:
                    for statement in (trigger.drop, *trigger.create):
                        cursor.execute(statement)
        return [trigger.name for trigger in absent]

    def remove(self, using: str = DEFAULT_DB_ALIAS, *, of: str | None = None) -> None:
        """Take them away, all or those of one table: for tests that empty the tables between them, and for
        a migration that they are in the way of."""
        connection = connections[using]
        with transaction.atomic(using=using), connection.cursor() as cursor:
            for trigger in self._of_tables(connection):
                if of in (None, trigger.table):
                    cursor.execute(trigger.drop)

    def missing(self, using: str = DEFAULT_DB_ALIAS) -> list[str]:
        """Names of triggers that are absent, switched off, or not as they were installed."""
        return [trigger.name for trigger in self._absent(connections[using])]

    def _absent(self, connection: BaseDatabaseWrapper) -> list[Trigger]:
        found = self._found(connection)
        return [each for each in self._of_tables(connection) if found.get(each.name) != each.mark]

    def _of_tables(self, connection: BaseDatabaseWrapper) -> list[Trigger]:
        """The triggers of the tables that exist."""
        existing = set(connection.introspection.table_names())
        return [trigger for trigger in self.wanted(_vendor(connection)) if trigger.table in existing]

    def _found(self, connection: BaseDatabaseWrapper) -> dict[str, str]:
        """Trigger name -> mark, for what is in force."""
        with connection.cursor() as cursor:
            if connection.vendor != "postgresql":
                cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
                return dict(cursor.fetchall())
            # A WHEN, a list of columns or another function would be a hole.
            cursor.execute(
                "SELECT t.tgname, c.relname || ' ' || t.tgtype || ' ' || p.proname, p.proname, p.prosrc "
                "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid "
                "WHERE t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr = '' "
                "AND pg_table_is_visible(c.oid)"
            )
            rows = cursor.fetchall()
        return {name: mark for name, mark, function, body in rows if self.functions.get(function) == body}


def _vendor(connection: BaseDatabaseWrapper) -> Vendor:
    return "postgresql" if connection.vendor == "postgresql" else "sqlite"


PROTECTED: Final[list[TriggerSet]] = []
"""What `protect` was called with: readiness looks at all of them."""


def protect(triggers: TriggerSet, *, check: str) -> None:
    """Called once at start-up: the triggers come back after every `migrate` of their tables, and a system
    check with the id `check` names what is missing."""

    def after_migrate(sender: AppConfig, using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> None:
        tables = {model._meta.db_table for model in sender.get_models()}
        if any(trigger.table in tables for trigger in triggers.wanted(_vendor(connections[using]))):
            triggers.install(using)

    def find_missing(databases: Sequence[str] | None = None, **_context: Any) -> list[CheckMessage]:
        return [
            Error(
                f"The trigger {name}, which protects {triggers.protects}, is missing or altered in "
                f"database {using!r}.",
                hint="Run manage.py migrate: it installs the triggers again. Find out who removed it.",
                id=check,
            )
            for using in databases or ()
            for name in triggers.missing(using)
        ]

    if triggers not in PROTECTED:
        PROTECTED.append(triggers)
        post_migrate.connect(
            after_migrate, weak=False, dispatch_uid=f"triggers that protect {triggers.protects}"
        )
        register(find_missing, Tags.database)
