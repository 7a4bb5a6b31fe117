"""/audit/exports/{id}/fhir: a finished export as FHIR, for log archives that read nothing else."""

import json
import uuid
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accounts.audit import jobs
from accounts.audit.api import AuditView, find_export, me
from accounts.audit.fhir import MEDIA_TYPE, audit_event
from dermatech.core.openapi import problem_responses
from dermatech.core.rendering import JSONRenderer

_LINES = "events.jsonl"
_SEPARATORS = (",", ":")
_EXAMPLE = {
    "resourceType": "AuditEvent",
    "id": "01990d2e-7c4b-7a63-9a51-5b0f3c7e9d21",
    "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110110",
             "display": "Patient Record"},
    "subtype": [{"system": "urn:dermatech:codesystem:audit-action", "code": "consultation.read"}],
    "action": "R",
    "recorded": "2026-01-31T09:12:44.100000Z",
    "outcome": "0",
    "agent": [{"name": "Ama Mensah", "requestor": True}],
    "source": {"observer": {"display": "DermaTech Ghana"}},
}  # fmt: skip


class NdjsonRenderer(JSONRenderer):
    """Lets `Accept: application/fhir+ndjson` through; what it renders itself are only errors."""

    media_type = MEDIA_TYPE
    format = "ndjson"


_RENDERERS: tuple[type[BaseRenderer], ...] = (JSONRenderer, NdjsonRenderer)


class ExportFhirView(AuditView):
    renderer_classes: Any = _RENDERERS

    @extend_schema(
        operation_id="audit_export_fhir", summary="A finished export as FHIR R4", tags=["Audit"],
        description="One AuditEvent for each line (newline-delimited JSON), in the order of the log. The "
        "proof is in the archive of `GET /audit/exports/{id}/file`: what was hashed are the events there, "
        "not these resources. Each fetch is itself recorded. 409 `export_not_ready`, `export_expired`.",
        responses={
            (200, MEDIA_TYPE): OpenApiResponse({"type": "string"}),
            **problem_responses(403, 404, 409),
        },
        examples=[OpenApiExample("One event", value=json.dumps(_EXAMPLE, separators=_SEPARATORS) + "\n",
                                 response_only=True, status_codes=["200"], media_type=MEDIA_TYPE)],
    )  # fmt: skip
    def get(self, request: Request, export_id: uuid.UUID) -> StreamingHttpResponse:
        export = find_export(export_id)
        archive = jobs.open_file(actor=me(request), export=export)
        name = jobs.file_name(export).removesuffix(".zip") + ".ndjson"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-cache",
        }
        return StreamingHttpResponse(lines(archive), content_type=MEDIA_TYPE, headers=headers)


def lines(archive: IO[bytes]) -> Iterator[bytes]:
    """The events of an archive as AuditEvents, one after the other; memory does not grow with it."""
    with archive, zipfile.ZipFile(archive) as files:
        (name,) = (each for each in files.namelist() if each.endswith(_LINES))
        with files.open(name) as events:
            for line in events:
                yield _line(audit_event(json.loads(line)))


def _line(resource: dict[str, Any]) -> bytes:
    return json.dumps(resource, separators=_SEPARATORS, ensure_ascii=False).encode() + b"\n"
