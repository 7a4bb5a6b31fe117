"""What an operator reads: one line a request, its id, and nothing of a patient."""

import json
import logging
from typing import Any

import pytest
from django.test import Client

from dermatech.core.logs import formatter
from tests.consultations.cases import CONSULTATIONS, ringworm

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """The log as production writes it, parsed."""
    caplog.set_level(logging.INFO)
    write = formatter("json").format

    def read() -> list[dict[str, Any]]:
        return [json.loads(write(record)) for record in caplog.records]

    return read


def test_an_answered_request_is_one_line_with_its_id(lines: Any, client: Client) -> None:
    answer = client.get("/api/v1/medications")
    requests = [line for line in lines() if "request" in line]
    assert [(r["event"], r["code"], r["request"]) for r in requests] == [
        ("request_finished", 401, "GET /api/v1/medications")
    ]
    assert requests[0]["request_id"] == answer["X-Request-ID"]


def test_a_healthy_health_check_is_not_worth_a_line(lines: Any, client: Client) -> None:
    client.get("/api/v1/health/live")
    assert [line for line in lines() if "request" in line] == []


def test_what_was_searched_for_is_not_logged(lines: Any, client: Client) -> None:
    client.get("/admin/accounts/user/?q=Kwame+Mensah")
    assert [line["request"] for line in lines() if "request" in line] == ["GET /admin/accounts/user/"]


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_path_with_a_line_break_stays_one_line(style: str) -> None:
    record = logging.LogRecord("x", logging.WARNING, "f", 1, "Forbidden: %s", ("/a\nERROR forged",), None)
    assert len(formatter(style).format(record).splitlines()) == 1


@pytest.mark.usefixtures("starter_knowledge")
def test_nothing_of_the_patient_or_the_password_is_logged(
    lines: Any, as_user: Any, ama: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = as_user(ama)
    case = ringworm(notes="Lives behind the blue kiosk")
    case["patient"]["initials"] = "QZX"
    assert client.post(CONSULTATIONS, case, format="json").status_code == 201
    assert client.post(CONSULTATIONS, {**case, "presentation": "QZX"}, format="json").status_code == 400
    told = json.dumps(lines()) + caplog.text
    for secret in ("QZX", "blue kiosk", "a-long-pass-phrase-1957", "penicillins", "Bearer", "eyJ"):
        assert secret not in told


def test_a_traceback_names_no_local_variable() -> None:
    try:
        initials = "QZX"
        raise ValueError(len(initials))
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", (), (type(error), error, None))
        record.exc_info = (type(error), error, error.__traceback__)
    for style in ("json", "console"):
        assert "QZX" not in formatter(style).format(record)
