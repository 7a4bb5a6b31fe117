"""/consultations/{id}/leaflet and /consultations/{id}/referral-letter"""

import uuid

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from consultations import selectors
from consultations.documents import pdf, services
from consultations.views.base import CaseView, actor
from dermatech.core.conditional import matches
from dermatech.core.errors import ValidationFailed
from dermatech.core.openapi import problem_responses
from dermatech.core.rendering import JSONRenderer

TAG = ["Consultations"]
_YES_NO = {"true": True, "false": False}


class PdfRenderer(JSONRenderer):
    """Lets `Accept: application/pdf` through; what it renders itself are only errors."""

    media_type = pdf.MEDIA_TYPE
    format = "pdf"


_RENDERERS: tuple[type[BaseRenderer], ...] = (JSONRenderer, PdfRenderer)


class LeafletView(CaseView):
    """What the patient takes home."""

    renderer_classes = _RENDERERS

    @extend_schema(
        operation_id="consultation_leaflet_read",
        summary="Patient leaflet as PDF",
        description="What it is thought to be, each medicine with its dose, what to expect and when to come "
        "back, as it was decided: A4, tagged (PDF/UA-1), in English. The same decision gives the same bytes. "
        "409 `no_decision` until there is a decision, 409 `decision_outdated` when the advice has changed "
        "since: record the decision again. Recorded as a read of the patient's record.",
        tags=TAG,
        responses={(200, pdf.MEDIA_TYPE): OpenApiTypes.BINARY, **problem_responses(403, 404, 409)},
    )
    def get(self, request: Request, consultation_id: uuid.UUID) -> HttpResponse:
        document = services.patient_leaflet(actor=actor(request), consultation_id=consultation_id)
        return answer(document, request.headers.get("If-None-Match", ""))


class ReferralLetterView(CaseView):
    """What the patient takes to whoever sees them next."""

    query_parameters = ("photo",)
    renderer_classes = _RENDERERS

    @extend_schema(
        operation_id="consultation_referral_letter_read",
        summary="Referral letter as PDF",
        description="To whom, how soon and why; findings, allergies, medicines, what was given; with the "
        "reference as a QR code. 409 `no_decision` until there is a decision, 409 `not_referred` when "
        "neither the decision nor triage refers the patient, 409 `no_photo` when a photo is asked for and "
        "there is none. Recorded as a read of the patient's record, and of the photo.",
        tags=TAG,
        parameters=[
            OpenApiParameter("photo", bool, description="Add a small photo; false by default."),
        ],
        responses={(200, pdf.MEDIA_TYPE): OpenApiTypes.BINARY, **problem_responses(403, 404, 409, 503)},
    )
    def get(self, request: Request, consultation_id: uuid.UUID) -> HttpResponse:
        selectors.consultation_for(actor(request), consultation_id)  # strangers learn nothing from a 400
        word = request.query_params.get("photo", "false")
        if word not in _YES_NO:
            raise ValidationFailed.of("photo", "invalid_choice", "One of: true, false.")
        document = services.referral_letter(
            actor=actor(request), consultation_id=consultation_id, photo=_YES_NO[word]
        )
        return answer(document, request.headers.get("If-None-Match", ""))


def answer(document: services.Document, held: str = "") -> HttpResponse:
    """The PDF for its one reader, or 304 when `held` (If-None-Match) names it."""
    etag = f'"{document.etag}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'inline; filename="{document.filename}"',
        "Vary": "Authorization",
    }
    if matches(held, etag):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(document.content, content_type=pdf.MEDIA_TYPE, headers=headers)
