"""What can be done with the knowledge: load, edit, check, release."""

from triage.services.editing import delete_item, save_item
from triage.services.releases import (
    approve_release,
    build_snapshot,
    check_working_rows,
    propose_release,
    publish_release,
    roll_back,
)
from triage.services.starter import load_starter_knowledge

__all__ = [
    "approve_release",
    "build_snapshot",
    "check_working_rows",
    "delete_item",
    "load_starter_knowledge",
    "propose_release",
    "publish_release",
    "roll_back",
    "save_item",
]
