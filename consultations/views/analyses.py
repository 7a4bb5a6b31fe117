"""/analysis"""

import re
import threading
import time
import uuid
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework import status as http
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit
from consultations import bodies, examples, selectors
from consultations.models import FINISHED, Analysis
from consultations.serializers import inputs, outputs, render
from consultations.services import analyses as services
from consultations.services import consultations, storage
from consultations.views.base import PICTURES, WITH_PHOTOS, CaseView, actor, picture, validated
from consultations.views.images import one_image
from dermatech.core.conditional import respond
from dermatech.core.errors import FieldError, NotFound, ValidationFailed
from dermatech.core.idempotency import idempotent, remember
from dermatech.core.openapi import problem_responses

TAG = ["Analysis"]
LONGEST_WAIT = 25
RETRY_AFTER = "2"
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)
# Every waiting caller holds one of the 24 threads of a server process; half are left for others.
_waiting = threading.BoundedSemaphore(12)


class SkinAnalysisView(CaseView):
    """Asking for an analysis."""

    parser_classes = WITH_PHOTOS

    @extend_schema(
        operation_id="analysis_skin_create",
        summary="Have a photo analysed",
        description="Multipart: `image`, and `consultation` (its id) or `data` (a new consultation). "
        "JSON: an image that is there already.",
        tags=TAG,
        request={
            "application/json": inputs.StoredImageInput,
            "multipart/form-data": examples.SKIN_MULTIPART,
        },
        responses={
            202: outputs.SubmittedOut,
            **problem_responses(400, 403, 404, 409, 413, 415, 422, 503),
        },
        examples=examples.SKIN,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        body = bodies.read(request, fields=("consultation",))
        submitting = self._submitting(request, body)
        with body.errors(), submitting as found:
            analysis = found if isinstance(found, Analysis) else selectors.latest_analysis(found)
            response = _submitted(analysis)
            remember(request, response)
        return response

    def _submitting(self, request: Request, body: bodies.Body) -> Any:
        """The context in which the analysis, or its new consultation, is made."""
        if not body.uploads and not body.fields and not hasattr(request.data, "lists"):
            chosen = validated(inputs.StoredImageInput, body)
            return services.submitting(
                actor=actor(request), consultation_id=chosen["consultation"], photo_id=chosen["image"]
            )
        if "consultation" not in body.fields:
            data = validated(inputs.ConsultationInput, body)
            return consultations.creating(actor=actor(request), data=data, uploads=[one_image(body)])
        if body.data:
            given = body.data if isinstance(body.data, dict) else ()
            raise ValidationFailed(
                errors=[
                    FieldError(name, "ambiguous", "Give a consultation or data, not both.")
                    for name in [f"{body.prefix}{name}" for name in given] or ["data"]
                ]
            )
        consultation_id = _uuid("consultation", body.fields["consultation"])
        selectors.consultation_for(actor(request), consultation_id)
        return services.submitting_upload(
            actor=actor(request), consultation_id=consultation_id, upload=one_image(body)
        )


class AnalysisView(CaseView):
    """What an analysis found, or how far it is."""

    @extend_schema(
        operation_id="analysis_read",
        summary="Read an analysis",
        description="`Prefer: wait=10` holds the answer until it is finished or the time is up.",
        tags=TAG,
        parameters=[
            OpenApiParameter(
                "Prefer",
                str,
                location=OpenApiParameter.HEADER,
                description=f"wait=<seconds>, at most {LONGEST_WAIT} (RFC 7240).",
            )
        ],
        responses={200: outputs.AnalysisOut, **problem_responses(403, 404)},
        examples=examples.ANALYSIS,
    )
    def get(self, request: Request, analysis_id: uuid.UUID) -> Response:
        analysis = selectors.analysis_for(actor(request), analysis_id)
        waited = 0
        if not analysis.is_finished and (wanted := _wanted(request)):
            waited = _wait(analysis_id, seconds=wanted)
            analysis = selectors.analysis_for(actor(request), analysis_id)
        _record(request, analysis, audit.Action.ANALYSIS_READ)
        response = respond(request, lambda: render.analysis(analysis), etag=selectors.analysis_etag(analysis))
        if waited:
            response["Preference-Applied"] = f"wait={waited}"
        if not analysis.is_finished:
            response["Retry-After"] = RETRY_AFTER
        return response


class HeatmapView(CaseView):
    """What the image model looked at, as a picture."""

    renderer_classes = PICTURES

    @extend_schema(
        operation_id="analysis_heatmap_read",
        summary="Look at the heat map of an analysis",
        tags=TAG,
        responses={(200, "image/png"): OpenApiTypes.BINARY, **problem_responses(403, 404, 503)},
    )
    def get(self, request: Request, analysis_id: uuid.UUID) -> HttpResponse:
        analysis = selectors.analysis_for(actor(request), analysis_id)
        if not analysis.heatmap:
            raise NotFound("This analysis has no heat map: no image model took part.", code="no_heatmap")
        content = storage.read(analysis.heatmap.name)
        _record(request, analysis, audit.Action.HEATMAP_READ)
        return picture(
            request,
            content,
            media_type="image/png",
            etag=f"{analysis.pk}-{analysis.fence}",
            filename="heatmap.png",
        )


def _submitted(analysis: Analysis | None) -> Response:
    if analysis is None:
        raise NotFound
    body = {
        "id": str(analysis.pk),
        "status": analysis.status,
        "consultation": str(analysis.consultation_id),
    }
    location = reverse("analysis", args=[analysis.pk])
    return Response(
        body,
        status=http.HTTP_202_ACCEPTED,
        headers={"Location": location, "Retry-After": RETRY_AFTER},
    )


def _record(request: Request, analysis: Analysis, action: audit.Action) -> None:
    with transaction.atomic():
        audit.record(actor=actor(request), action=action, entity=analysis, patient=analysis.consultation_id)


def _uuid(name: str, value: str) -> uuid.UUID:
    try:
        found: uuid.UUID = serializers.UUIDField().to_internal_value(value)
    except serializers.ValidationError:
        raise ValidationFailed.of(name, "invalid", "Must be a UUID.") from None
    return found


def _wanted(request: Request) -> int:
    """Seconds that the caller is ready to wait, 0 to LONGEST_WAIT."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found.group(1)), LONGEST_WAIT) if found else 0


def _wait(analysis_id: uuid.UUID, *, seconds: int) -> int:
    """Poll one column until the analysis is finished; no transaction is held. Returns the seconds that
    were granted: 0 when too many callers are waiting already."""
    if not _waiting.acquire(blocking=False):
        return 0
    try:
        deadline, pause = time.monotonic() + seconds, 0.05
        while time.monotonic() < deadline:
            status = Analysis.objects.filter(pk=analysis_id).values_list("status", flat=True).first()
            if status is None or status in FINISHED:
                break
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.5, 0.5)
    finally:
        _waiting.release()
    return seconds
