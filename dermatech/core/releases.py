"""Knowledge is released, never edited live: immutable, content-addressed snapshots.

States:  proposed --approve--> active --(another becomes active)--> archived --roll back--> active
         proposed --reject--> rejected

Every transition is a conditional UPDATE, so that of two stale approvals one wins. Engines read the
active snapshot only, parsed once per process and kept by its hash.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from dermatech.core.errors import Conflict, Forbidden, ValidationFailed
from dermatech.core.models import BaseModel

T = TypeVar("T")
R = TypeVar("R", bound="Release")


class ReleaseState(models.TextChoices):
    PROPOSED = "proposed", "proposed"
    ACTIVE = "active", "active"
    ARCHIVED = "archived", "archived"
    REJECTED = "rejected", "rejected"


class ReviewState(models.TextChoices):
    """Whether people answer for the content; shown wherever the content is used."""

    STARTER = "starter_unreviewed", "starter content, not reviewed"
    REVIEWED = "reviewed", "approved by two supervisors"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that stands against a release: where (a dotted path into the snapshot, such as
    `guidelines.em-sepsis-skin.when.any[0]`) and why."""

    place: str
    message: str


def canonical_json(value: Any) -> bytes:
    """The one spelling of `value`: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def content_hash(content: bytes) -> str:
    """SHA-256 of `content`, hex."""
    return hashlib.sha256(content).hexdigest()


class Release(BaseModel):
    """One snapshot. `snapshot` is canonical JSON text and never changes after the insert."""

    number = models.PositiveIntegerField(unique=True, editable=False)
    title = models.CharField(max_length=200, help_text="As: Scabies: ivermectin from 15 kg.")
    state = models.CharField(
        max_length=10, choices=ReleaseState.choices, default=ReleaseState.PROPOSED, editable=False
    )
    review_state = models.CharField(max_length=20, choices=ReviewState.choices, editable=False)
    content_hash = models.CharField(max_length=64, editable=False)
    snapshot = models.TextField(editable=False)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    activated_at = models.DateTimeField(null=True, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True
        ordering = ("-number",)
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="active"), name="%(class)s_one_active"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=ReleaseState.values), name="%(class)s_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.title}"

    @property
    def label(self) -> str:
        """Number and short hash, as `3-9f86d081`: the name of a release outside the database."""
        return f"{self.number}-{self.content_hash[:8]}"

    def as_dict(self) -> dict[str, Any]:
        """How an API answer names the release it used."""
        return {
            "id": self.label,
            "sha256": self.content_hash,
            "review_state": self.review_state,
            "activated_at": self.activated_at.isoformat().replace("+00:00", "Z")
            if self.activated_at
            else None,
        }


def propose(
    model: type[R],
    *,
    snapshot: Mapping[str, Any],
    actor: Any,
    title: str,
    review_state: str = ReviewState.REVIEWED,
) -> R:
    """A new release in state `proposed`. `actor` is a user, or None for the system."""
    content = canonical_json(snapshot)
    with transaction.atomic():
        latest = model._default_manager.select_for_update().order_by("-number").first()
        return model._default_manager.create(
            number=(latest.number if latest else 0) + 1,
            title=title,
            review_state=review_state,
            content_hash=content_hash(content),
            snapshot=content.decode(),
            proposed_by=actor,
        )


def activate(release: R, *, actor: Any) -> R:
    """Make a proposed or archived release the active one; the active one is archived.

    A reviewed release needs an actor who is not its author. Raises Forbidden, Conflict.
    """
    model = type(release)
    proposed = release.state == ReleaseState.PROPOSED
    if release.review_state == ReviewState.REVIEWED and proposed:
        if actor is None:
            raise ValidationFailed(
                "A reviewed release needs a person who approves it.", code="approver_required"
            )
        if release.proposed_by == actor:
            raise Forbidden("Another supervisor must approve what you proposed.", code="four_eyes")
    now = timezone.now()
    with transaction.atomic():
        model._default_manager.filter(state=ReleaseState.ACTIVE).exclude(pk=release.pk).update(
            state=ReleaseState.ARCHIVED, archived_at=now, updated_at=now
        )
        won = model._default_manager.filter(
            pk=release.pk, state__in=(ReleaseState.PROPOSED, ReleaseState.ARCHIVED)
        ).update(
            state=ReleaseState.ACTIVE,
            approved_by=actor if proposed else models.F("approved_by"),
            activated_at=now,
            archived_at=None,
            updated_at=now,
        )
        if not won:
            raise Conflict("Somebody else decided on this release first.", code="release_decided")
    release.refresh_from_db()
    return release


def publish(model: type[R], *, snapshot: Mapping[str, Any], title: str) -> R:
    """Starter content, published by the system itself and marked as not reviewed."""
    with transaction.atomic():
        release = propose(model, snapshot=snapshot, actor=None, title=title, review_state=ReviewState.STARTER)
        return activate(release, actor=None)


def active(model: type[R]) -> R | None:
    """The active release without its snapshot (which `load` reads when it is not cached)."""
    return model._default_manager.defer("snapshot").filter(state=ReleaseState.ACTIVE).first()


@lru_cache(maxsize=16)
def _parsed(parse: Callable[[Mapping[str, Any]], Any], digest: str, read: "_Reader") -> Any:
    return parse(json.loads(read.text()))


@dataclass(frozen=True)
class _Reader:
    """Reads a snapshot on a cache miss; equal to every other reader, so it is no part of the key."""

    release: Release = field(compare=False, hash=False)

    def text(self) -> str:
        return self.release.snapshot


def load(release: Release, parse: Callable[[Mapping[str, Any]], T]) -> T:
    """`parse` of the release's snapshot, once per process and content."""
    result: T = _parsed(parse, release.content_hash, _Reader(release))
    return result


# --- Starter content ----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a starter loader did: rows inserted and rows left alone, by kind."""

    name: str
    inserted: Mapping[str, int]
    kept: Mapping[str, int]
    release: str | None = None  # label of the release published, if one was


# Each app appends its own loader in AppConfig.ready, lower apps first:
# loader(publish=True or False) -> LoadReport.
starter_loaders: list[Callable[..., LoadReport]] = []
