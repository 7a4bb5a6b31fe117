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
from dermatech.core.models import BaseModel


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
    # The event's line of `events.csv`, written by the sealer so that an export only has to copy it.
    # Null in what was sealed before this column was there.
    table_row = models.TextField(null=True, editable=False)  # noqa: DJ001  # never empty where it is

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


class AuditExport(BaseModel):
    """A bundle that somebody asked for. State: queued -> running -> ready -> expired, or failed.

    A worker claims it with a lease; a lease that ran out is taken up by the next one.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"

    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField("from", null=True, blank=True)
    until = models.DateTimeField("before", null=True, blank=True)
    person = models.CharField(max_length=200, blank=True, default="")
    patient = models.UUIDField(null=True, blank=True)
    action = models.CharField(max_length=40, blank=True, default="", choices=Action.choices)
    # Sizes of checkpoints that the auditor kept.
    against = models.JSONField(default=list, blank=True)

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    done = models.PositiveBigIntegerField(default=0, help_text="Events of the log gone through.")
    tree_size = models.PositiveBigIntegerField(default=0, help_text="Events in the log.")
    events = models.PositiveBigIntegerField(default=0, help_text="Events in the bundle.")
    faithful = models.BooleanField(null=True)
    file = models.CharField(max_length=200, blank=True, default="", help_text="Name in the storage.")
    size_bytes = models.PositiveBigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        verbose_name = "audit export"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # The worker's look for what is to be made.
            models.Index(
                fields=["created_at"],
                name="audit_export_waiting",
                condition=models.Q(state__in=["queued", "running"]),
            ),
            # The worker's look for files to delete.
            models.Index(
                fields=["expires_at"], name="audit_export_expiry", condition=models.Q(state="ready")
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(state="ready")
                | (~models.Q(file="") & models.Q(expires_at__isnull=False)),
                name="audit_export_ready_has_a_file",
            ),
            models.CheckConstraint(
                condition=models.Q(since__isnull=True)
                | models.Q(until__isnull=True)
                | models.Q(since__lt=models.F("until")),
                name="audit_export_span_forward",
            ),
        ]

    def __str__(self) -> str:
        return f"export of {self.created_at:%Y-%m-%d %H:%M}"


class AuditFinding(BaseModel):
    """Something an auditor wants explained. State: open -> answered -> closed. Whoever opened it
    does not answer it."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ANSWERED = "answered", "Answered"
        CLOSED = "closed", "Closed"

    event = models.ForeignKey(
        AuditEvent, on_delete=models.PROTECT, null=True, blank=True, related_name="findings"
    )
    title = models.CharField(max_length=150)
    question = models.TextField()
    answer = models.TextField(blank=True, default="")
    conclusion = models.TextField(blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    answered_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "audit finding"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # The auditor's list of what is not closed.
            models.Index(fields=["-id"], name="audit_finding_unsettled", condition=~models.Q(state="closed")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state="open")
                | (~models.Q(answer="") & models.Q(answered_by__isnull=False, answered_at__isnull=False)),
                name="audit_finding_answered_by_somebody",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="closed")
                | models.Q(closed_by__isnull=False, closed_at__isnull=False),
                name="audit_finding_closed_by_somebody",
            ),
            models.CheckConstraint(
                condition=models.Q(answered_by__isnull=True) | ~models.Q(answered_by=models.F("opened_by")),
                name="audit_finding_answered_by_another",
            ),
        ]

    def __str__(self) -> str:
        return self.title
