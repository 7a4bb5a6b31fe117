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

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from django.db.models import Case, F, Q, TextField, Value, When
from django.utils import timezone

from accounts.audit.canonical import canonical_json, utc_text
from accounts.audit.keys import SigningKey, signing_key
from accounts.audit.merkle import Frontier, leaf_hash, node_hash
from accounts.audit.models import AuditCheckpoint, AuditLeaf

FORMAT: Final = "dermatech-audit-export/1"
_CHUNK: Final = 2_000
# What a spreadsheet may take for a formula or a command (OWASP, CSV injection). The apostrophe is
# among them so that the one put in front can always be told from one that was there.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
COLUMNS: Final = (
    "number", "recorded_at", "action", "fhir_action", "outcome", "purpose", "actor_id", "actor_name",
    "actor_role", "address", "device", "entity_type", "entity_id", "patient_id", "request_id",
    "changed_fields", "detail", "id", "leaf_hash",
)  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events: recorded at `since` or later and before `until`; all of them by default."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def condition(self) -> Q:
        """On AuditLeaf."""
        condition = Q()
        if self.since is not None:
            condition &= Q(event__recorded_at__gte=self.since)
        if self.until is not None:
            condition &= Q(event__recorded_at__lt=self.until)
        return condition

    def as_dict(self) -> dict[str, str | None]:
        return {
            "since": utc_text(self.since) if self.since else None,
            "until": utc_text(self.until) if self.until else None,
        }


def write_bundle(
    folder: Path,
    *,
    checkpoint: AuditCheckpoint,
    selection: Selection | None = None,
    against: Iterable[int] = (),
) -> Bundle:
    """Write the bundle of `checkpoint` into `folder`, which must not exist or be empty.

    `against` names sizes of earlier checkpoints that the auditor kept: the proof is cut there, so
    that a part of the log can be compared with them too (the whole log always can).
    """
    selection, key = selection or Selection(), signing_key()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportFailed(f"{folder} exists and is not an empty folder.")
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    draft.mkdir(parents=True, mode=0o700)
    try:
        proof = _write(draft, key, checkpoint, selection, frozenset(against))
        draft.replace(folder)
    except BaseException:
        shutil.rmtree(draft)
        raise
    faithful = (proof.tree.size, proof.tree.root) == (checkpoint.size, bytes(checkpoint.root))
    return Bundle(folder, proof.included, checkpoint.size, faithful)


def _write(
    draft: Path, key: SigningKey, checkpoint: AuditCheckpoint, selection: Selection, cuts: frozenset[int]
) -> "_Proof":
    """Everything in one pass over the log; memory does not grow with it."""
    (draft / "checkpoint").write_text(checkpoint.note, encoding="utf-8")
    proof = _Proof(cuts)
    with _Target(draft / "events.jsonl") as lines, _Target(draft / "events.csv") as table:
        table.write(csv_row(COLUMNS))
        for number, stored, line in _leaves(checkpoint.size, selection):
            if line is None:
                proof.leave_out(stored)
                continue
            content = line.encode()
            digest = leaf_hash(content)
            proof.include(digest)
            lines.write(content + b"\n")
            table.write(csv_row(_cells(number, digest, json.loads(line))))
    proof.close()
    (draft / "proof.json").write_text(canonical_json(proof.as_dict()) + "\n", encoding="utf-8")
    _sign_manifest(draft, key, checkpoint, selection, proof.included)
    return proof


def csv_row(cells: Iterable[object]) -> bytes:
    """One line of CSV (RFC 4180), no cell of which a spreadsheet takes for a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([neutral(str(cell)) for cell in cells])
    return text.getvalue().encode()


def neutral(cell: str) -> str:
    """`cell` with an apostrophe in front when a spreadsheet might run it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _leaves(size: int, selection: Selection) -> Iterator[tuple[int, bytes, str | None]]:
    """Number, stored hash and, of those selected, the canonical JSON of the first `size` events."""
    chosen = F("event__canonical_json")
    line: Any = chosen
    if selection.condition:
        line = Case(
            When(selection.condition, then=chosen), default=Value(None), output_field=TextField(null=True)
        )
    rows = AuditLeaf.objects.filter(seq__lt=size).order_by("seq").annotate(line=line)
    for number, stored, text in rows.values_list("seq", "leaf_hash", "line").iterator(chunk_size=_CHUNK):
        yield number, bytes(stored), text


def _cells(number: int, digest: bytes, event: dict[str, Any]) -> tuple[object, ...]:
    agent, entity = event["agent"], event["entity"] or {"type": "", "id": ""}
    return (
        number, event["recorded_at"], event["action"], event["fhir"], event["outcome"], event["purpose"],
        agent["id"] or "", agent["name"], agent["role"], agent["address"], agent["device"],
        entity["type"], entity["id"], event["patient"] or "", event["request_id"],
        " ".join(sorted(event["changes"])), canonical_json(event["detail"]) if event["detail"] else "",
        event["id"], digest.hex(),
    )  # fmt: skip


def _sign_manifest(
    folder: Path, key: SigningKey, checkpoint: AuditCheckpoint, selection: Selection, events: int
) -> None:
    names = ("checkpoint", "events.csv", "events.jsonl", "proof.json")
    manifest = {
        "format": FORMAT,
        "origin": key.origin,
        "exported_at": utc_text(timezone.now()),
        "selection": selection.as_dict(),
        "events": events,
        "tree_size": checkpoint.size,
        "root": bytes(checkpoint.root).hex(),
        "files": {name: _fingerprint(folder / name) for name in names},
    }
    text = canonical_json(manifest) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    (folder / "manifest.sig").write_text(key.signature_line(text), encoding="utf-8")


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


class _Target:
    """A file that is on disk when the block ends."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb", buffering=1 << 18)
        self.write = self._file.write

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


@dataclass(slots=True)
class _Proof:
    """Grows the tree over everything and notes the subtrees that are left out.

    Those are the largest that fit between what is included (and the cuts), aligned to their own
    size; only their roots are held, so memory does not grow with the log.
    """

    cuts: frozenset[int] = frozenset()
    tree: Frontier = field(default_factory=Frontier)
    included: int = 0
    ranges: list[list[int]] = field(default_factory=list)  # [first number, how many]
    hashes: list[str] = field(default_factory=list)
    _next: int = 0
    _gap: list[tuple[int, bytes]] = field(default_factory=list)  # level and root

    def include(self, digest: bytes) -> None:
        self.close()
        if self.ranges and sum(self.ranges[-1]) == self._next:
            self.ranges[-1][1] += 1
        else:
            self.ranges.append([self._next, 1])
        self.tree.add(digest)
        self._next += 1
        self.included += 1

    def leave_out(self, digest: bytes) -> None:
        if self._next in self.cuts:
            self.close()
        self._next += 1
        level = 0
        # Join with a neighbour of the same size where the two make an aligned subtree.
        while self._gap and self._gap[-1][0] == level and self._next % (2 << level) == 0:
            digest = node_hash(self._gap.pop()[1], digest)
            level += 1
        self._gap.append((level, digest))

    def close(self) -> None:
        """Put down the subtrees left out since the last event that was included."""
        for level, root in self._gap:
            self.hashes.append(root.hex())
            self.tree.add_subtree(root, level)
        self._gap.clear()

    def as_dict(self) -> dict[str, Any]:
        return {
            "tree_size": self._next,
            "ranges": self.ranges,
            "left_out": self.hashes,
            "cuts": sorted(cut for cut in self.cuts if 0 < cut < self._next),
        }
