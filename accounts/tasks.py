"""What a worker does for accounts beside its queue: letters, exports for auditors, long work
of the admin, clearing.

Letters are polled for, not queued through the broker: a request then does the same work whether or
not there is anybody to write to, and a dead broker delays no letter.
"""

from celery.signals import task_postrun

from accounts import background, mail, services
from accounts.audit import jobs, settle
from dermatech.core import chores, idempotency


def clear() -> None:
    """Delete rows of this app that have expired."""
    services.purge_expired()
    background.forget_old()
    idempotency.purge()


chores.repeat("letters", seconds=3, work=mail.deliver_due)
chores.repeat("audit-exports", seconds=3, work=jobs.make_due)
chores.repeat("background-jobs", seconds=2, work=background.run_due)
chores.repeat("old-audit-exports", seconds=600, work=jobs.expire_due)
chores.repeat("clearing", seconds=3600, work=clear)

# Denials that a task's rollback took away are written again when it ends.
task_postrun.connect(settle, dispatch_uid="accounts.audit.settle")
