"""What every address has in common, and that the document names every operation of the contract."""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

OPERATIONS = {
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/logout",
    "POST /auth/password-reset",
    "POST /auth/password-reset/confirm",
    "GET /auth/me",
    "PATCH /auth/me",
    "GET /auth/sessions",
    "DELETE /auth/sessions/{}",
    "POST /consultations",
    "GET /consultations",
    "GET /consultations/{}",
    "PUT /consultations/{}",
    "PATCH /consultations/{}",
    "POST /consultations/{}/images",
    "GET /consultations/{}/images/{}",
    "GET /consultations/{}/leaflet",
    "GET /consultations/{}/referral-letter",
    "POST /analysis/skin",
    "GET /analysis/{}",
    "GET /analysis/{}/heatmap",
    "GET /medications",
    "GET /medications/{}",
    "GET /medications/search",
    "GET /triage/guidelines",
    "GET /triage/conditions",
    "GET /triage/findings",
    "POST /triage/assess",
    "GET /sync/bundle",
    "GET /sync/phrases",
    "POST /uploads",
    "GET /uploads/{}",
    "PATCH /uploads/{}",
    "DELETE /uploads/{}",
    "GET /health/live",
    "GET /health/ready",
}

METHODS = {"get", "post", "put", "patch", "delete"}


@lru_cache
def _document(path: str) -> dict[str, Any]:
    call_command("spectacular", "--file", path, "--validate", "--fail-on-warn", "--format", "openapi-json")
    with open(path) as file:
        return dict(json.load(file))


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _document(str(tmp_path_factory.mktemp("openapi") / "openapi.json"))


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield method.upper(), path, operation


def test_the_document_is_openapi_3_1_and_names_every_operation(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    shown = {
        f"{method} {re.sub(r'{[^}]*}', '{}', path.removeprefix('/api/v1'))}"
        for method, path, _ in _operations(document)
    }
    assert OPERATIONS - shown == set()


def test_every_operation_has_an_id_a_summary_and_an_example_of_each_json_body(
    document: dict[str, Any],
) -> None:
    ids = []
    lacking = []
    for method, path, operation in _operations(document):
        ids.append(operation["operationId"])
        if not operation.get("summary"):
            lacking.append(f"{method} {path}: summary")
        bodies = [("request", operation.get("requestBody", {})), *operation["responses"].items()]
        for name, body in bodies:
            for media, content in body.get("content", {}).items():
                if "json" in media and not (content.get("examples") or content.get("example")):
                    lacking.append(f"{method} {path}: example of {name} {media}")
    assert len(ids) == len(set(ids))
    assert lacking == []


def test_every_error_answer_is_a_problem(document: dict[str, Any]) -> None:
    wrong = [
        f"{method} {path} {status}"
        for method, path, operation in _operations(document)
        for status, answer in operation["responses"].items()
        if status[0] in "45" and "application/problem+json" not in answer.get("content", {})
        if not path.startswith("/api/v1/health")
    ]
    assert wrong == []


def _is_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    body = json.loads(answer.content)
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(body)
    assert body["request_id"] == answer["X-Request-ID"]
    return dict(body)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v1/consultations/", "/api/v2/health/live", "/api/v1/consultations/42"]
)
def test_an_unknown_address_is_a_problem_not_a_page(path: str, client: Client) -> None:
    _is_problem(client.get(path), 404)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/consultations", "/api/v1/medications", "/api/v1/triage/findings"])
def test_whoever_is_not_signed_in_is_told_so(path: str, client: Client) -> None:
    answer = client.get(path)
    assert _is_problem(answer, 401)["code"] == "not_authenticated"
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.django_db
def test_a_method_that_nobody_declared_is_405(as_user: Callable[[Any], Any], ama: Any) -> None:
    answer = as_user(ama).delete("/api/v1/consultations")
    _is_problem(answer, 405)
    assert "GET" in answer["Allow"]


@pytest.mark.django_db
@pytest.mark.usefixtures("starter_knowledge")
def test_a_body_that_is_not_json_is_a_clean_400(as_user: Callable[[Any], Any], ama: Any) -> None:
    client = as_user(ama)
    for raw in ("{", '{"a": NaN}', "\x00", '{"a":1,"a":2}'):
        answer = client.generic("POST", "/api/v1/triage/assess", raw, content_type="application/json")
        assert _is_problem(answer, 400)["code"] == "malformed_request"


@pytest.mark.django_db
@pytest.mark.usefixtures("starter_knowledge")
def test_another_content_type_is_415(as_user: Callable[[Any], Any], ama: Any) -> None:
    answer = as_user(ama).generic("POST", "/api/v1/triage/assess", "a,b", content_type="text/csv")
    _is_problem(answer, 415)


@pytest.mark.django_db
def test_asking_for_xml_is_406(as_user: Callable[[Any], Any], ama: Any) -> None:
    _is_problem(as_user(ama).get("/api/v1/medications", HTTP_ACCEPT="application/xml"), 406)


@pytest.mark.django_db
def test_an_unknown_query_parameter_is_named(as_user: Callable[[Any], Any], ama: Any) -> None:
    body = _is_problem(as_user(ama).get("/api/v1/consultations?pagesize=5"), 400)
    assert body["errors"][0]["field"] == "pagesize"


def test_a_sane_request_id_is_kept_and_another_replaced(client: Client) -> None:
    kept = client.get("/api/v1/health/live", headers={"X-Request-ID": "phone-42.a_B"})
    assert kept["X-Request-ID"] == "phone-42.a_B"
    for strange in ("short", "x" * 65, "a b c d e f", "id\u00e9-id\u00e9-id", "<script>alert</script>"):
        replaced = client.get("/api/v1/health/live", headers={"X-Request-ID": strange})
        assert re.fullmatch(r"[0-9a-f-]{36}", replaced["X-Request-ID"])


@pytest.mark.django_db
@pytest.mark.usefixtures("starter_knowledge")
def test_answers_are_compressed_when_asked_for(as_user: Callable[[Any], Any], ama: Any) -> None:
    client = as_user(ama)
    plain = client.get("/api/v1/triage/findings")
    packed = client.get("/api/v1/triage/findings", HTTP_ACCEPT_ENCODING="gzip")
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 3


@pytest.mark.django_db
def test_a_defect_answers_500_as_a_problem_without_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    from dermatech.health import views

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr(views.LiveView, "get", broken)
    answer = Client(raise_request_exception=False).get("/api/v1/health/live")
    body = _is_problem(answer, 500)
    assert "secret" not in answer.content.decode()
    assert body["code"] == "internal_error"


@pytest.mark.django_db
def test_the_documentation_pages_load_nothing_from_elsewhere(client: Client) -> None:
    for path in ("/api/v1/docs", "/api/v1/redoc"):
        page = client.get(path)
        assert page.status_code == 200
        sources = re.findall(r"""(?:src|href)=["']([^"']+)""", page.content.decode())
        assert sources
        assert [s for s in sources if s.startswith(("http", "//"))] == []
        assert "script-src 'self';" in page["Content-Security-Policy"] + ";"
        assert not re.search(r"<script>|<script [^>]*(?<!src)>\s*\w", page.content.decode())


@pytest.mark.django_db
def test_json_answers_allow_no_script_at_all_and_cannot_be_framed(client: Client) -> None:
    answer = client.get("/api/v1/health/live")
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy.split("script-src")[1].split(";")[0]
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
