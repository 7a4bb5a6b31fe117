"""What can be done with the formulary: load, check, release."""

from medications.services.releases import (
    approve_release,
    build_snapshot,
    check_working_rows,
    propose_release,
    publish_release,
    roll_back,
)
from medications.services.starter import load_starter_formulary

__all__ = [
    "approve_release",
    "build_snapshot",
    "check_working_rows",
    "load_starter_formulary",
    "propose_release",
    "publish_release",
    "roll_back",
]
