"""/consultations"""

import uuid
from typing import Any, cast

from django.db import transaction
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status as http
from rest_framework.request import Request
from rest_framework.response import Response

from consultations import bodies, examples, selectors
from consultations.models import Consultation, State, TriageLevel
from consultations.serializers import inputs, outputs, render
from consultations.services import consultations as services
from consultations.views.base import WITH_PHOTOS, CaseView, actor, detail, validated
from dermatech.core.conditional import check_if_match, respond
from dermatech.core.errors import ValidationFailed
from dermatech.core.idempotency import idempotent, remember
from dermatech.core.openapi import problem_responses
from dermatech.core.pagination import PARAMETERS, paginate, updated_since

TAG = ["Consultations"]
_FILTERS = {"state": State, "triage_level": TriageLevel}


def _filters(request: Request) -> dict[str, Any]:
    """The filters of the list; a word that is none of theirs is refused."""
    chosen: dict[str, Any] = {}
    for name, words in _FILTERS.items():
        value = request.query_params.get(name)
        if value is None:
            continue
        if value not in words.values:
            raise ValidationFailed.of(name, "invalid_choice", f"One of: {', '.join(words.values)}.")
        chosen[name] = value
    since = updated_since(request)
    return chosen if since is None else {**chosen, "updated_at__gte": since}


class ConsultationListView(CaseView):
    """The consultations one may see; opening one."""

    query_parameters = (*PARAMETERS, *_FILTERS)
    parser_classes = WITH_PHOTOS

    @extend_schema(
        operation_id="consultations_list",
        summary="List consultations, newest first",
        tags=TAG,
        parameters=[
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int, description="1 to 100, 20 by default."),
            OpenApiParameter("updated_since", str, description="RFC 3339: only what changed since then."),
            OpenApiParameter("state", str, enum=State.values),
            OpenApiParameter("triage_level", str, enum=TriageLevel.values),
        ],
        responses={200: outputs.ConsultationPageOut, **problem_responses(400, 403)},
        examples=examples.LIST,
    )
    def get(self, request: Request) -> Response:
        rows, following, previous = paginate(request, selectors.listed(actor(request), **_filters(request)))
        with transaction.atomic():
            services.record_list(actor=actor(request), ids=[row.id for row in rows])
        results = [render.list_row(row) for row in rows]
        return Response({"next": following, "previous": previous, "results": results})

    @extend_schema(
        operation_id="consultations_create",
        summary="Open a consultation",
        description="JSON, or multipart with the same JSON in the part `data` (or flat dotted names) and "
        "up to five parts `image`. With a photo an analysis is queued in the same transaction; a photo "
        "that is refused refuses the whole.",
        tags=TAG,
        request={
            "application/json": inputs.ConsultationInput,
            "multipart/form-data": examples.MULTIPART,
        },
        responses={
            201: outputs.ConsultationOut,
            **problem_responses(400, 403, 409, 413, 415, 422, 503),
        },
        examples=examples.CREATE,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        body = bodies.read(request)
        data = validated(inputs.ConsultationInput, body)
        with (
            body.errors(),
            services.creating(
                actor=actor(request), data=data, uploads=cast(Any, body.uploads)
            ) as consultation,
        ):
            response = _answer(request, consultation, status=http.HTTP_201_CREATED)
            response["Location"] = reverse("consultation", args=[consultation.pk])
            remember(request, response)
        return response


class ConsultationView(CaseView):
    """One consultation."""

    @extend_schema(
        operation_id="consultations_read",
        summary="Read a consultation",
        tags=TAG,
        responses={200: outputs.ConsultationOut, **problem_responses(403, 404)},
        examples=examples.DETAIL,
    )
    def get(self, request: Request, consultation_id: uuid.UUID) -> Response:
        consultation = selectors.consultation_for(actor(request), consultation_id)
        with transaction.atomic():
            services.record_read(actor=actor(request), consultation=consultation)
        return _answer(request, consultation)

    @extend_schema(
        operation_id="consultations_replace",
        summary="Replace what was sent",
        description="What is left out is forgotten, but for decision and outcome. Triage and "
        "recommendation are made again.",
        tags=TAG,
        request=inputs.ConsultationInput,
        responses={200: outputs.ConsultationOut, **problem_responses(400, 403, 404, 409, 412, 422, 503)},
        examples=examples.REPLACE,
    )
    def put(self, request: Request, consultation_id: uuid.UUID) -> Response:
        return self._change(request, consultation_id, inputs.ConsultationInput, replace=True)

    @extend_schema(
        operation_id="consultations_update",
        summary="Add facts, a working diagnosis, a decision or the outcome",
        description="What is left out stays; a fact of null becomes unknown. Triage and recommendation "
        "are made again. An outcome closes the consultation.",
        tags=TAG,
        request=inputs.ConsultationPatch,
        responses={200: outputs.ConsultationOut, **problem_responses(400, 403, 404, 409, 412, 422, 503)},
        examples=examples.UPDATE,
    )
    def patch(self, request: Request, consultation_id: uuid.UUID) -> Response:
        return self._change(request, consultation_id, inputs.ConsultationPatch, replace=False)

    def _change(
        self,
        request: Request,
        consultation_id: uuid.UUID,
        shape: type[inputs.ConsultationInput],
        *,
        replace: bool,
    ) -> Response:
        selectors.consultation_for(actor(request), consultation_id)  # strangers learn nothing from a 400
        data = validated(shape, bodies.Body(request.data, (), {}))

        def unchanged(current: Consultation) -> None:
            check_if_match(request, selectors.etag(current, selectors.latest_analysis(current)))

        with services.updating(
            actor=actor(request),
            consultation_id=consultation_id,
            data=data,
            replace=replace,
            precondition=unchanged,
        ) as consultation:
            return _answer(request, consultation)


def _answer(request: Request, consultation: Consultation, *, status: int = http.HTTP_200_OK) -> Response:
    shown, etag = detail(consultation)
    return respond(request, shown, etag=etag, status=status)
