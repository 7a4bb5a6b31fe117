"""The starter formulary for campaigns and benchmarks, which no test runner has prepared Django for."""

import os
from typing import Any

import django
from django.apps import apps

from medications.engine import Formulary, parse_formulary


def prepare() -> None:
    """Load the apps; no database is touched."""
    if not apps.ready:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        django.setup()


def starter_snapshot() -> dict[str, Any]:
    """The snapshot that the starter files make."""
    prepare()
    from tests.medications.conftest import starter_snapshot as compose

    return compose()


def starter_formulary() -> Formulary:
    return parse_formulary(starter_snapshot())
