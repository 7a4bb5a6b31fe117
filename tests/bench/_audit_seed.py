"""A long log in little time: the same texts, numbers, hashes and signatures as the sealer's."""

import random
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounts.audit.canonical import canonical_json, utc_text
from accounts.audit.checkpoint import Checkpoint
from accounts.audit.keys import signing_key
from accounts.audit.merkle import Frontier, leaf_hash
from accounts.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf
from accounts.audit.recorder import copies
from accounts.audit.table import event_row
from accounts.audit.vocabulary import Action, Outcome, Purpose
from dermatech.core.ids import uuid7

_BATCH = 10_000  # events per checkpoint
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_PEOPLE = [("Ama Mensah", "pharmacist"), ("Kofi Boateng", "pharmacist"), ("Yaw Owusu", "supervisor")]
_ACTIONS = [
    Action.CONSULTATION_CREATED, Action.CONSULTATION_READ, Action.CONSULTATION_UPDATED, Action.PHOTO_READ,
    Action.ANALYSIS_READ, Action.RECOMMENDATION_MADE, Action.AUTH_REFRESH,
]  # fmt: skip


def payloads(count: int) -> Iterator[dict[str, Any]]:
    """Events as `record` makes them, a second apart."""
    chance = random.Random(6962)
    people = [(str(uuid7()), name, role) for name, role in _PEOPLE]
    patients = [str(uuid7()) for _ in range(max(1, count // 20))]
    for at in range(count):
        action = chance.choice(_ACTIONS)
        person, name, role = chance.choice(people)
        patient = chance.choice(patients)
        fields = ("facts", "findings", "notes") if action.fhir in "CU" else ()
        yield {
            "v": 1, "id": str(uuid7()), "recorded_at": utc_text(_BEGAN + timedelta(seconds=at)),
            "action": action.value, "fhir": action.fhir, "outcome": Outcome.SUCCESS.value,
            "purpose": Purpose.TREATMENT.fhir,
            "agent": {"id": person, "name": name, "role": role, "address": "197.251.0.17",
                      "device": person, "user_agent": "DermaTech/1.0 (Android 14)"},
            "entity": {"type": "consultations.consultation", "id": patient}, "patient": patient,
            "request_id": str(uuid7()), "detail": {},
            "changes": {field: secrets.token_hex(32) for field in fields},
        }  # fmt: skip


def seed(count: int) -> int:
    """Write and seal `count` events into an empty log; its size."""
    frontier, batch = Frontier(), []
    for payload in payloads(count):
        batch.append(payload)
        if len(batch) == _BATCH:
            _write(batch, frontier)
            batch = []
    if batch:
        _write(batch, frontier)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return frontier.size


def _write(batch: list[dict[str, Any]], frontier: Frontier) -> None:
    events, leaves = [], []
    for payload in batch:
        text = canonical_json(payload)
        digest = leaf_hash(text.encode())
        columns = copies(payload)
        events.append((*columns.values(), text))
        leaves.append((frontier.size, columns["id"], digest, event_row(frontier.size, digest, payload)))
        frontier.add(digest)
    with transaction.atomic():
        _insert(AuditEvent, (*copies(batch[0]), "canonical_json"), events)
        _insert(AuditLeaf, ("seq", "event_id", "leaf_hash", "table_row"), leaves)
        note = Checkpoint(frontier.size, frontier.root).signed(signing_key())
        AuditCheckpoint.objects.create(
            size=frontier.size, root=frontier.root, frontier=frontier.packed(), note=note
        )


def _insert(model: Any, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    table, names = model._meta.db_table, ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        places = ", ".join(["%s"] * len(columns))
        plain = [tuple(_sqlite(name, cell) for name, cell in zip(columns, row, strict=True)) for row in rows]
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", plain)


def _sqlite(name: str, cell: Any) -> Any:
    if name in ("id", "event_id", "patient_id"):
        return cell.replace("-", "")
    if name == "recorded_at":
        return cell.replace("T", " ").rstrip("Z")
    return cell
