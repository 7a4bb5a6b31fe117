"""Long work outside the request: asked for in the admin, done by a worker, watched on a page of its own.

An app registers its kinds of work when it starts; the work itself is named by its path, so that neither web
process nor worker holds it before somebody asks. What it may, is asked again when it runs.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import BackgroundJob, User
from accounts.policy import Permission, require
from dermatech.core import context, leases
from dermatech.core.errors import Conflict, DomainError

logger = logging.getLogger(__name__)

State = BackgroundJob.State
KEPT: Final = timedelta(days=30)
# Of one transaction that writes everything, nobody outside sees how far it is.
WRITING: Final = timedelta(minutes=15)
_FAULT: Final = (
    "It stopped at a fault of the program. Nothing was written; the service's log says what it was."
)


@dataclass(frozen=True, slots=True)
class Done:
    """How a job ended well: a sentence, where to go on, and what the page there shows. `onward`: who watches
    is taken there at once."""

    said: str
    link: str
    data: Mapping[str, Any] = field(default_factory=dict)
    onward: bool = False


class Run:
    """A job as its work sees it."""

    def __init__(self, job: BackgroundJob, actor: User) -> None:
        self.job, self.actor = job, actor
        self.given: dict[str, Any] = job.given
        self._telling = leases.Telling(job)

    def tell(self, done: int, total: int, step: str = "") -> None:
        """How far it is; where nothing is written yet. Raises Lost when it was called off."""
        self._telling(done, at_once=bool(step), total=total, **({"step": step} if step else {}))

    def write_now(self, step: str = "Writing") -> None:
        """From here on it cannot be called off. To be called before the transaction. Raises Lost."""
        now = timezone.now()
        if not leases.held(self.job).update(step=step, final=True, lease_until=now + WRITING, updated_at=now):
            raise leases.Lost

    def settle(self, done: Done) -> None:
        """Succeed. In the transaction that writes: then both count, or neither. Raises Lost."""
        now = timezone.now()
        kept = leases.held(self.job).update(
            state=State.SUCCEEDED, said=done.said[:300], link=done.link[:300], lease_until=None, step="",
            result={**done.data, "onward": done.onward}, finished_at=now, updated_at=now,
        )  # fmt: skip
        if not kept:
            raise leases.Lost


class Work(Protocol):
    """Does the work of a job. May settle it itself; otherwise what it returns settles it."""

    def __call__(self, run: Run) -> Done | None: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work: who may have it done, and the path of its `Work`."""

    name: str
    permission: Permission
    work: str


_kinds: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    """Called when an app is ready."""
    _kinds.update({kind.name: kind for kind in kinds})


def ask(*, actor: User, kind: str, about: str, given: Mapping[str, Any], back: str) -> BackgroundJob:
    """Have it done. Raises Forbidden."""
    require(actor, _kinds[kind].permission)
    return BackgroundJob.objects.create(
        kind=kind, about=about[:200], asked_by=actor, given=dict(given), back=back[:300]
    )


def call_off(*, actor: User, job: BackgroundJob) -> None:
    """Stop it before anything is written. Raises Conflict (`job_too_late`)."""
    now = timezone.now()
    stopped = BackgroundJob.objects.filter(
        pk=job.pk, asked_by=actor, state__in=(State.QUEUED, State.RUNNING), final=False
    ).update(state=State.CANCELLED, lease_until=None, finished_at=now, updated_at=now)
    if not stopped:
        raise Conflict("It is too late to call this off.", code="job_too_late")


def address(job: BackgroundJob) -> str:
    """The page on which it is watched."""
    return reverse("admin:accounts_backgroundjob_change", args=[job.pk])


# --- The worker's part ----------------------------------------------------------------------------
def run_due() -> int:
    """Do what is waiting, one after the other; how many ended well."""
    ended_well = 0
    while (job := leases.claim(BackgroundJob)) is not None:
        ended_well += _run(job)
    return ended_well


def forget_old() -> int:
    """Delete what nobody looks at any more."""
    deleted, _ = BackgroundJob.objects.filter(finished_at__lt=timezone.now() - KEPT).delete()
    return deleted


def _run(job: BackgroundJob) -> bool:
    facts = context.RequestContext(request_id=str(job.pk), user_agent="background job")
    with context.bound(facts):
        try:
            _work(job)
        except leases.Lost:
            logger.info("background job %s was called off or taken up by another worker", job.pk)
        except DomainError as refused:
            leases.fail(job, refused.detail)
        except DatabaseError:  # away, or busy for too long
            logger.exception("background job %s was interrupted", job.pk)
            leases.try_again(job, _FAULT)
        except Exception:  # one bad job must not stop the others
            logger.exception("background job %s failed", job.pk)
            leases.fail(job, _FAULT)
        else:
            return True
    return False


def _work(job: BackgroundJob) -> None:
    kind, actor = _kinds[job.kind], User.objects.get(pk=job.asked_by_id)
    require(actor, kind.permission)
    reverse("admin:index")  # finds the pages the way a web process does, before the work brings some along
    leases.held(job).update(final=False)
    run = Run(job, actor)
    done = import_string(kind.work)(run)
    if done is not None:
        with transaction.atomic():
            run.settle(done)
