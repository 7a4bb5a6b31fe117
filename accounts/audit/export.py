"""Bundles for auditors: events, their signed checkpoint, and what proves one by the other.

A bundle is a folder of six files:

- `events.jsonl`: the canonical JSON of each event, one per line, byte for byte as it was hashed;
- `events.csv`: the same for a spreadsheet, with each event's number and leaf hash;
- `checkpoint`: the signed checkpoint (C2SP signed note) of the whole log;
- `proof.json`: which numbers the lines have, and the hashes of the subtrees that are left out,
  so that a part of the log leads to the root of the whole;
- `manifest.json` and `manifest.sig`: what the bundle is, and the signature line over it (the two
  joined by an empty line are a C2SP signed note).
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from django.utils import timezone

from accounts.audit.canonical import canonical_json, utc_text
from accounts.audit.keys import SigningKey, signing_key
from accounts.audit.merkle import leaf_hashes
from accounts.audit.models import AuditCheckpoint
from accounts.audit.proof import Proof
from accounts.audit.selection import Selection
from accounts.audit.stream import read
from accounts.audit.table import COLUMNS, csv_row

FORMAT: Final = "dermatech-audit-export/1"
_BUFFER: Final = 1 << 20

Progress = Callable[[int], None]


class ExportFailed(RuntimeError):
    """The bundle could not be made as asked."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was written: `events` of the log's `tree_size`; `faithful` is False when what the
    database holds does not lead to the signed root, so the verifier will object too."""

    path: Path
    events: int
    tree_size: int
    faithful: bool


def write_bundle(
    folder: Path,
    *,
    checkpoint: AuditCheckpoint,
    selection: Selection | None = None,
    against: Iterable[int] = (),
    progress: Progress | None = None,
) -> Bundle:
    """Write the bundle of `checkpoint` into `folder`, which must not exist or be empty.

    `against` names sizes of earlier checkpoints that the auditor kept: the proof is cut there, so
    that a part of the log can be compared with them too (the whole log always can). `progress` is
    told how many events of the log have been gone through.
    """
    selection, key = selection or Selection(), signing_key()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportFailed(f"{folder} exists and is not an empty folder.")
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    draft.mkdir(parents=True, mode=0o700)
    try:
        proof = _write(draft, key, checkpoint, selection, against, progress or (lambda _done: None))
        draft.replace(folder)
    except BaseException:
        shutil.rmtree(draft)
        raise
    faithful = (proof.tree.size, proof.tree.root) == (checkpoint.size, bytes(checkpoint.root))
    return Bundle(folder, proof.included, checkpoint.size, faithful)


def _write(
    draft: Path,
    key: SigningKey,
    checkpoint: AuditCheckpoint,
    selection: Selection,
    against: Iterable[int],
    progress: Progress,
) -> Proof:
    """Everything in one pass over the log; memory does not grow with it."""
    files: dict[str, _Target] = {}
    for name in ("checkpoint", "events.csv", "events.jsonl", "proof.json"):
        files[name] = _Target(draft / name)
    with files["checkpoint"] as note, files["events.jsonl"] as lines, files["events.csv"] as table:
        note.write(checkpoint.note.encode())
        table.write(csv_row(COLUMNS))
        with files["proof.json"] as sink:
            proof = Proof(sink, checkpoint.size, against)
            done = 0
            for chunk in read(checkpoint.size, selection.condition):
                stored = chunk.digests
                if chunk.left_out:
                    proof.leave_out(stored)
                else:
                    found = leaf_hashes(chunk.lines.split(b"\n")[:-1])
                    # A line break in a text makes two lines of one: the file then is not what was signed.
                    proof.include(found if len(found) == len(stored) else _broken(stored))
                    lines.write(chunk.lines)
                    table.write(chunk.rows)
                done += len(stored)
                progress(done)
            proof.finish()
    _sign_manifest(draft, key, checkpoint, selection, proof.included, files)
    return proof


def _broken(stored: list[bytes]) -> list[bytes]:
    """As many hashes that lead to no signed root."""
    return [bytes(len(digest)) for digest in stored]


def _sign_manifest(
    folder: Path,
    key: SigningKey,
    checkpoint: AuditCheckpoint,
    selection: Selection,
    events: int,
    files: "dict[str, _Target]",
) -> None:
    manifest = {
        "format": FORMAT,
        "origin": key.origin,
        "exported_at": utc_text(timezone.now()),
        "selection": selection.as_dict(),
        "events": events,
        "tree_size": checkpoint.size,
        "root": bytes(checkpoint.root).hex(),
        "files": {name: target.fingerprint() for name, target in files.items()},
    }
    text = canonical_json(manifest) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    (folder / "manifest.sig").write_text(key.signature_line(text), encoding="utf-8")


class _Target:
    """A file that is hashed while it is written. Not forced to disk: a bundle can be made again, and
    its manifest tells when something is missing."""

    def __init__(self, path: Path) -> None:
        self._path, self._digest, self._bytes = path, hashlib.sha256(), 0

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        self._bytes += len(content)
        return self._file.write(content)

    def fingerprint(self) -> dict[str, Any]:
        return {"bytes": self._bytes, "sha256": self._digest.hexdigest()}

    def __enter__(self) -> Self:
        self._file: BinaryIO = self._path.open("wb", buffering=_BUFFER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
