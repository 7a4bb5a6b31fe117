"""The Postman collection (format 2.1): each request with its own assertions, ids and tokens chained."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from dermatech.contract.document import Operation, closed, operations
from dermatech.contract.scenario import FOLDERS, Folder, Step

_FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_NAMES = uuid.UUID("5d1ed0c4-7f4b-5b0a-9d6d-0c4e6a0f5a11")  # the same document gives the same ids
PHOTO = "skin.jpg"
_VARIABLES = {
    "host": "http://127.0.0.1:8000",
    "email": "ama@dermatech.example",
    "password": "",
    "auditor_email": "efua@dermatech.example",
    "auditor_password": "",
    **dict.fromkeys(
        ("access", "refresh", "me_etag", "session_id", "rules_etag", "medication_id", "bundle"), ""
    ),
    **dict.fromkeys(("consultation_id", "reference", "etag", "image_id", "analysis_id", "export_id"), ""),
}
_ABOUT = """Runs from top to bottom against a server with published knowledge: set `host` and the `password`
of `email`, those of an auditor, and choose a picture where a request names `skin.jpg`. Every request
states its status, checks the shape of its answer against the API's own schema, and keeps the ids and
tokens that later ones need."""

_EVERYWHERE = """
pm.test("bears a request id", () => pm.expect(pm.response.headers.get("X-Request-ID")).to.be.a("string"));
pm.test("a problem is told in the one shape of all problems", () => {
    if (pm.response.code < 400) return;
    pm.expect(pm.response.headers.get("Content-Type")).to.match(/^application\\/problem\\+json/);
    const problem = pm.response.json();
    pm.expect(problem).to.include.keys("type", "title", "status", "detail", "code", "request_id");
    pm.expect(problem.status).to.equal(pm.response.code);
    pm.expect(problem.request_id).to.equal(pm.response.headers.get("X-Request-ID"));
});
""".strip()
_SHAPE = (
    'pm.test("has the shape that the document states", () => '
    'pm.response.to.have.jsonSchema(schema, {unknownFormats: "ignore"}));'
)
_AT = 'const at = (value, path) => path.split(".").reduce((held, key) => held[key], value);'


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """The collection made of `document`. Raises KeyError when the scenario and the document disagree."""
    known = {operation.id: operation for operation in operations(document)}
    missing = set(known) - {step.operation for folder in FOLDERS for step in folder.steps}
    if missing:
        raise KeyError(f"no request for {', '.join(sorted(missing))}")
    info = document["info"]
    return {
        "info": {
            "_postman_id": str(uuid.uuid5(_NAMES, info["title"])),
            "name": f"{info['title']} {info['version']}",
            "description": _ABOUT,
            "schema": _FORMAT,
        },
        "auth": _bearer("{{access}}"),
        "event": [_event(_EVERYWHERE)],
        "variable": [{"key": name, "value": value} for name, value in _VARIABLES.items()],
        "item": [_folder(folder, known, document) for folder in FOLDERS],
    }


def _folder(folder: Folder, known: Mapping[str, Operation], document: Mapping[str, Any]) -> dict[str, Any]:
    steps = [_item(step, known[step.operation], document, folder) for step in folder.steps]
    return {"name": folder.title, "item": steps}


def _item(step: Step, operation: Operation, document: Mapping[str, Any], folder: Folder) -> dict[str, Any]:
    if str(step.status) not in operation.body["responses"] and step.status not in (401, 404, 412, 304):
        raise KeyError(f"{operation.id} does not declare {step.status}")
    return {
        "id": str(uuid.uuid5(_NAMES, f"{folder.title}/{step.title}")),
        "name": step.title,
        "event": [_event(_script(step, operation, document))],
        "request": {
            "method": operation.method,
            "description": operation.description or operation.summary,
            "header": [{"key": key, "value": value} for key, value in step.headers.items()],
            "url": _url(step, operation),
            **({} if step.signed_in else {"auth": {"type": "noauth"}}),
            **_body(step, operation),
        },
    }


def _url(step: Step, operation: Operation) -> dict[str, Any]:
    path = operation.path
    for name, value in step.path.items():
        path = path.replace(f"{{{name}}}", value)
    query = [{"key": key, "value": value} for key, value in step.query.items()]
    asked = "?" + "&".join(f"{key}={value}" for key, value in step.query.items()) if query else ""
    return {
        "raw": f"{{{{host}}}}{path}{asked}",
        "host": ["{{host}}"],
        "path": path.strip("/").split("/"),
        **({"query": query} if query else {}),
    }


def _body(step: Step, operation: Operation) -> dict[str, Any]:
    if not step.example:
        return {}
    content_type, value = operation.request_example(step.example)
    if step.photo:
        return {
            "body": {"mode": "formdata", "formdata": [{"key": "image", "type": "file", "src": PHOTO}]},
        }
    if content_type != "application/json":
        raise KeyError(f"{operation.id}: {step.example!r} is {content_type}")
    text = json.dumps({**value, **step.change}, indent=2, ensure_ascii=False)
    return {"body": {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}}


def _script(step: Step, operation: Operation, document: Mapping[str, Any]) -> str:
    lines = [f'pm.test("answers {step.status}", () => pm.response.to.have.status({step.status}));']
    answer = operation.response_schema(step.status)
    if answer is not None:
        schema = json.dumps(closed(answer[1], document), ensure_ascii=False, sort_keys=True)
        lines += [
            f"const schema = {schema};",
            _SHAPE,
        ]
    if step.expect or any(not where.startswith("header:") for where in step.keep.values()):
        lines += [_AT, "const answer = pm.response.json();"]
    for where, value in step.expect.items():
        wanted = f"pm.variables.replaceIn({json.dumps(value)})" if "{{" in str(value) else json.dumps(value)
        lines.append(
            f"pm.test({json.dumps(f'{where} is right')}, () => "
            f"pm.expect(at(answer, {json.dumps(where)})).to.equal({wanted}));"
        )
    for name, where in step.keep.items():
        header = where.removeprefix("header:")
        value = f"pm.response.headers.get({json.dumps(header)})"
        if header == where:
            value = f"at(answer, {json.dumps(where)})"
        lines.append(f"pm.collectionVariables.set({json.dumps(name)}, {value});")
    return "\n".join(lines)


def _event(script: str) -> dict[str, Any]:
    return {"listen": "test", "script": {"type": "text/javascript", "exec": script.splitlines()}}


def _bearer(token: str) -> dict[str, Any]:
    return {"type": "bearer", "bearer": [{"key": "token", "value": token, "type": "string"}]}
