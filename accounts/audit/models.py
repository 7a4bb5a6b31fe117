"""The tables of the audit log.

Events, leaves and checkpoints are append-only: triggers refuse UPDATE, DELETE, TRUNCATE and REPLACE
(`accounts.audit.triggers`). People, patients and entities stand in an event as text, so that no
deletion elsewhere can rewrite or block it.
"""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.audit.vocabulary import Action, Outcome
from dermatech.core.fields import EncryptedTextField
from dermatech.core.ids import uuid7


class AuditEvent(models.Model):
    """One act. `canonical_json` is the truth; every other column is a copy of a part of it, to
    search by. Its number in the log is given by `AuditLeaf` when it is sealed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    recorded_at = models.DateTimeField(editable=False)
    action = models.CharField(max_length=40, choices=Action.choices, editable=False)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, editable=False)
    actor_id = models.CharField(max_length=36, blank=True, editable=False, help_text="Empty for the system.")
    actor_name = models.CharField(max_length=200, editable=False)
    entity_type = models.CharField(max_length=60, blank=True, editable=False)
    entity_id = models.CharField(max_length=100, blank=True, editable=False)
    patient_id = models.UUIDField(
        null=True, blank=True, editable=False, help_text="The consultation that the act concerns."
    )
    request_id = models.CharField(max_length=100, blank=True, editable=False)
    canonical_json = models.TextField(editable=False)

    class Meta:
        verbose_name = "audit event"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # The admin's filters and the exports by time.
            models.Index(fields=["recorded_at"], name="audit_event_time"),
            # The admin's filter by action and the sealer's look for its last heartbeat.
            models.Index(fields=["action", "-id"], name="audit_event_action"),
            # "What did this person do?"
            models.Index(fields=["actor_id", "-id"], name="audit_event_actor"),
            # "What happened to this thing?"
            models.Index(fields=["entity_type", "entity_id"], name="audit_event_entity"),
            # "Who looked at this patient?"
            models.Index(
                fields=["patient_id", "-id"],
                name="audit_event_patient",
                condition=models.Q(patient_id__isnull=False),
            ),
            # From a log line or a support call to its events.
            models.Index(
                fields=["request_id"], name="audit_event_request", condition=~models.Q(request_id="")
            ),
            # The admin's list of what was denied or failed.
            models.Index(
                fields=["-id"], name="audit_event_trouble", condition=~models.Q(outcome=Outcome.SUCCESS)
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(outcome__in=Outcome.values), name="audit_event_outcome_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(action="") & ~models.Q(canonical_json=""), name="audit_event_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action}"


class AuditPending(models.Model):
    """The mark of an event that is not sealed yet, written with it and taken away by the sealer."""

    event = models.OneToOneField(
        AuditEvent, primary_key=True, on_delete=models.PROTECT, related_name="pending"
    )

    class Meta:
        verbose_name = "unsealed mark"
        verbose_name_plural = "unsealed marks"

    def __str__(self) -> str:
        return str(self.pk)


class AuditLeaf(models.Model):
    """The place of an event in the Merkle tree: `seq` counts from 0 without a gap."""

    seq = models.PositiveBigIntegerField(primary_key=True, editable=False)
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="leaf", editable=False)
    # SHA-256 of 0x00 and the event's canonical JSON (RFC 6962, 2.1).
    leaf_hash = models.BinaryField(max_length=32, editable=False)

    class Meta:
        verbose_name = "sealed event"
        ordering: ClassVar = ["seq"]

    def __str__(self) -> str:
        return f"#{self.seq}"


class AuditCheckpoint(models.Model):
    """A signed statement that the log had `size` events under the Merkle root `root`."""

    size = models.PositiveBigIntegerField(primary_key=True, editable=False)
    root = models.BinaryField(max_length=32, editable=False)
    # Roots of the perfect subtrees of `size` leaves, largest first, 32 bytes each: what is needed
    # to go on, and `root` follows from it.
    frontier = models.BinaryField(editable=False)
    note = models.TextField(editable=False, help_text="The signed checkpoint, as a C2SP signed note.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "audit checkpoint"
        ordering: ClassVar = ["-size"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(size__gt=0), name="audit_checkpoint_not_empty")
        ]

    def __str__(self) -> str:
        return f"{self.size} events"


class AuditDisclosure(models.Model):
    """The values behind the commitments of one event, with their salts.

    Not part of the proof: the row may be deleted for a lawful erasure and the log still verifies.
    """

    event = models.OneToOneField(
        AuditEvent, primary_key=True, on_delete=models.PROTECT, related_name="disclosure"
    )
    # Reader: erasure of everything recorded about one patient.
    patient_id = models.UUIDField(null=True, blank=True, db_index=True, editable=False)
    # {"field": {"salt": hex, "value": any}}
    values = EncryptedTextField(editable=False)

    class Meta:
        verbose_name = "recorded values"
        verbose_name_plural = "recorded values"

    def __str__(self) -> str:
        return f"values of {self.pk}"
