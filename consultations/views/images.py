"""/consultations/{id}/images"""

import uuid
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status as http
from rest_framework.request import Request
from rest_framework.response import Response

from consultations import bodies, examples, selectors
from consultations.parsers import BoundedMultiPartParser
from consultations.serializers import outputs, render
from consultations.services import photos as services
from consultations.views.base import PICTURES, CaseView, actor, picture
from consultations.views.consultations import TAG
from dermatech.core.errors import FieldError, ValidationFailed
from dermatech.core.idempotency import idempotent, remember
from dermatech.core.openapi import problem_responses

_SIZES = ("full", "thumbnail")


def one_image(body: bodies.Body) -> Any:
    """The single photo of a body. Raises ValidationFailed for none, or for several."""
    if not body.uploads:
        raise ValidationFailed.of("image", "required", "Send the photo as the part image.")
    if len(body.uploads) > 1:
        raise ValidationFailed.of("image", "too_many_images", "Send one photo at a time.")
    return body.uploads[0]


class ImageListView(CaseView):
    """Adding photos to a consultation."""

    parser_classes = (BoundedMultiPartParser,)

    @extend_schema(
        operation_id="consultation_images_create",
        summary="Add a photo",
        description="The same file again is the photo that is there already (200).",
        tags=TAG,
        request={"multipart/form-data": examples.IMAGE_PART},
        responses={
            200: outputs.ImageOut,
            201: outputs.ImageOut,
            **problem_responses(400, 403, 404, 409, 413, 415, 422, 503),
        },
        examples=examples.IMAGE,
    )
    @idempotent
    def post(self, request: Request, consultation_id: uuid.UUID) -> Response:
        selectors.consultation_for(actor(request), consultation_id)  # strangers learn nothing from a 400
        body = bodies.read(request)
        upload = one_image(body)
        if body.data:
            raise ValidationFailed(
                errors=[FieldError(name, "unknown_field", "Known here: image.") for name in body.data]
            )
        with services.adding_photo(actor=actor(request), consultation_id=consultation_id, upload=upload) as (
            _,
            photo,
            created,
        ):
            status = http.HTTP_201_CREATED if created else http.HTTP_200_OK
            location = reverse("consultation-image", args=[consultation_id, photo.pk])
            response = Response(render.photo(photo), status=status, headers={"Location": location})
            remember(request, response)
        return response


class ImageView(CaseView):
    """The picture itself."""

    query_parameters = ("size",)
    renderer_classes = PICTURES

    @extend_schema(
        operation_id="consultation_images_read",
        summary="Look at a photo",
        description="The picture, or a redirect to a short-lived signed address where photos are kept in S3 "
        "unencrypted.",
        tags=TAG,
        parameters=[OpenApiParameter("size", str, enum=_SIZES, description="full by default.")],
        responses={
            (200, "image/jpeg"): OpenApiTypes.BINARY,
            (200, "image/webp"): OpenApiTypes.BINARY,
            302: OpenApiResponse(description="The signed address is in Location."),
            **problem_responses(403, 404, 503),
        },
    )
    def get(self, request: Request, consultation_id: uuid.UUID, image_id: uuid.UUID) -> HttpResponseBase:
        photo = selectors.photo_for(actor(request), consultation_id, image_id)
        size = request.query_params.get("size", "full")
        if size not in _SIZES:
            raise ValidationFailed.of("size", "invalid_choice", f"One of: {', '.join(_SIZES)}.")
        small = size == "thumbnail"
        name = (photo.thumbnail.name if small else photo.file.name) or ""
        media_type = "image/jpeg" if small else photo.media_type
        # What is encrypted is of use to nobody but through here.
        if getattr(default_storage, "querystring_auth", False) and not photo.key_id:
            with transaction.atomic():
                services.record_read(actor=actor(request), photo=photo)
            return _signed(name, media_type)
        content = services.content(actor=actor(request), photo=photo, thumbnail=small)
        response: HttpResponse = picture(
            request,
            content,
            media_type=media_type,
            etag=f"{photo.sha256_out}{'-small' if small else ''}",
            filename=name.rsplit("/", 1)[-1],
        )
        return response


def _signed(name: str, media_type: str) -> HttpResponseRedirect:
    """The way to a picture in S3, for two minutes. The signature covers how the store answers: this one
    kind of file, to be shown and not saved, and kept by nothing shared."""
    answers = {
        "ResponseContentType": media_type,
        "ResponseCacheControl": "private, max-age=86400",
        "ResponseContentDisposition": "inline",
    }
    response = HttpResponseRedirect(default_storage.url(name, parameters=answers))  # type: ignore[call-arg]
    response.headers["Cache-Control"] = "no-store"
    return response
