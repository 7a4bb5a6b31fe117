"""The starter formulary without a database, and a short way to ask it."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pytest

from medications.engine import Formulary, Patient, Recommendations, parse_formulary, recommend
from medications.models import Interaction, Medication, Regimen
from medications.services.starter import unsaved_medications, unsaved_treatments, vocabulary_rows
from medications.snapshot import WorkingRows, compose
from triage import starter as triage_starter
from triage.models import Condition

Ask = Callable[..., Recommendations]


def _by_code(rows: list[Any], parent: str) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(getattr(row, parent).code, []).append(row)
    return found


@lru_cache
def starter_snapshot() -> dict[str, Any]:
    """The snapshot that the starter files make, composed as the release does."""
    medications, interactions, _ = unsaved_medications(frozenset())
    by_code: dict[str, Medication] = {row.code: row for row in medications}
    treatments, regimens, _ = unsaved_treatments(frozenset(), by_code)
    words = {model: [model(**row) for row in rows] for model, rows in vocabulary_rows()}
    interaction_classes, allergy_classes, names, concepts, limits = words.values()
    conditions = [
        Condition(**{name: row[name] for name in ("code", "name", "synonyms", "self_care", "red_flags")})
        for row in triage_starter.conditions()
    ]
    entries: list[Interaction] = interactions
    given: list[Regimen] = regimens
    return compose(
        WorkingRows(
            medications=medications,
            interactions=_by_code(entries, "medication"),
            treatments=treatments,
            regimens=_by_code(given, "treatment"),
            interaction_classes=interaction_classes,
            allergy_classes=allergy_classes,
            medicine_names=names,
            health_concepts=concepts,
            use_limits=limits,
            conditions=conditions,
        )
    )


@lru_cache
def starter_formulary() -> Formulary:
    return parse_formulary(starter_snapshot())


@pytest.fixture
def snapshot() -> dict[str, Any]:
    return starter_snapshot()


@pytest.fixture
def formulary() -> Formulary:
    return starter_formulary()


PERSON_FIELDS = frozenset(Patient.__dataclass_fields__)


def ask_starter(condition: str, **said: Any) -> Recommendations:
    """Recommend from the starter formulary. Words of a patient go to the patient, `cadre`, `level`,
    `prescription` and `unconfirmed` to the question, everything else to the facts. The patient is a
    grown man who takes nothing and has no allergy, unless it is said."""
    person: dict[str, Any] = {"age_months": 360, "sex": "male"}
    person |= {name: said.pop(name) for name in list(said) if name in PERSON_FIELDS}
    if "weight_kg" in person and person["weight_kg"] is not None:
        person["weight_kg"] = Decimal(str(person["weight_kg"]))
    return recommend(
        condition=condition,
        patient=Patient(**person),
        formulary=starter_formulary(),
        cadre=said.pop("cadre", "pharmacist"),
        level=said.pop("level", "pharmacy_treatment"),
        prescription=said.pop("prescription", False),
        unconfirmed=said.pop("unconfirmed", None),
        facts=said,
    )


@pytest.fixture
def ask() -> Ask:
    return ask_starter


@pytest.fixture
def own_store(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path), "base_url": None},
        },
    }
