"""The folder of a backup: written beside its place and moved there whole, read only when every hash fits."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = 1
_PIECE = 1 << 20
Tell = Callable[[str], None]


class BackupFailed(Exception):
    """It cannot be done; the message says why, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored file: its name in the store, and what it holds."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `tables` are the files of the database; `rows` counts some for people."""

    vendor: str
    made_at: str
    migrations: tuple[tuple[str, str], ...]
    tables: tuple[Entry, ...]
    files: tuple[Entry, ...]
    missing: tuple[str, ...]
    """Named by rows, but not in the store: lost before."""
    rows: Mapping[str, int]
    checkpoint: str
    """The newest checkpoint of the audit log in it."""

    def written(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises BackupFailed."""
        try:
            said: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
        except (OSError, ValueError) as error:
            raise BackupFailed(f"{folder} holds no whole backup: {error}") from error
        if said.pop("format", None) != FORMAT:
            raise BackupFailed(f"{folder} was written by another version of this command.")
        for name in ("tables", "files"):
            said[name] = tuple(Entry(**entry) for entry in said[name])
        said["missing"] = tuple(said["missing"])
        said["migrations"] = tuple((app, name) for app, name in said["migrations"])
        return cls(**said)


def object_path(folder: Path, sha256: str) -> Path:
    return folder / "objects" / sha256[:2] / sha256


def copy_hashed(source: BinaryIO, target: Path) -> tuple[str, int]:
    """Copy to `target`, whole or not at all, on disk when this returns; SHA-256 (hex) and size."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.draft")
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(target)
    return digest.hexdigest(), size


def entry_of(path: Path, name: str) -> Entry:
    """An entry for a file that lies there."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Entry(name, digest.hexdigest(), path.stat().st_size)


def faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Everything in the folder that is not as the manifest says."""
    for entry in manifest.tables:
        yield from _fault(folder / "database" / entry.name, entry)
    for entry in {entry.sha256: entry for entry in manifest.files}.values():
        yield from _fault(object_path(folder, entry.sha256), entry)


def _fault(path: Path, entry: Entry) -> Iterator[str]:
    try:
        found = entry_of(path, entry.name)
    except OSError:
        yield f"{entry.name} is missing"
        return
    if found != entry:
        yield f"{entry.name} is damaged"


def sync_folder(folder: Path) -> None:
    """Names in it are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
