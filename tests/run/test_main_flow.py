"""The main job through real processes: sign in, send a photo, get an answer, prove the audit log."""

import json
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from dermatech.contract.__main__ import FOLDER, POSTMAN
from dermatech.contract.postman import PHOTO as POSTMAN_PHOTO
from dermatech.run import walk
from dermatech.run.client import Client, Part
from dermatech.run.photo import sample_photo
from tests.campaigns import idempotency, uploads
from tests.services import node
from tests.services.processes import eventually
from tests.services.stack import Stack

pytestmark = [pytest.mark.services, pytest.mark.slow]


@pytest.fixture(scope="module")
def photo() -> bytes:
    return sample_photo()


@pytest.fixture
def ama(stack: Stack) -> Client:
    """Ama, signed in."""
    client = stack.client()
    walk.sign_in(client, stack.accounts()["ama"])
    return client


def post_consultation(client: Client, photo: bytes, **headers: str) -> Any:
    parts = [
        Part("data", json.dumps(walk.CASE).encode(), "application/json"),
        Part("image", photo, "image/jpeg", "ring.jpg"),
    ]
    return client.post_form("/consultations", parts, headers=headers)


def finished(client: Client, analysis: str) -> dict[str, Any] | None:
    found: dict[str, Any] = client.get(f"/analysis/{analysis}", headers={"Prefer": "wait=5"}).json()
    return found if found["status"] in ("succeeded", "failed") else None


def test_a_photo_becomes_an_explained_answer(stack: Stack, ama: Client, photo: bytes) -> None:
    answer = post_consultation(ama, photo)
    assert answer.status == 201
    consultation = answer.json()
    assert answer.headers["location"].endswith(f"/api/v1/consultations/{consultation['id']}")

    analysis = walk.await_analysis(ama, consultation["analysis"]["id"])

    assert analysis["status"] == "succeeded", analysis["error"]
    assert analysis["conditions"][0]["condition"] == "tinea-corporis"
    assert analysis["conditions"][0]["evidence"]
    assert analysis["triage"]["level"] == "refer_routine", "nobody has named a condition yet"
    assert analysis["triage"]["provisional"]
    assert analysis["triage"]["rules"][0]["because"]
    assert analysis["recommendations"][0]["medication"] == "clotrimazole-1-cream"
    assert "age" in {row["code"] for row in analysis["excluded"]}
    assert analysis["model"] is None

    detail = ama.get(f"/consultations/{consultation['id']}").json()
    image = detail["images"][0]
    assert (image["width"], image["height"]) == (1200, 1600), "stored upright"
    assert image["bytes"] < 2_000_000
    assert image["ssim"] > 0.85

    answers = {"facts": walk.ANSWERS, "working_diagnosis": walk.DIAGNOSIS}
    changed = walk.change(ama, consultation["id"], answers)
    assert changed["triage"]["level"] == "pharmacy_treatment"
    assert not changed["triage"]["provisional"]
    assert [rule["id"] for rule in changed["triage"]["rules"]] == ["ph-superficial-fungal"]
    decided = walk.supply(ama, changed)
    assert decided is not None
    assert decided["decision"]["medications"] == ["clotrimazole-1-cream"]


def test_the_audit_log_of_it_verifies_and_a_changed_one_does_not(
    stack: Stack, ama: Client, photo: bytes, tmp_path: Path
) -> None:
    consultation = post_consultation(ama, photo).json()
    walk.await_analysis(ama, consultation["analysis"]["id"])
    key = stack.run("manage.py", "export_audit", "--public-key").stdout.strip()
    bundle = tmp_path / "bundle"
    stack.run("manage.py", "export_audit", "--out", str(bundle))
    verify = ("-I", "accounts/audit/verifier.py", str(bundle), "--key", key)
    assert stack.run(*verify, check=False).returncode == 0
    recorded = [
        event["action"]
        for event in map(json.loads, (bundle / "events.jsonl").read_text().splitlines())
        if event["patient"] == consultation["id"]
    ]
    for step in (
        "consultation.created",
        "photo.added",
        "analysis.queued",
        "analysis.started",
        "analysis.succeeded",
    ):
        assert step in recorded

    lines = (bundle / "events.jsonl").read_text()
    (bundle / "events.jsonl").write_text(lines.replace("analysis.succeeded", "analysis.failed", 1))
    assert stack.run(*verify, check=False).returncode == 1


def test_the_request_id_of_the_phone_reaches_the_worker(
    stack: Stack, ama: Client, photo: bytes, tmp_path: Path
) -> None:
    request_id = f"phone-{uuid.uuid4()}"
    consultation = post_consultation(ama, photo, **{"X-Request-ID": request_id}).json()
    walk.await_analysis(ama, consultation["analysis"]["id"])
    stack.run("manage.py", "export_audit", "--out", str(tmp_path / "bundle"))
    events = [json.loads(line) for line in (tmp_path / "bundle" / "events.jsonl").read_text().splitlines()]
    by_action = {event["action"]: event for event in events if event["patient"] == consultation["id"]}
    assert by_action["analysis.succeeded"]["request_id"] == request_id


def test_readiness_names_a_worker_that_is_gone_and_its_work_is_done_when_it_is_back(
    stack: Stack, ama: Client, photo: bytes
) -> None:
    stack.kill_worker()
    try:
        # A worker that is killed cannot say goodbye: its last sign of life runs out.
        eventually(
            lambda: stack.client().ask("GET", "/health/ready").status == 503, within=30, what="readiness 503"
        )
        checks = stack.client().ask("GET", "/health/ready").json()["checks"]
        assert checks["worker"]["state"] == "down"
        assert checks["database"]["state"] == checks["broker"]["state"] == "ok"
        consultation = post_consultation(ama, photo).json()
        waiting = ama.get(f"/analysis/{consultation['analysis']['id']}")
        assert waiting.json()["status"] == "queued"
        assert "retry-after" in waiting.headers
    finally:
        stack.start_worker()
    done = eventually(
        lambda: finished(ama, consultation["analysis"]["id"]),
        within=45,
        what="the analysis after the restart",
    )
    assert done["status"] == "succeeded"
    eventually(stack.ready, within=30, what="readiness")


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_without_redis_a_consultation_is_taken_quickly_and_analysed_later(
    stack: Stack, ama: Client, photo: bytes, fault: str
) -> None:
    if fault == "killed":
        stack.redis.kill()
    else:
        stack.redis.freeze()
    try:
        began = time.monotonic()
        answer = post_consultation(ama, photo)
        took = time.monotonic() - began
        ready = stack.client().ask("GET", "/health/ready")
    finally:
        if fault == "killed":
            stack.redis.start()
        else:
            stack.redis.thaw()
    assert answer.status == 201
    assert took < 1.5, f"the caller waited {took:.2f} s"
    assert ready.status == 503
    assert ready.json()["checks"]["broker"]["state"] == "down"
    done = eventually(
        lambda: finished(ama, answer.json()["analysis"]["id"]),
        within=60,
        what="the analysis after Redis's return",
    )
    assert done["status"] == "succeeded"
    eventually(stack.ready, within=30, what="readiness")


def test_a_photo_sent_in_parts_is_one_photo_wherever_it_is_cut(stack: Stack, photo: bytes) -> None:
    found = uploads.run(stack, [photo, photo], cuts=8, rate=0, ends=("closed", "reset"))
    assert found.faults == []
    assert found.cuts == 8


def test_the_same_request_many_times_at_once_is_carried_out_once(stack: Stack) -> None:
    found = idempotency.run(stack, keys=2, callers=8)
    assert found.faults == []
    assert (found.consultations, found.changed_refused) == (2, 2)
    assert found.cut == 4


def test_health_answers_while_a_proxy_is_set(stack: Stack) -> None:
    assert stack.environment["HTTP_PROXY"]
    assert stack.client().get("/health/live").json() == {"status": "ok"}


def test_metrics_are_there_for_this_machine_alone(stack: Stack) -> None:
    text = stack.client().get("/metrics").body.decode()
    assert "dermatech_django_http_requests_total_by_method_total" in text
    passed_on = stack.client().ask("GET", "/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert passed_on.status == 404
    assert passed_on.json()["code"] == "not_found"


def test_the_guided_consultation_is_told_to_its_end(stack: Stack) -> None:
    done = stack.run("-m", "dermatech.run.walk")
    for words in (
        "Ama Mensah",
        "SSIM",
        "metadata",
        "Tinea corporis",
        "TREAT IN THE PHARMACY",
        "Not for this patient, or not for her to supply",
        "No image model is installed",
        "consultation.created",
        "/api/v1/docs",
    ):
        assert words in done.stdout
    assert "\x1b[" not in done.stdout, "no colours in a pipe"
    assert max(map(len, done.stdout.splitlines())) <= 150


@pytest.mark.skipif(bool(node.missing()), reason=node.missing())
def test_every_request_of_the_postman_collection_holds(stack: Stack, photo: bytes, tmp_path: Path) -> None:
    (tmp_path / POSTMAN_PHOTO).write_bytes(photo)
    report = tmp_path / "report.json"
    variables = {
        "host": f"http://127.0.0.1:{stack.place.port}",
        "password": stack.accounts()["ama"].password,
        "auditor_password": stack.accounts()["efua"].password,
    }
    command = [str(node.tool("newman")), "run", str(FOLDER / POSTMAN), "--working-dir", str(tmp_path)]
    for name, value in variables.items():
        command += ["--env-var", f"{name}={value}"]
    command += ["-r", "json", "--reporter-json-export", str(report)]
    subprocess.run(command, capture_output=True, timeout=120, check=False)
    run = json.loads(report.read_text())["run"]
    assert [f"{each['source']['name']}: {each['error']['message']}" for each in run["failures"]] == []
    assert run["stats"]["requests"]["total"] > 40
    assert run["stats"]["assertions"]["total"] > 150
