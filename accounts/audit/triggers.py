"""Triggers that keep the log append-only, whoever holds the connection.

Refused are UPDATE and DELETE on both databases, TRUNCATE on PostgreSQL and every form of REPLACE on
SQLite (which deletes without firing a DELETE trigger unless `recursive_triggers` is on). A mark of
`AuditPending` may go only when its event is sealed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import pre_migrate

from accounts.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf, AuditPending
from dermatech.core.triggers import Trigger, TriggerSet, Vendor, postgresql_trigger, protect, sqlite_trigger

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


def _wanted(vendor: Vendor) -> list[Trigger]:
    return list(_postgresql() if vendor == "postgresql" else _sqlite())


def _postgresql() -> Iterator[Trigger]:
    for table in (*_UNIQUE, _PENDING):
        yield postgresql_trigger(table, "change", "UPDATE OR DELETE", _FUNCTION)
        yield postgresql_trigger(table, "truncate", "TRUNCATE", _FUNCTION)


def _sqlite() -> Iterator[Trigger]:
    sealed = f"EXISTS (SELECT 1 FROM {_LEAF} WHERE event_id = OLD.event_id)"  # noqa: S608  # nosec B608
    yield _refusing(_PENDING, "update", "UPDATE")
    yield _refusing(_PENDING, "delete", "DELETE", when=f"NOT {sealed}")
    for table, unique in _UNIQUE.items():
        clash = " OR ".join(f"{column} = NEW.{column}" for column in (*unique, "rowid"))
        yield _refusing(table, "update", "UPDATE")
        yield _refusing(table, "delete", "DELETE")
        yield _refusing(table, "replace", "INSERT", when=f"EXISTS (SELECT 1 FROM {table} WHERE {clash})")  # noqa: S608  # nosec B608


def _refusing(table: str, suffix: str, event: str, when: str = "") -> Trigger:
    message = f"the audit log is append-only: {event} on {table} is refused"
    return sqlite_trigger(table, suffix, event, message=message, when=when)


TRIGGERS: Final = TriggerSet("the audit log", _wanted, {_FUNCTION: _FUNCTION_BODY})
install_triggers = TRIGGERS.install
remove_triggers = TRIGGERS.remove
missing_triggers = TRIGGERS.missing


def make_way_before_migrate(
    using: str = DEFAULT_DB_ALIAS, plan: Sequence[object] = (), **_signal: Any
) -> None:
    """Handler of `pre_migrate`. SQLite renames no table while a trigger names one that is not there,
    as the table of leaves is not for a moment while it is rebuilt."""
    if plan and connections[using].vendor == "sqlite":
        TRIGGERS.remove(using, of=_PENDING)


def connect() -> None:
    """Called once at start-up."""
    from accounts.audit import checks  # noqa: F401  # registers itself

    pre_migrate.connect(make_way_before_migrate, dispatch_uid="accounts.audit.triggers.way")
    protect(TRIGGERS, check="accounts.E102")
