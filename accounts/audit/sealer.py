"""Sealing: pending events get the next numbers, a place in the Merkle tree, a signed checkpoint.

One sealer at a time, one transaction per batch: either the leaves, the checkpoint and the removal of
the marks are all there, or nothing is.
"""

import json
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils import timezone

from accounts.audit.canonical import utc_text
from accounts.audit.checkpoint import Checkpoint, NotACheckpoint
from accounts.audit.keys import SigningKey, signing_key
from accounts.audit.merkle import Frontier, leaf_hash
from accounts.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf, AuditPending
from accounts.audit.recorder import copies, record
from accounts.audit.table import event_row
from accounts.audit.vocabulary import Action, Purpose

BATCH = 1_000
HEARTBEAT_EVERY = timedelta(hours=1)
# Any fixed number of one's own; "DTAU" in ASCII.
_ADVISORY_LOCK = 0x44544155


class SealRefused(RuntimeError):
    """What the database holds contradicts what was signed before: somebody must look first."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one call did: `count` new events, and the log's `size` afterwards."""

    count: int
    size: int


def seal_pending(limit: int = BATCH) -> Sealed:
    """Seal up to `limit` pending events and sign the new checkpoint.

    Seals nothing when there is nothing to seal or another sealer is at work. Raises SealRefused
    when the log contradicts its last checkpoint.
    """
    if not AuditPending.objects.exists():  # without the write lock that SQLite takes below
        return Sealed(0, log_size())
    key = signing_key()
    with transaction.atomic():
        if not alone():
            return Sealed(0, log_size())
        frontier = _last_frontier(key)
        marks = list(AuditPending.objects.select_related("event").order_by("event_id")[:limit])
        if not marks:
            return Sealed(0, frontier.size)
        leaves = [_leaf(mark.event, frontier) for mark in marks]
        try:
            AuditLeaf.objects.bulk_create(leaves)
        except IntegrityError as error:
            raise SealRefused("An event that waits to be sealed is sealed already.") from error
        AuditPending.objects.filter(pk__in=[mark.pk for mark in marks]).delete()
        AuditCheckpoint.objects.create(
            size=frontier.size,
            root=frontier.root,
            frontier=frontier.packed(),
            note=Checkpoint(frontier.size, frontier.root).signed(key),
        )
    return Sealed(len(leaves), frontier.size)


def seal_all(limit: int = BATCH) -> Sealed:
    """Seal until nothing is pending; the sum of it."""
    count = 0
    while (sealed := seal_pending(limit)).count:
        count += sealed.count
    return Sealed(count, sealed.size)


def seal_through(event: AuditEvent, patience: float = 10.0) -> bool:
    """Seal until `event` is sealed, by whoever is at work; False when it takes longer than
    `patience` seconds."""
    deadline = time.monotonic() + patience
    seal_all()
    while AuditPending.objects.filter(pk=event.pk).exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
        seal_all()
    return True


def log_size() -> int:
    """How many events are sealed."""
    return AuditCheckpoint.objects.aggregate(size=Max("size"))["size"] or 0


def latest_checkpoint() -> AuditCheckpoint | None:
    """The newest signed checkpoint; None while nothing is sealed."""
    return AuditCheckpoint.objects.order_by("-size").first()


def seal_lag_seconds() -> float:
    """Age in seconds of the oldest event that is not sealed; 0.0 when all are."""
    oldest = AuditPending.objects.select_related("event").order_by("event_id").first()
    if oldest is None:
        return 0.0
    return max(0.0, (timezone.now() - oldest.event.recorded_at).total_seconds())


def beat() -> bool:
    """Record a heartbeat when the last is an hour old, so that silence in the log shows."""
    last = AuditEvent.objects.filter(action=Action.SYSTEM_HEARTBEAT).order_by("-id").first()
    if last is not None and timezone.now() - last.recorded_at < HEARTBEAT_EVERY:
        return False
    with transaction.atomic():
        record(
            actor=None,
            action=Action.SYSTEM_HEARTBEAT,
            purpose=Purpose.OPERATIONS,
            detail={"sealed_events": log_size()},
        )
    return True


def kept_checkpoint_path() -> Path:
    """Where this machine keeps the last checkpoint outside the database."""
    return Path(settings.DATA_DIR) / "audit" / "checkpoint"


def check_kept(path: Path) -> None:
    """Raise SealRefused when the log is not a continuation of the checkpoint kept in `path`."""
    if not path.exists():
        return
    try:
        kept = Checkpoint.opened(path.read_text(encoding="utf-8"), signing_key())
    except (NotACheckpoint, UnicodeDecodeError) as error:
        raise SealRefused(f"The checkpoint kept in {path} cannot be used: {error}") from error
    row = AuditCheckpoint.objects.filter(size=kept.size).first()
    if row is None or bytes(row.root) != kept.root:
        raise SealRefused(
            f"This database does not hold the log of {kept.size} events whose checkpoint is kept in "
            f"{path}: it was changed, or restored from an older copy. Keep that file as evidence; "
            "sealing goes on once it is moved away."
        )


def keep_checkpoint(path: Path) -> None:
    """Write the newest checkpoint to `path`, whole or not at all."""
    newest = latest_checkpoint()
    if newest is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(newest.note)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def alone() -> bool:
    """Whether this transaction is the only sealer until it ends.

    SQLite's transactions are IMMEDIATE, so having one is enough.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])


def _last_frontier(key: SigningKey) -> Frontier:
    """The frontier to go on from, after comparing the log with what was signed last."""
    last = latest_checkpoint()
    top = AuditLeaf.objects.aggregate(top=Max("seq"))["top"]
    numbered = 0 if top is None else top + 1
    if last is None:
        if numbered:
            raise SealRefused(f"{numbered} events are numbered but no checkpoint is there.")
        return Frontier()
    try:
        signed = Checkpoint.opened(last.note, key)
        frontier = Frontier.unpacked(last.size, bytes(last.frontier))
    except (NotACheckpoint, ValueError) as error:
        raise SealRefused(f"The checkpoint of {last.size} events cannot be trusted: {error}") from error
    if (signed.size, signed.root) != (last.size, bytes(last.root)) or frontier.root != signed.root:
        raise SealRefused(f"The checkpoint of {last.size} events was changed after it was signed.")
    if numbered != last.size:
        raise SealRefused(f"{numbered} events are numbered but {last.size} were signed.")
    _check_last_batch(last)
    return frontier


def _check_last_batch(last: AuditCheckpoint) -> None:
    """Recompute the newest batch from the events themselves: a change since then shows here."""
    before = AuditCheckpoint.objects.filter(size__lt=last.size).order_by("-size").first()
    try:
        frontier = Frontier.unpacked(before.size, bytes(before.frontier)) if before else Frontier()
    except ValueError as error:
        raise SealRefused(f"An earlier checkpoint was changed: {error}") from error
    batch = AuditLeaf.objects.filter(seq__gte=frontier.size).order_by("seq")
    for text in batch.values_list("event__canonical_json", flat=True).iterator():
        frontier.add(leaf_hash(text.encode()))
    if frontier.size != last.size or frontier.root != bytes(last.root):
        raise SealRefused(f"Events sealed before the checkpoint of {last.size} events were changed since.")


def _leaf(event: AuditEvent, frontier: Frontier) -> AuditLeaf:
    """The next leaf. An event whose columns belie its canonical JSON was not written by `record`."""
    digest = leaf_hash(event.canonical_json.encode())
    try:
        payload = json.loads(event.canonical_json)
        told, row = copies(payload), event_row(frontier.size, digest, payload)
    except (ValueError, KeyError, TypeError) as error:
        raise SealRefused(f"Event {event.pk} is not in the form of an event.") from error
    stands = {
        "id": str(event.pk),
        "recorded_at": utc_text(event.recorded_at),
        "patient_id": str(event.patient_id or ""),
    }
    for column, value in told.items():
        if value != stands.get(column, getattr(event, column)):
            raise SealRefused(f"Event {event.pk} says one thing in {column} and another in its text.")
    leaf = AuditLeaf(seq=frontier.size, event=event, leaf_hash=digest, table_row=row)
    frontier.add(digest)
    return leaf
