"""Who may release knowledge, and what is recorded of it: the one workflow of every kind of release."""

from accounts.releases.review import Review
from accounts.releases.workflow import MAX_FAULTS, Preview, Workflow, activate_due, workflow_of

__all__ = ["MAX_FAULTS", "Preview", "Review", "Workflow", "activate_due", "workflow_of"]
