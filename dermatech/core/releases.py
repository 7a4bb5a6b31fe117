"""Knowledge is released, never edited live: immutable, content-addressed snapshots.

States:  proposed --approve--> active --(another becomes active)--> archived --roll back--> active
         proposed --approve for a date--> scheduled --(due)--> active
         proposed or scheduled --reject--> rejected

Every transition is a conditional UPDATE, so that of two stale approvals one wins. Engines read the
active snapshot only, parsed once per process and kept by its hash. What was proposed never changes:
here in code (`Release.save`, `ReleaseQuerySet`) and in the database (`core.release_triggers`).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Final, NoReturn, TypeVar

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from dermatech.core.errors import Conflict, Forbidden, Unavailable, ValidationFailed
from dermatech.core.models import BaseModel
from dermatech.core.prepared import PreparedModel

T = TypeVar("T")
R = TypeVar("R", bound="Release")


class ReleaseState(models.TextChoices):
    PROPOSED = "proposed", "proposed"
    SCHEDULED = "scheduled", "approved, waiting for its day"
    ACTIVE = "active", "active"
    ARCHIVED = "archived", "archived"
    REJECTED = "rejected", "rejected"


class ReviewState(models.TextChoices):
    """Whether people answer for the content; shown wherever the content is used."""

    STARTER = "starter_unreviewed", "starter content, not reviewed"
    REVIEWED = "reviewed", "approved by two supervisors"


class Severity(StrEnum):
    """Whether a finding of the checks stops a release."""

    BLOCKING = "blocking"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that the checks found: where (a dotted path into the snapshot, such as
    `guidelines.em-sepsis-skin.when.any[0]`), why, by which rule, and whether it stops a release."""

    place: str
    message: str
    rule: str = "check"
    severity: Severity = Severity.BLOCKING

    @property
    def blocks(self) -> bool:
        return self.severity is Severity.BLOCKING

    def as_dict(self) -> dict[str, str]:
        """As it is kept with a proposal."""
        return {**asdict(self), "severity": str(self.severity)}

    @classmethod
    def from_dict(cls, kept: Mapping[str, str]) -> "Fault":
        return cls(kept["place"], kept["message"], kept["rule"], Severity(kept["severity"]))


def canonical_json(value: Any) -> bytes:
    """The one spelling of `value`: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def content_hash(content: bytes) -> str:
    """SHA-256 of `content`, hex."""
    return hashlib.sha256(content).hexdigest()


# What a release says and who said it: written once, with the row.
FROZEN: Final = (
    "number", "title", "review_state", "content_hash", "snapshot", "checks", "proposed_by_id", "created_at",
)  # fmt: skip


class FrozenError(TypeError):
    """Code tried to change or delete what was released. A mistake in the program, never a user's."""

    def __init__(self) -> None:
        super().__init__("Releases are immutable: neither what they say nor the rows may go.")


class ReleaseQuerySet(models.QuerySet[Any]):
    """Rows that change their state alone."""

    def update(self, **values: Any) -> int:
        names = {self.model._meta.get_field(name).attname for name in values}
        if names & set(FROZEN):
            raise FrozenError
        return super().update(**values)

    def delete(self) -> NoReturn:
        raise FrozenError


class Release(BaseModel):
    """One snapshot. `snapshot` is canonical JSON text and never changes after the insert."""

    objects = ReleaseQuerySet.as_manager()

    number = models.PositiveIntegerField(unique=True, editable=False)
    title = models.CharField(max_length=200, help_text="As: Scabies: ivermectin from 15 kg.")
    state = models.CharField(
        max_length=10, choices=ReleaseState.choices, default=ReleaseState.PROPOSED, editable=False
    )
    review_state = models.CharField(max_length=20, choices=ReviewState.choices, editable=False)
    content_hash = models.CharField(max_length=64, editable=False)
    snapshot = models.TextField(editable=False)
    checks = models.JSONField(
        null=True, editable=False, help_text="What the checks found when it was proposed: a list of Fault."
    )
    replay = models.JSONField(
        null=True, editable=False, help_text="What it would have changed for recent cases: a ReplayReport."
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    scheduled_for = models.DateTimeField(null=True, editable=False)
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
            models.CheckConstraint(
                condition=~models.Q(state=ReleaseState.SCHEDULED) | models.Q(scheduled_for__isnull=False),
                name="%(class)s_scheduled_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.title}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A row that exists takes changes of its state alone. Raises FrozenError for any other."""
        if not self._state.adding:
            self._refuse_changes()
            changing = {f.attname for f in self._meta.concrete_fields if not f.primary_key} - set(FROZEN)
            kwargs.setdefault("update_fields", sorted(changing - self.get_deferred_fields()))
            if set(kwargs["update_fields"]) & set(FROZEN):
                raise FrozenError
        super().save(*args, **kwargs)

    def _refuse_changes(self) -> None:
        deferred = self.get_deferred_fields()
        light = [name for name in FROZEN if name != "snapshot" and name not in deferred]
        stored = type(self)._default_manager.filter(pk=self.pk).values("content_hash", *light).get()
        same = all(getattr(self, name) == stored[name] for name in light)
        if "snapshot" not in deferred:
            same = same and content_hash(self.snapshot.encode()) == stored["content_hash"]
        if not same:
            raise FrozenError

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise FrozenError

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


class RemarkKind(models.TextChoices):
    COMMENT = "comment", "comment"
    REASON = "reason", "reason for a milder outcome"
    APPROVAL = "approval", "approval"


class RemarkQuerySet(models.QuerySet[Any]):
    """What was said stays said."""

    def update(self, **values: Any) -> NoReturn:
        raise FrozenError

    def delete(self) -> NoReturn:
        raise FrozenError


class Remark(BaseModel):
    """What a person said about a release. Each kind of release has its own table with a `release`.

    `about` is a place in the snapshot (comment, may be empty) or the key of a replayed case (reason);
    the latest reason for a case counts. A person approves a release once.
    """

    objects = RemarkQuerySet.as_manager()

    kind = models.CharField(max_length=10, choices=RemarkKind.choices, editable=False)
    about = models.CharField(max_length=200, blank=True, editable=False)
    text = models.TextField(max_length=4000, blank=True, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        abstract = True
        ordering = ("created_at", "id")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=RemarkKind.values), name="%(class)s_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(kind=RemarkKind.APPROVAL) | ~models.Q(text=""),
                name="%(class)s_says_something",
            ),
            models.UniqueConstraint(
                fields=["release", "author"],
                condition=models.Q(kind="approval"),
                name="%(class)s_approved_once",
            ),
        ]

    def __str__(self) -> str:
        return self.text or str(RemarkKind(self.kind).label)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise FrozenError
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise FrozenError


def propose(
    model: type[R],
    *,
    snapshot: Mapping[str, Any],
    actor: Any,
    title: str,
    review_state: str = ReviewState.REVIEWED,
    checks: Sequence[Fault] | None = None,
    replay: Mapping[str, Any] | None = None,
) -> R:
    """A new release in state `proposed`. `actor` is a user, or None for the system."""
    content = canonical_json(snapshot)
    with transaction.atomic():
        latest = model._default_manager.select_for_update().order_by("-number").first()
        release: Any = model._default_manager.create(
            number=(latest.number if latest else 0) + 1,
            title=title,
            review_state=review_state,
            content_hash=content_hash(content),
            snapshot=content.decode(),
            checks=None if checks is None else [fault.as_dict() for fault in checks],
            replay=None if replay is None else dict(replay),
            proposed_by=actor,
        )
    made: R = release
    return made


def activate(release: R, *, actor: Any) -> R:
    """Make a proposed, scheduled or archived release the active one; the active one is archived.

    A reviewed release needs an actor who is not its author. Raises Forbidden, Conflict.
    """
    model = type(release)
    approving = release.state == ReleaseState.PROPOSED
    if approving and release.review_state == ReviewState.REVIEWED:
        require_other(release, actor=actor)
    if release.state not in (ReleaseState.PROPOSED, ReleaseState.SCHEDULED, ReleaseState.ARCHIVED):
        raise _decided()
    now = timezone.now()
    try:
        with transaction.atomic():
            model._default_manager.filter(state=ReleaseState.ACTIVE).exclude(pk=release.pk).update(
                state=ReleaseState.ARCHIVED, archived_at=now, updated_at=now
            )
            transition(
                release,
                to=ReleaseState.ACTIVE,
                approved_by=actor if approving else models.F("approved_by"),
                activated_at=now,
                archived_at=None,
            )
    except IntegrityError as clash:  # another release became active in between
        raise _decided() from clash
    return release


def require_other(release: Release, *, actor: Any) -> None:
    """Four eyes. Raises ValidationFailed for nobody, Forbidden for the author."""
    if actor is None:
        raise ValidationFailed("A reviewed release needs a person who approves it.", code="approver_required")
    if release.proposed_by == actor:
        raise Forbidden("Another supervisor must approve what you proposed.", code="four_eyes")


def transition(release: R, *, to: ReleaseState, **values: Any) -> R:
    """Change the state if it still is what `release` says: of two who saw the same, one wins. Raises
    Conflict."""
    changed = (
        type(release)
        ._default_manager.filter(pk=release.pk, state=release.state)
        .update(state=to, updated_at=timezone.now(), **values)
    )
    if not changed:
        raise _decided()
    release.refresh_from_db()
    return release


def _decided() -> Conflict:
    return Conflict("Somebody else decided on this release first.", code="release_decided")


def publish(model: type[R], *, snapshot: Mapping[str, Any], title: str) -> R:
    """Starter content, published by the system itself and marked as not reviewed."""
    with transaction.atomic():
        release = propose(model, snapshot=snapshot, actor=None, title=title, review_state=ReviewState.STARTER)
        return activate(release, actor=None)


def active(model: type[R]) -> R | None:
    """The active release without its snapshot (which `load` reads when it is not cached)."""
    return _prepared(model).first(Q(state=ReleaseState.ACTIVE.value))


@cache
def _prepared(model: type[R]) -> PreparedModel[R]:
    return PreparedModel(model, without=("snapshot",))


@lru_cache(maxsize=16)
def _parsed(parse: Callable[[Mapping[str, Any]], Any], digest: str, read: "_Reader") -> Any:
    return parse(json.loads(read.text()))


@dataclass(frozen=True)
class _Reader:
    """Reads a snapshot on a cache miss; equal to every other reader, so it is no part of the key."""

    release: Release = field(compare=False, hash=False)

    def text(self) -> str:
        text = self.release.snapshot
        if content_hash(text.encode()) != self.release.content_hash:
            raise Unavailable(
                f"Release {self.release.label} is not what was approved; bring another one back.",
                code="release_damaged",
            )
        return text


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
