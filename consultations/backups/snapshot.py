"""One moment of the database: copied to files, and asked which stored files its rows name.

SQLite is copied by its own backup interface. PostgreSQL's tables are copied inside one REPEATABLE READ
transaction: no program beside this one is needed, and the copy can be read by any later version.
"""

import gzip
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder

from consultations.backups.folder import BackupFailed, Entry, Tell, entry_of

# What `migrate` keeps itself.
KEPT_BY_MIGRATE = frozenset({"django_migrations"})
# Names of stored files in columns that are plain text.
_NAMES = (("consultations_modelversion", "storage_key"), ("accounts_auditexport", "file"))
_COUNTED = ("accounts_user", "consultations_consultation", "consultations_photo", "consultations_analysis",
            "accounts_auditevent")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the rows said at one moment. `ask(sql)` still asks the same moment."""

    tables: tuple[Entry, ...]
    ask: Callable[[str], Sequence[tuple[Any, ...]]]

    def named_files(self) -> list[str]:
        """The names of all files in the store that a row names."""
        columns = {
            (model._meta.db_table, str(field.column))
            for model in apps.get_models()
            for field in model._meta.local_fields
            if isinstance(field, models.FileField)
        }
        found: set[str] = set()
        for table, column in sorted(columns | set(_NAMES)):
            # Names of ours, never anybody's words.
            asked = f"SELECT {quoted(column)} FROM {quoted(table)}"  # noqa: S608  # nosec B608
            found.update(str(row[0]) for row in self.ask(asked) if row[0])
        return sorted(found)

    def counts(self) -> dict[str, int]:
        asked = {table: f"SELECT count(*) FROM {quoted(table)}" for table in _COUNTED}  # noqa: S608  # nosec B608
        return {table: int(self.ask(sql)[0][0]) for table, sql in asked.items()}

    def checkpoint(self) -> str:
        """The newest checkpoint's text; empty when nothing was sealed yet."""
        rows = self.ask("SELECT note FROM accounts_auditcheckpoint ORDER BY size DESC LIMIT 1")
        return str(rows[0][0]) if rows else ""

    def migrations(self) -> tuple[tuple[str, str], ...]:
        rows = self.ask("SELECT app, name FROM django_migrations ORDER BY app, name")
        return tuple((str(app), str(name)) for app, name in rows)


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


@contextmanager
def taken(folder: Path, tell: Tell) -> Iterator[Snapshot]:
    """Copy the database of this moment into `folder`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in folder.iterdir():
        old.unlink()
    if not MigrationRecorder(connection).has_table():
        raise BackupFailed("This database has no tables; there is nothing to back up.")
    if connection.vendor == "sqlite":
        yield from _sqlite(folder, tell)
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            yield from _postgresql(folder, tell)
    else:
        raise BackupFailed(f"Backups of {connection.vendor} are not known here.")


def _sqlite(folder: Path, tell: Tell) -> Iterator[Snapshot]:
    connection.ensure_connection()
    target = folder / "dermatech.sqlite3"
    copy = sqlite3.connect(target)
    try:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        broken = copy.execute("PRAGMA quick_check").fetchone()[0]
        if broken != "ok":
            raise BackupFailed(f"The database is damaged: {broken}")
        target.chmod(0o600)
        tell(f"database: {target.stat().st_size:,} bytes")
        yield Snapshot((entry_of(target, target.name),), lambda sql: copy.execute(sql).fetchall())
    finally:
        copy.close()


def _postgresql(folder: Path, tell: Tell) -> Iterator[Snapshot]:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")

        def ask(sql: str) -> Sequence[tuple[Any, ...]]:
            cursor.execute(sql)
            return list(cursor.fetchall())

        names = [name for name in connection.introspection.table_names(cursor) if name not in KEPT_BY_MIGRATE]
        entries = []
        for number, name in enumerate(sorted(names), start=1):
            entries.append(_copy_out(cursor, name, folder))
            if number % 20 == 0 or number == len(names):
                tell(f"database: {number} of {len(names)} tables")
        yield Snapshot(tuple(entries), ask)


def _copy_out(cursor: Any, name: str, folder: Path) -> Entry:
    """One table as text, its columns by name in the first line, compressed."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [name],
    )
    columns = ", ".join(quoted(row[0]) for row in cursor.fetchall())
    path = folder / f"{name}.gz"
    with gzip.open(path, "wb", compresslevel=3) as out:
        out.write(columns.encode() + b"\n")
        with cursor.copy(f"COPY {quoted(name)} ({columns}) TO STDOUT") as rows:
            for row in rows:
                out.write(bytes(row))
    path.chmod(0o600)
    return entry_of(path, path.name)
