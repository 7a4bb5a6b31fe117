"""Releases are immutable in the database, too: neither what they say nor the rows may go.

A release may change its state and who approved it when; its replay as long as it is only proposed.
Remarks never change. Every kind of release is covered, by what its model is.
"""

from collections.abc import Iterator
from typing import Final

from django.apps import apps
from django.db import models

from dermatech.core.releases import FROZEN, Release, Remark
from dermatech.core.triggers import Trigger, TriggerSet, Vendor, postgresql_trigger, sqlite_trigger

_RELEASE_FUNCTION: Final = "release_refuse_change"
_REMARK_FUNCTION: Final = "remark_refuse_change"
_COLUMNS: Final = ("id", *FROZEN)
_LIST: Final = ", ".join(f"'{column}'" for column in _COLUMNS)
_REFUSED: Final = "what was released is immutable"
_RELEASE_BODY: Final = f"""
DECLARE
    frozen text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        FOREACH frozen IN ARRAY ARRAY[{_LIST}] LOOP
            IF to_jsonb(NEW) -> frozen IS DISTINCT FROM to_jsonb(OLD) -> frozen THEN
                RAISE EXCEPTION '{_REFUSED}: % of %', frozen, TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
        END LOOP;
        IF OLD.state <> 'proposed' AND NEW.replay IS DISTINCT FROM OLD.replay THEN
            RAISE EXCEPTION '{_REFUSED}: replay of %', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '{_REFUSED}: % on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
"""
_REMARK_BODY: Final = f"""
BEGIN
    RAISE EXCEPTION '{_REFUSED}: % on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
"""


def _tables(base: type[models.Model]) -> list[str]:
    return sorted(model._meta.db_table for model in apps.get_models() if issubclass(model, base))


def _wanted(vendor: Vendor) -> list[Trigger]:
    return list(_postgresql() if vendor == "postgresql" else _sqlite())


def _postgresql() -> Iterator[Trigger]:
    for base, function in ((Release, _RELEASE_FUNCTION), (Remark, _REMARK_FUNCTION)):
        for table in _tables(base):
            yield postgresql_trigger(table, "change", "UPDATE OR DELETE", function)
            yield postgresql_trigger(table, "truncate", "TRUNCATE", function)


def _sqlite() -> Iterator[Trigger]:
    changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in _COLUMNS)
    late = "(OLD.state <> 'proposed' AND NEW.replay IS NOT OLD.replay)"
    for table in _tables(Release):
        message = f"{_REFUSED}: {table}"
        yield sqlite_trigger(table, "change", "UPDATE", message=message, when=f"{changed} OR {late}")
        yield sqlite_trigger(table, "delete", "DELETE", message=message)
        # A REPLACE deletes what it collides with, without a DELETE trigger.
        clash = "id = NEW.id OR number = NEW.number OR rowid = NEW.rowid"
        active = "(state = 'active' AND NEW.state = 'active')"
        yield sqlite_trigger(
            table, "replace", "INSERT", message=message, when=_exists(table, f"{clash} OR {active}")
        )
        other = f"{active} AND id <> NEW.id"
        yield sqlite_trigger(
            table, "second_active", "UPDATE OF state", message=message, when=_exists(table, other)
        )
    for table in _tables(Remark):
        message = f"{_REFUSED}: {table}"
        yield sqlite_trigger(table, "change", "UPDATE", message=message)
        yield sqlite_trigger(table, "delete", "DELETE", message=message)
        clash = (
            "id = NEW.id OR rowid = NEW.rowid OR (kind = 'approval' AND NEW.kind = 'approval' "
            "AND release_id = NEW.release_id AND author_id = NEW.author_id)"
        )
        yield sqlite_trigger(table, "replace", "INSERT", message=message, when=_exists(table, clash))


def _exists(table: str, condition: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table} WHERE {condition})"  # noqa: S608  # nosec B608: tables of our own models


TRIGGERS: Final = TriggerSet(
    "releases", _wanted, {_RELEASE_FUNCTION: _RELEASE_BODY, _REMARK_FUNCTION: _REMARK_BODY}
)
