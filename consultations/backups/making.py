"""Making a backup."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from consultations.backups import folder, snapshot
from consultations.backups.folder import (
    BackupFailed,
    Entry,
    Manifest,
    Tell,
    object_path,
    sync_folder,
)
from consultations.services.storage import storage_errors

_ROUNDS = 3


def make(out: Path, *, tell: Tell) -> Manifest:
    """Back everything up into `out`, which must not exist. What an interrupted run has copied already is
    used again. Raises BackupFailed."""
    if out.exists():
        raise BackupFailed(f"{out} is there already; a backup is never written over another.")
    draft = out.with_name(f"{out.name}.partial")
    draft.mkdir(parents=True, exist_ok=True, mode=0o700)
    copied = _Copied(draft)
    for _ in range(_ROUNDS):
        manifest, renamed = _round(draft, copied, tell)
        if not renamed:
            break
        # Pictures were erased, or given new names by a change of keys, after the database was copied.
        tell(f"{len(renamed)} files went while we copied; looking at the database again")
    else:
        raise BackupFailed("Files are being renamed or deleted all the time; try again when that is over.")
    (draft / "copied.jsonl").unlink(missing_ok=True)
    copied.drop_all_but({entry.sha256 for entry in manifest.files})
    path = draft / "manifest.draft"
    path.write_bytes(manifest.written())
    path.replace(draft / "manifest.json")
    sync_folder(draft)
    draft.rename(out)
    return manifest


def _round(draft: Path, copied: "_Copied", tell: Tell) -> tuple[Manifest, list[str]]:
    """One copy of the database and of every file it names; also the names that went meanwhile."""
    with snapshot.taken(draft / "database", tell) as taken:
        names = taken.named_files()
        facts = (taken.tables, taken.migrations(), taken.counts(), taken.checkpoint())
    tables, migrations, counts, checkpoint = facts
    entries: list[Entry] = []
    gone: list[str] = []
    for number, name in enumerate(names, start=1):
        entry = copied.get(name)
        if entry is None:
            gone.append(name)
        else:
            entries.append(entry)
        if number % 500 == 0 or number == len(names):
            tell(f"files: {number} of {len(names)}")
    still = _still_named(gone)
    manifest = Manifest(
        vendor=connection.vendor,
        made_at=timezone.now().isoformat(),
        migrations=migrations,
        tables=tables,
        files=tuple(entries),
        missing=tuple(still),
        rows=counts,
        checkpoint=checkpoint,
    )
    return manifest, [name for name in gone if name not in still]


def _still_named(gone: Sequence[str]) -> list[str]:
    """Those that rows name even now: the store has lost them."""
    if not gone:
        return []

    def ask(sql: str) -> Sequence[tuple[object, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    now = set(snapshot.Snapshot((), ask).named_files())
    return [name for name in gone if name in now]


class _Copied:
    """What was copied, also by a run that was interrupted: a stored file never changes under its name."""

    def __init__(self, place: Path) -> None:
        self._folder = place
        self._list = place / "copied.jsonl"
        self._known: dict[str, Entry] = {}
        if self._list.exists():
            for line in self._list.read_text().splitlines():
                try:
                    entry = Entry(**json.loads(line))
                except (ValueError, TypeError):
                    continue  # the line at which it was interrupted
                path = object_path(place, entry.sha256)
                if path.exists() and path.stat().st_size == entry.size:
                    self._known[entry.name] = entry

    def get(self, name: str) -> Entry | None:
        """The file `name`, copied now unless it was before; None when the store does not have it."""
        if name in self._known:
            return self._known[name]
        draft = self._folder / "incoming"
        try:
            with default_storage.open(name, "rb") as source:
                sha256, size = folder.copy_hashed(cast(BinaryIO, source), draft)
        except FileNotFoundError:
            return None
        except storage_errors() as error:
            raise BackupFailed(f"{name} could not be read: {type(error).__name__}; run it again.") from error
        target = object_path(self._folder, sha256)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.replace(target)
        entry = Entry(name, sha256, size)
        self._known[name] = entry
        with self._list.open("a") as file:
            file.write(json.dumps({"name": name, "sha256": sha256, "size": size}) + "\n")
        return entry

    def drop_all_but(self, wanted: set[str]) -> None:
        for path in (self._folder / "objects").glob("*/*"):
            if path.name not in wanted:
                path.unlink()
        (self._folder / "incoming").unlink(missing_ok=True)
        for place in (self._folder / "objects").glob("*"):
            if not any(place.iterdir()):
                shutil.rmtree(place)
