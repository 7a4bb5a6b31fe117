"""Fixtures of the FHIR tests."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.consultations.cases import CONSULTATIONS
from tests.consultations.fhir.reading import Parsed, parse


@pytest.fixture
def exported(as_ama: Any) -> Callable[[dict[str, Any]], Parsed]:
    """The bundle of a consultation, over the API."""

    def fetch(case: dict[str, Any]) -> Parsed:
        answer = as_ama.get(f"{CONSULTATIONS}/{case['id']}/fhir")
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"] == "application/fhir+json"
        return parse(answer.content)

    return fetch
