"""What can be done with the formulary: load, check, release."""

from medications.services.editing import record_import, save_medicine, save_treatment
from medications.services.releases import (
    approve_release,
    build_snapshot,
    check_working_rows,
    comment,
    explain_downgrades,
    preview,
    propose_release,
    publish_release,
    reject_release,
    replay_again,
    review_of,
    roll_back,
)
from medications.services.starter import load_starter_formulary

__all__ = [
    "approve_release",
    "build_snapshot",
    "check_working_rows",
    "comment",
    "explain_downgrades",
    "load_starter_formulary",
    "preview",
    "propose_release",
    "publish_release",
    "record_import",
    "reject_release",
    "replay_again",
    "review_of",
    "roll_back",
    "save_medicine",
    "save_treatment",
]
