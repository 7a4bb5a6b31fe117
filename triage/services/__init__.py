"""What can be done with the knowledge: load, edit, check, release."""

from triage.services.editing import delete_item, save_item
from triage.services.releases import (
    approve_release,
    build_snapshot,
    check_working_rows,
    comment,
    diff_with_working_rows,
    explain_downgrades,
    preview,
    propose_release,
    publish_release,
    reject_release,
    replay_again,
    review_working_rows,
    roll_back,
)
from triage.services.starter import load_starter_knowledge

__all__ = [
    "approve_release",
    "build_snapshot",
    "check_working_rows",
    "comment",
    "delete_item",
    "diff_with_working_rows",
    "explain_downgrades",
    "load_starter_knowledge",
    "preview",
    "propose_release",
    "publish_release",
    "reject_release",
    "replay_again",
    "review_working_rows",
    "roll_back",
    "save_item",
]
