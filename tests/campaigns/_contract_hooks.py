"""Signs schemathesis in, again before the ten minutes of an access token are over, and makes requests that
are meant to be right about things that exist: which findings are published no schema can say."""

import json
import os
from collections.abc import Callable
from typing import Any

import requests
import schemathesis

_DIAGNOSIS, _MEDICINE = "tinea-corporis", "clotrimazole-1-cream"
_PRESENT, _ABSENT = ("ring_shaped", "itchy"), ("numb_patch",)
_OF_THE_PATIENT = ("age_months", "sex", "pregnant", "breastfeeding")
_PASSWORD = "a-long-pass-phrase-1957"
_PHONE, _REGISTRATION = "+233241234567", "PS/12345"


@schemathesis.auth(refresh_interval=300)
class SignedIn:
    """Ama everywhere, and the auditor where pharmacists may do nothing."""

    def get(self, case: Any, context: Any) -> dict[str, str]:
        return {"": _access("CONTRACT"), "/api/v1/audit/": _access("CONTRACT_AUDITOR")}

    def set(self, case: Any, data: dict[str, str], context: Any) -> None:
        path = case.operation.path
        token = next(data[prefix] for prefix in sorted(data, reverse=True) if path.startswith(prefix))
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}


@schemathesis.serializer("application/offset+octet-stream")
def _bytes(context: Any, value: Any) -> bytes:
    """A part of an upload is sent as it is."""
    return value if isinstance(value, bytes) else str(value).encode()


def _access(who: str) -> str:
    answer = requests.post(
        os.environ["CONTRACT_URL"] + "/api/v1/auth/login",
        json={"email": os.environ[f"{who}_EMAIL"], "password": os.environ[f"{who}_PASSWORD"]},
        timeout=60,
    )
    answer.raise_for_status()
    return str(answer.json()["access"])


@schemathesis.hook
def before_call(context: Any, case: Any, **_: Any) -> None:
    """A request that is meant to be accepted names what is there. Others stay as they are."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.query:
        query = {name: _QUERY.get(name, value) for name, value in case.query.items() if name != "cursor"}
        if query != case.query:  # a cursor is one that the server made
            case.query = query
    if isinstance(case.body, dict):
        body = _repaired(case.body)
        form = (case.media_type or "").startswith("multipart/") and not case.operation.path.endswith(
            "/images"
        )
        if form and "consultation" in body:  # a new one or an old one
            body.pop("data", None)
        elif form:
            body.setdefault("data", "")
        if form:  # flat names beside them are those of a consultation
            body = {name: value for name, value in body.items() if name in ("data", "image", "consultation")}
        if case.method.upper() in ("PUT", "PATCH"):  # the phone's own id of a consultation stays
            body.pop("client_reference", None)
        if isinstance(body.get("data"), str):
            body["data"] = json.dumps({"patient": {"age_months": 84}})
        if body != case.body:
            case.body = body


def _repaired(body: dict[str, Any]) -> dict[str, Any]:
    if isinstance(body.get("facts"), dict) and "plausible" not in body:  # said once, of the patient
        facts = {name: value for name, value in body["facts"].items() if name not in _OF_THE_PATIENT}
        body = {**body, "facts": facts}
    if body.get("since") and body.get("until"):  # the one after the other
        body = {**body, "until": None}
    return {name: _REPAIRS[name](value) if name in _REPAIRS else value for name, value in body.items()}


def _first(words: tuple[str, ...]) -> Callable[[Any], Any]:
    def some(value: Any) -> Any:
        return list(words[: len(value)]) if isinstance(value, list) else value

    return some


def _findings(value: Any) -> Any:
    if isinstance(value, dict):
        named = {"present": _first(_PRESENT), "absent": _first(_ABSENT)}
        return {name: named[name](each) if name in named else each for name, each in value.items()}
    return _first(_PRESENT)(value)


def _instead(word: str) -> Callable[[Any], Any]:
    return lambda value: word if isinstance(value, str) and value else value


def _facts(value: Any) -> Any:
    return _repaired(value) if isinstance(value, dict) else value


def _decision(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {**value, "medications": [_MEDICINE] if value.get("action") == "supply" else []}


_QUERY = {"condition": _DIAGNOSIS, "atc": "D01", "q": "clotrimazole"}
_REPAIRS: dict[str, Callable[[Any], Any]] = {
    "findings": _findings,
    "plausible": _first((_DIAGNOSIS,)),
    "working_diagnosis": _instead(_DIAGNOSIS),
    "condition": _instead(_DIAGNOSIS),
    "facts": _facts,
    "data": _facts,
    "decision": _decision,
    "phone": _instead(_PHONE),
    "password": _instead(_PASSWORD),
    "new_password": _instead(_PASSWORD),
    "registration_number": _instead(_REGISTRATION),
}
