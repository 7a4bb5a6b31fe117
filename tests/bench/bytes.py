"""What a consultation costs on the air, counted on the wire of a real server: requests, and bytes of each
answer (gzip, with headers, without TLS)."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dermatech.run import walk
from tests.bench import Figure
from tests.campaigns._pictures import full, prescaled
from tests.campaigns._slow_link import Link, Reply
from tests.services.stack import Stack

_MOST_UPLOAD = 350_000
_MOST_REQUESTS = 2
# What an app sends beside what the API asks for.
_PHONE = {"Accept-Encoding": "gzip", "User-Agent": "DermaTech/1.0 (Android 11; SM-A037F)"}
_MULTIPART = "multipart/form-data; boundary=photo"
_JSON = {"Content-Type": "application/json"}


def measure() -> Iterator[Figure]:
    """Figures of one consultation, then the bytes of each answer."""
    os.environ.pop("REDIS_URL", None)
    with tempfile.TemporaryDirectory(prefix="dt-by-") as folder:
        stack = Stack(Path(folder), database="sqlite")
        try:
            stack.start()
            yield from _figures(stack)
        finally:
            stack.stop()


def _figures(stack: Stack) -> Iterator[Figure]:
    client = stack.client()
    walk.sign_in(client, stack.accounts()["ama"])
    for name, seed, noise in (("a phone's photo", 1, 0.0), ("a very noisy one", 2, 14.0)):
        link = Link(stack.place.port, token=client.token)
        photo = prescaled(seed, noise=noise)
        opened, analysis, requests = _consultation(link, photo)
        judged = analysis["image_quality"] or {}
        yield Figure(f"12 megapixels, {name}, scaled down by the app", len(photo) / 1000, "kB")
        yield Figure(
            f"  sent up for the consultation, {name}", link.sent / 1000, "kB", bound=_MOST_UPLOAD / 1000
        )
        yield Figure("  requests", requests, "", bound=_MOST_REQUESTS)
        yield Figure(
            "  the photo is usable (1) or not (0)",
            float(judged.get("usable", False)),
            "",
            bound=1,
            better="higher",
        )
    yield Figure("the same photo at its full size", _size(full(1)) / 1000, "kB")
    link = Link(stack.place.port, token=client.token)
    for name, answer in _answers(link, opened, analysis, stack):
        yield Figure(f"{name} ({answer.status})", answer.received, "bytes")


def _consultation(link: Link, photo: bytes) -> tuple[dict[str, Any], dict[str, Any], int]:
    """One request with everything, one that waits for the answer."""
    case = json.dumps({**walk.CASE, "client_reference": f"phone-{len(photo)}"}).encode()
    part = b"--photo\r\nContent-Disposition: form-data; name="
    body = part + b'"data"\r\n\r\n' + case + b"\r\n"
    body += (
        part + b'"image"; filename="1.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + photo + b"\r\n--photo--\r\n"
    )
    key = {"Idempotency-Key": "01990d2e-7c4b-7a63-9a51-5b0f3c7e9d10"[:28] + str(len(photo)).zfill(8)}
    opened = _ask(link, "POST", "/consultations", {**key, "Content-Type": _MULTIPART}, body)
    assert opened.status == 201, opened.body
    requests, status = 1, "queued"
    while status in ("queued", "running"):
        waited = _ask(link, "GET", f"/analysis/{opened.json()['analysis']['id']}", {"Prefer": "wait=25"})
        requests, status = requests + 1, waited.json()["status"]
    return opened.json(), waited.json(), requests


def _answers(
    link: Link, opened: dict[str, Any], analysis: dict[str, Any], stack: Stack
) -> Iterator[tuple[str, Reply]]:
    """Every answer that an app reads, once."""
    case = f"/consultations/{opened['id']}"
    account = stack.accounts()["ama"]
    sign_in = json.dumps({"email": account.email, "password": account.password}).encode()
    yield "POST /auth/login", _ask(link, "POST", "/auth/login", _JSON, sign_in)
    yield "GET /auth/me", _ask(link, "GET", "/auth/me")
    data = json.dumps({**walk.CASE, "client_reference": "again"}).encode()
    yield "POST /consultations, no photo", _ask(link, "POST", "/consultations", _JSON, data)
    yield "GET /analysis/ID", _ask(link, "GET", f"/analysis/{analysis['id']}")
    detail = _ask(link, "GET", case)
    yield "GET /consultations/ID", detail
    yield "  the same, not changed", _ask(link, "GET", case, {"If-None-Match": detail.headers["etag"]})
    decided = json.dumps({"working_diagnosis": walk.DIAGNOSIS, "facts": walk.ANSWERS}).encode()
    yield "PATCH /consultations/ID", _ask(link, "PATCH", case, _JSON, decided)
    chosen = {"decision": {"action": "supply", "medications": ["clotrimazole-1-cream"]}}
    _ask(link, "PATCH", case, _JSON, json.dumps(chosen).encode())
    yield "GET /consultations/ID/leaflet", _ask(link, "GET", f"{case}/leaflet")
    yield "GET /consultations, 20 of them", _ask(link, "GET", "/consultations")
    image = f"{case}/images/{opened['images'][0]['id']}"
    yield "GET .../images/ID", _ask(link, "GET", image)
    yield "GET .../images/ID?size=thumbnail", _ask(link, "GET", f"{image}?size=thumbnail")
    facts = json.dumps({"facts": {"fever": True}}).encode()
    yield "POST /triage/assess", _ask(link, "POST", "/triage/assess", _JSON, facts)
    for path in (
        "/triage/guidelines", "/triage/conditions", "/triage/findings", "/medications",
        "/medications/clotrimazole-1-cream", "/medications/search?q=clotrimasole", "/sync/phrases",
    ):  # fmt: skip
        yield f"GET {path}", _ask(link, "GET", path)
    bundle = _ask(link, "GET", "/sync/bundle")
    yield "GET /sync/bundle", bundle
    yield (
        "  the same, not changed",
        _ask(link, "GET", "/sync/bundle", {"If-None-Match": bundle.headers["etag"]}),
    )
    yield "a refusal", _ask(link, "GET", "/consultations?colour=red")


def _ask(
    link: Link, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> Reply:
    answer = link.ask(method, path, {**_PHONE, **(headers or {})}, body)
    assert answer is not None
    return answer


def _size(picture: Any) -> int:
    import io

    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return len(buffer.getvalue())
