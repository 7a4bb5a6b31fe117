"""What the views of this app share."""

from typing import Any, NoReturn, cast

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accounts import audit
from accounts.models import User
from accounts.permissions import Requires
from accounts.policy import Permission
from consultations import bodies, selectors
from consultations.models import Consultation
from consultations.parsers import BoundedMultiPartParser
from consultations.reviewing.selectors import reviews_of
from consultations.serializers import render
from dermatech.core.conditional import matches
from dermatech.core.errors import ValidationFailed
from dermatech.core.handler import flatten
from dermatech.core.parsers import StrictJSONParser
from dermatech.core.rendering import JSONRenderer
from dermatech.core.views import APIView

_READERS = Requires(Permission.CONSULTATION_READ_PREMISES) | Requires(Permission.CONSULTATION_READ_ALL)
_WRITERS = Requires(Permission.CONSULTATION_WRITE)
WITH_PHOTOS: tuple[type[BaseParser], ...] = (StrictJSONParser, BoundedMultiPartParser)


class CaseView(APIView):
    """Pharmacists write, they and supervisors and administrators read; who tries more is recorded."""

    def get_permissions(self) -> list[Any]:
        method = self.request.method or ""
        if method != "OPTIONS" and not hasattr(self, method.lower()):
            return [IsAuthenticated()]  # nobody may, whoever they are: 405
        return [_READERS() if method in SAFE_METHODS else _WRITERS()]

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        if request.user is not None and request.user.is_authenticated:
            audit.denied(
                actor=actor(request),
                action=audit.Action.ACCESS_DENIED,
                detail={"method": request.method, "path": request.path},
            )
        super().permission_denied(request, message, code)
        raise AssertionError("permission_denied always raises")


def actor(request: Request) -> User:
    """The user who asks; every view here asks for one."""
    return cast(User, request.user)


def validated(shape: type[serializers.Serializer[Any]], body: bodies.Body) -> dict[str, Any]:
    """The data of a body in the shape given. Raises ValidationFailed."""
    serializer = shape(data=body.data)
    with body.errors():
        try:
            serializer.is_valid(raise_exception=True)
        except ValidationError as error:
            raise ValidationFailed(errors=list(flatten(error.get_full_details()))) from error
    return cast(dict[str, Any], serializer.validated_data)


def detail(consultation: Consultation) -> tuple[dict[str, Any], str]:
    """The whole answer about a consultation and its ETag."""
    latest = selectors.latest_analysis(consultation)
    shown = render.consultation(
        consultation,
        photos=list(consultation.photos.all()),
        latest=latest,
        recommendations=list(consultation.recommendations.filter(analysis__isnull=True)),
        reviews=reviews_of(consultation),
    )
    return shown, selectors.etag(consultation, latest)


class PictureRenderer(JSONRenderer):
    """Lets `Accept: image/jpeg` through; what it renders itself are only errors."""

    media_type = "image/*"
    format = "image"


PICTURES: tuple[type[BaseRenderer], ...] = (JSONRenderer, PictureRenderer)


def picture(request: Request, content: bytes, *, media_type: str, etag: str, filename: str) -> HttpResponse:
    """A stored picture for its one reader: kept by the phone, never by anything shared."""
    headers = {
        "ETag": f'"{etag}"',
        "Cache-Control": "private, max-age=86400",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'inline; filename="{filename}"',
        "Vary": "Authorization",
    }
    if matches(request.headers.get("If-None-Match", ""), f'"{etag}"'):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(content, content_type=media_type, headers=headers)
