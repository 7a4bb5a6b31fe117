"""/consultations/{id}/fhir"""

import uuid
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from consultations.fhir import examples, services
from consultations.fhir.codes import MEDIA_TYPE
from consultations.serializers.outputs import AnyObject, Out
from consultations.views.base import CaseView, actor
from dermatech.core.conditional import matches
from dermatech.core.openapi import problem_responses
from dermatech.core.releases import content_hash
from dermatech.core.rendering import JSONRenderer


@extend_schema_field({"type": "string", "const": "Bundle"})
class _Bundle(serializers.CharField):
    """The word that tells what kind of resource it is."""


@extend_schema_field({"type": "string", "const": "collection"})
class _Collection(serializers.CharField):
    """The kind of bundle."""


class FhirEntryOut(Out):
    """One resource: Patient, Practitioner, Organization, Encounter, Device, Media, Observation,
    AllergyIntolerance, MedicationStatement, Condition, RiskAssessment, MedicationRequest, ServiceRequest
    or Provenance, as FHIR R4 defines them."""

    fullUrl = serializers.CharField()  # noqa: N815  # FHIR's own name
    resource = AnyObject()


class FhirBundleOut(Out):
    """A FHIR R4 Bundle."""

    resourceType = _Bundle()  # noqa: N815
    id = serializers.UUIDField()
    meta = AnyObject()
    identifier = AnyObject()
    type = _Collection()
    timestamp = serializers.DateTimeField()
    entry = FhirEntryOut(many=True)


class FhirRenderer(JSONRenderer):
    """Lets `Accept: application/fhir+json` through; what it renders itself are only errors."""

    media_type = MEDIA_TYPE
    format = "fhir"


_RENDERERS: tuple[type[BaseRenderer], ...] = (JSONRenderer, FhirRenderer)
_ABOUT = (
    "A Bundle of type collection. The patient has no name, initials or birth date, and notes, reasons and "
    "pictures stay here: a Media resource says where a photo can be fetched with a token. Codes are ICD-10, "
    "ICD-11, ATC, LOINC and UCUM where there is one, and the ids of the published knowledge. Only medicines "
    "that were decided on are MedicationRequests. Ids depend on the consultation alone, the bytes on its "
    "state. Recorded as a read of the patient's record."
)


class FhirView(CaseView):
    """A consultation for other systems."""

    renderer_classes: Any = _RENDERERS

    @extend_schema(
        operation_id="consultation_fhir_read",
        summary="A consultation as FHIR R4",
        description=_ABOUT,
        tags=["Consultations"],
        responses={(200, MEDIA_TYPE): FhirBundleOut, **problem_responses(403, 404)},
        examples=examples.EXAMPLES,
    )
    def get(self, request: Request, consultation_id: uuid.UUID) -> HttpResponse:
        content = services.consultation_bundle(actor=actor(request), consultation_id=consultation_id)
        return answer(content, request.headers.get("If-None-Match", ""))


def answer(content: bytes, held: str = "") -> HttpResponse:
    """The bundle for its one reader, or 304 when `held` (If-None-Match) names it."""
    etag = f'"{content_hash(content)}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}
    if matches(held, etag):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(content, content_type=MEDIA_TYPE, headers=headers)
