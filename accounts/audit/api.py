"""/audit/exports: bundles for auditors, asked for, watched and fetched."""

import uuid
from typing import Any, NoReturn, cast

from django.db import transaction
from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework import status as http
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.audit import jobs
from accounts.audit.models import AuditExport
from accounts.audit.recorder import denied, record
from accounts.audit.selection import Selection
from accounts.audit.vocabulary import Action, Purpose
from accounts.models import User
from accounts.permissions import Requires
from accounts.policy import Permission
from dermatech.core.errors import NotFound
from dermatech.core.idempotency import idempotent, remember
from dermatech.core.openapi import problem_responses
from dermatech.core.pagination import page_response
from dermatech.core.serializers import StrictCharField, StrictSerializer, StrictUUIDField
from dermatech.core.views import APIView

_TAG = ["Audit"]
_ID = "01990d2e-7c4b-7a63-9a51-5b0f3c7e9d20"
_ASKED: dict[str, Any] = {
    "since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z", "person": "", "patient": None,
    "action": "", "against": [],
}  # fmt: skip
_QUEUED = {
    "id": _ID, "status": "queued", **_ASKED, "progress": 0.0, "events": 0, "tree_size": 0, "faithful": None,
    "size_bytes": 0, "file": None, "created_at": "2026-02-01T08:00:00Z", "finished_at": None,
    "expires_at": None, "error": None,
}  # fmt: skip
_READY = _QUEUED | {
    "status": "ready", "progress": 1.0, "events": 1200, "tree_size": 48210, "faithful": True,
    "size_bytes": 310_000, "file": f"/api/v1/audit/exports/{_ID}/file", "finished_at": "2026-02-01T08:00:04Z",
    "expires_at": "2026-02-08T08:00:04Z",
}  # fmt: skip


class ExportIn(StrictSerializer):
    """POST /audit/exports. Everything left out asks for the whole log."""

    since = serializers.DateTimeField(required=False, allow_null=True, default=None)
    until = serializers.DateTimeField(required=False, allow_null=True, default=None)
    person = StrictCharField(
        max_length=200, required=False, allow_blank=True, default="",
        help_text="Id of an account, or a full name exactly as it stands in the events.",
    )  # fmt: skip
    patient = StrictUUIDField(
        required=False, allow_null=True, default=None, help_text="Id of a consultation."
    )
    action = serializers.ChoiceField(choices=Action.choices, required=False, allow_blank=True, default="")
    against = serializers.ListField(
        child=serializers.IntegerField(min_value=1), max_length=100, required=False, default=list,
        help_text="Sizes of checkpoints that you kept, so that a part can be compared with them.",
    )  # fmt: skip


class ExportOut(serializers.Serializer[AuditExport]):
    """One export."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=AuditExport.State.choices, source="state")
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    person = serializers.CharField()
    patient = serializers.UUIDField(allow_null=True)
    action = serializers.CharField()
    against = serializers.ListField(child=serializers.IntegerField())
    progress = serializers.SerializerMethodField(help_text="0 to 1.")
    events = serializers.IntegerField(help_text="In the bundle.")
    tree_size = serializers.IntegerField(help_text="In the log.")
    faithful = serializers.BooleanField(
        allow_null=True, help_text="False: the database does not hold what was signed."
    )
    size_bytes = serializers.IntegerField()
    file = serializers.SerializerMethodField(help_text="Where to fetch the archive; null until it is ready.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    error = serializers.SerializerMethodField()

    def get_progress(self, export: AuditExport) -> float:
        return round(export.done / export.tree_size, 3) if export.tree_size else 0.0

    def get_file(self, export: AuditExport) -> str | None:
        ready = export.state == AuditExport.State.READY
        return reverse("audit-export-file", args=[export.pk]) if ready else None

    def get_error(self, export: AuditExport) -> str | None:
        return export.error or None


class ExportPage(serializers.Serializer[Any]):
    """A page of exports, newest first."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = ExportOut(many=True)


class AuditView(APIView):
    """For auditors and administrators; who else tries is recorded."""

    permission_classes = (Requires(Permission.AUDIT_EXPORT),)

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        if request.user is not None and request.user.is_authenticated:
            denied(
                actor=me(request), action=Action.ACCESS_DENIED, purpose=Purpose.COMPLIANCE,
                detail={"method": request.method, "path": request.path},
            )  # fmt: skip
        super().permission_denied(request, message, code)
        raise AssertionError("permission_denied always raises")


class ExportsView(AuditView):
    query_parameters = ("cursor", "page_size")

    @extend_schema(
        operation_id="audit_exports", summary="Exports of the audit log", tags=_TAG,
        parameters=[
            OpenApiParameter("cursor", str, description="From `next` or `previous`."),
            OpenApiParameter("page_size", int, description="1 to 100."),
        ],
        responses={200: ExportPage, **problem_responses(403)},
        examples=[OpenApiExample("One", value={"next": None, "previous": None, "results": [_READY]},
                                 response_only=True, status_codes=["200"])],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        _record_reading(request, "")
        return page_response(
            request, AuditExport.objects.all(), lambda rows: [ExportOut(row).data for row in rows]
        )

    @extend_schema(
        operation_id="audit_export_request", summary="Ask for an export", tags=_TAG,
        description="A worker makes it; ask `GET /audit/exports/{id}` until its status is `ready`, then "
        "fetch `file`: a zip with the events as JSON lines and CSV, the signed checkpoint, the proof and the "
        "signed manifest. It is deleted after a week.",
        request=ExportIn,
        responses={202: ExportOut, **problem_responses(400, 403, 409, 422)},
        examples=[
            OpenApiExample("January", value=_ASKED, request_only=True),
            OpenApiExample("Waiting", value=_QUEUED, response_only=True, status_codes=["202"]),
        ],
    )  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        serializer = ExportIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        against = data.pop("against")
        with transaction.atomic():
            export = jobs.request_export(actor=me(request), selection=Selection(**data), against=against)
            address = reverse("audit-export", args=[export.pk])
            response = Response(ExportOut(export).data, status=http.HTTP_202_ACCEPTED,
                                headers={"Location": address, "Retry-After": "5"})  # fmt: skip
            remember(request, response)
        return response


class ExportView(AuditView):
    @extend_schema(
        operation_id="audit_export", summary="How far an export is", tags=_TAG,
        responses={200: ExportOut, **problem_responses(403, 404)},
        examples=[OpenApiExample("Ready", value=_READY, response_only=True, status_codes=["200"])],
    )  # fmt: skip
    def get(self, request: Request, export_id: uuid.UUID) -> Response:
        export = find_export(export_id)
        _record_reading(request, str(export.pk))
        waiting = export.state in (AuditExport.State.QUEUED, AuditExport.State.RUNNING)
        return Response(ExportOut(export).data, headers={"Retry-After": "5"} if waiting else None)


class ExportFileView(AuditView):
    @extend_schema(
        operation_id="audit_export_file", summary="Fetch an export", tags=_TAG,
        description="Each fetch is itself recorded. 409 `export_not_ready`, `export_expired`.",
        responses={
            (200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY),
            **problem_responses(403, 404, 409),
        },
    )  # fmt: skip
    def get(self, request: Request, export_id: uuid.UUID) -> FileResponse:
        export = find_export(export_id)
        content = jobs.open_file(actor=me(request), export=export)
        return FileResponse(content, as_attachment=True, filename=jobs.file_name(export),
                            content_type="application/zip")  # fmt: skip


def find_export(export_id: uuid.UUID) -> AuditExport:
    export = AuditExport.objects.filter(pk=export_id).first()
    if export is None:
        raise NotFound
    return export


def _record_reading(request: Request, export_id: str) -> None:
    with transaction.atomic():
        record(
            actor=me(request), action=Action.AUDIT_READ, entity=("accounts.auditexport", export_id),
            purpose=Purpose.COMPLIANCE,
        )  # fmt: skip


def me(request: Request) -> User:
    return cast(User, request.user)
