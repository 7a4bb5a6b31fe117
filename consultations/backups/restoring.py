"""Putting a backup back: every hash first, then the files, then the database, which takes effect at once
or not at all."""

import gzip
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from accounts.audit.checkpoint import Checkpoint, NotACheckpoint
from accounts.audit.keys import signing_key
from accounts.audit.sealer import kept_checkpoint_path
from consultations.backups.folder import BackupFailed, Entry, Manifest, Tell, faults, object_path
from consultations.backups.snapshot import KEPT_BY_MIGRATE, quoted
from consultations.services.storage import storage_errors


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. `older_than` is the size of a kept audit log that this copy does not reach; then
    the newest events are not in it, and sealing stays refused until somebody has looked."""

    manifest: Manifest
    size: int
    older_than: int | None


def restore(folder: Path, *, tell: Tell, against: Path | None = None) -> Restored:
    """Restore the backup in `folder` into an empty database and a store that holds nothing else under
    the same names. Raises BackupFailed, and then the database is as it was."""
    manifest = Manifest.read(folder)
    _check_possible(manifest)
    broken = list(faults(folder, manifest))
    if broken:
        raise BackupFailed(f"The backup is damaged, nothing was restored: {'; '.join(broken[:5])}.")
    tell(f"{len(manifest.tables)} database files and {len(manifest.files)} pictures are whole")
    _put_files(folder, manifest, tell)
    if connection.vendor == "sqlite":
        _put_sqlite(folder, manifest)
    else:
        _put_postgresql(folder, manifest, tell)
    call_command("migrate", verbosity=0, interactive=False)
    size, older = _compared(manifest, against)
    return Restored(manifest, size, older)


def _check_possible(manifest: Manifest) -> None:
    if manifest.vendor != connection.vendor:
        raise BackupFailed(f"This is a backup of {manifest.vendor}, and the database is {connection.vendor}.")
    tables = _tables()
    if tables:
        raise BackupFailed(
            f"The database is not empty ({len(tables)} tables); a backup never overwrites one. Give it an "
            "empty database."
        )
    known = MigrationLoader(None).disk_migrations or {}
    strange = [f"{app}.{name}" for app, name in manifest.migrations if (app, name) not in known]
    strange = [name for name in strange if name.partition(".")[0] in apps.app_configs]
    if strange:
        raise BackupFailed(f"The backup is of a newer version of this program; it knows {strange[0]}.")


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        return list(connection.introspection.table_names(cursor))


# --- Files ----------------------------------------------------------------------------------------
def _put_files(folder: Path, manifest: Manifest, tell: Tell) -> None:
    for number, entry in enumerate(manifest.files, start=1):
        try:
            _put_file(folder, entry)
        except storage_errors() as error:
            raise BackupFailed(
                f"{entry.name} could not be written: {type(error).__name__}; run it again."
            ) from error
        if number % 500 == 0 or number == len(manifest.files):
            tell(f"files: {number} of {len(manifest.files)}")


def _put_file(folder: Path, entry: Entry) -> None:
    source = object_path(folder, entry.sha256)
    if default_storage.exists(entry.name):
        if _same(entry):
            return  # an earlier run has brought it
        raise BackupFailed(f"The store holds another {entry.name} already; nothing is overwritten.")
    if isinstance(default_storage, FileSystemStorage):
        # Whole or not at all: the store itself would write under the last name from the start.
        target = Path(default_storage.path(entry.name))
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = target.with_name(f".{target.name}.restoring")
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(target)
        return
    with source.open("rb") as file:
        stored = default_storage.save(entry.name, File(file))
    if stored != entry.name:
        default_storage.delete(stored)
        raise BackupFailed(f"The store holds another {entry.name} already; nothing is overwritten.")


def _same(entry: Entry) -> bool:
    import hashlib

    digest = hashlib.sha256()
    with default_storage.open(entry.name, "rb") as file:
        for piece in file.chunks():
            digest.update(piece)
    return digest.hexdigest() == entry.sha256


# --- SQLite ---------------------------------------------------------------------------------------
def _put_sqlite(folder: Path, manifest: Manifest) -> None:
    (entry,) = manifest.tables
    target = Path(str(settings.DATABASES["default"]["NAME"]))
    connection.close()
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.restoring")
    shutil.copyfile(folder / "database" / entry.name, draft)
    draft.chmod(0o600)
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    checked = sqlite3.connect(draft)
    try:
        verdict = checked.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        checked.close()
    if verdict != "ok":
        draft.unlink()
        raise BackupFailed(f"The database of the backup is damaged: {verdict}")
    for left in ("-wal", "-shm"):  # of the empty one that opening it has made
        target.with_name(target.name + left).unlink(missing_ok=True)
    draft.replace(target)


# --- PostgreSQL -----------------------------------------------------------------------------------
def _put_postgresql(folder: Path, manifest: Manifest, tell: Tell) -> None:
    """Tables as the backup's program made them and their rows, in one transaction."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            # While migrating no check may be left open, or the next change of the table is refused.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for app, name in _targets(manifest):
            call_command("migrate", app, name, verbosity=0, interactive=False)
        tell("tables made")
        with connection.cursor() as cursor:
            _empty(cursor)
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            for entry in manifest.tables:
                _copy_in(cursor, folder / "database" / entry.name, entry.name.removesuffix(".gz"))
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
            for sql in connection.ops.sequence_reset_sql(no_style(), models):
                cursor.execute(sql)
    tell(f"database: {len(manifest.tables)} tables")


def _targets(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The last migrations of each app that the backup knows."""
    loader = MigrationLoader(None)
    applied = set(manifest.migrations) & set(loader.disk_migrations or {})
    for key in sorted(applied):
        later = {child.key for child in loader.graph.node_map[key].children}
        if not any(child in applied and child[0] == key[0] for child in later):
            yield key


def _empty(cursor: Any) -> None:
    """What migrations and their signals have put there: the backup has its own."""
    names = set(connection.introspection.table_names(cursor)) - KEPT_BY_MIGRATE
    filled = []
    for name in sorted(names):
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {quoted(name)})")  # noqa: S608  # nosec B608
        if cursor.fetchone()[0]:
            filled.append(quoted(name))
    if filled:
        cursor.execute(f"TRUNCATE {', '.join(filled)} CASCADE")


def _copy_in(cursor: Any, path: Path, name: str) -> None:
    with gzip.open(path, "rb") as source:
        columns = source.readline().decode().strip()
        with cursor.copy(f"COPY {quoted(name)} ({columns}) FROM STDIN") as copy:
            while piece := source.read(1 << 20):
                copy.write(piece)


# --- What the audit log says of it ------------------------------------------------------------------
def _compared(manifest: Manifest, against: Path | None) -> tuple[int, int | None]:
    """Size of the restored audit log, and of a kept one that it does not reach."""
    if not manifest.checkpoint:
        size = 0
    else:
        try:
            size = Checkpoint.opened(manifest.checkpoint, signing_key()).size
        except NotACheckpoint as error:
            raise BackupFailed(
                f"Restored, but its audit log was signed with another key than AUDIT_SIGNING_KEY: {error}"
            ) from error
    newest = 0
    for path in filter(None, (kept_checkpoint_path(), against)):
        try:
            newest = max(newest, Checkpoint.opened(path.read_text(), signing_key()).size)
        except FileNotFoundError:
            continue
        except (OSError, NotACheckpoint, UnicodeDecodeError) as error:
            raise BackupFailed(f"Restored, but the checkpoint in {path} cannot be read: {error}") from error
    return size, newest if newest > size else None
