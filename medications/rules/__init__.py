"""What makes a medicine or a regimen wrong, as plain functions: the admin's forms, imports and the checks
before a release ask the same ones. Each fault names its field."""

from typing import NamedTuple


class Wrong(NamedTuple):
    """One fault: the field of the form that it stands beside, and the reason in words."""

    field: str
    message: str
