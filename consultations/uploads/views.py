"""/uploads: the tus protocol, and one address more to look at an upload without it."""

import io
import threading
import uuid
from collections.abc import Mapping
from typing import IO, Any, BinaryIO, ClassVar, cast

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import http_date
from drf_spectacular.utils import extend_schema
from rest_framework import status as http
from rest_framework.parsers import BaseParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Requires
from accounts.policy import Permission
from consultations.models import Upload, UploadState
from consultations.serializers.render import moment
from consultations.uploads import documentation as shown
from consultations.uploads import headers as said
from consultations.uploads import services
from consultations.uploads.documentation import UploadOut
from consultations.uploads.parts import ALGORITHMS, Checksum
from consultations.views.base import CaseView, actor
from dermatech.core.errors import PreconditionFailed, Unavailable, UnsupportedMedia
from dermatech.core.idempotency import idempotent, remember
from dermatech.core.openapi import problem_responses

_OVERRIDES = frozenset({"PATCH", "DELETE", "HEAD"})
# A slow upload holds one of the 24 threads of a server process for as long as it takes, a dead one until the
# server gives it up; the others are left for those who do not send.
_receiving = threading.BoundedSemaphore(16)


class BytesParser(BaseParser):
    """Leaves the body where it is, to be read piece by piece."""

    media_type = said.CONTENT_TYPE

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return {}


class TusView(CaseView):
    """What all requests of the protocol have in common."""

    parser_classes = (BytesParser,)
    # A key stands for what the headers ask for, too.
    fingerprint_headers: ClassVar = ("Upload-Length", "Upload-Metadata")

    def get_permissions(self) -> list[Any]:
        method = (self.request.method or "").lower()
        return [Requires(Permission.CONSULTATION_WRITE)() if hasattr(self, method) else IsAuthenticated()]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        override = request.headers.get("X-HTTP-Method-Override", "").upper()
        if request.method == "POST" and override in _OVERRIDES:
            request.method = override
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = request.method or ""
        if method in ("GET", "OPTIONS") or not hasattr(self, method.lower()):
            return
        if request.headers.get("Tus-Resumable") != said.VERSION:
            raise PreconditionFailed(
                f"This address speaks tus {said.VERSION}: say so by the header Tus-Resumable.",
                code="tus_version",
                headers={"Tus-Version": said.VERSION},
            )

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        final["Tus-Resumable"] = said.VERSION
        final["Cache-Control"] = "no-store"
        return final

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """What this server can do, as tus asks for it."""
        return Response(
            status=http.HTTP_204_NO_CONTENT,
            headers={
                "Tus-Version": said.VERSION,
                "Tus-Extension": said.EXTENSIONS,
                "Tus-Max-Size": str(settings.PHOTO_MAX_UPLOAD_BYTES),
                "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            },
        )


class UploadListView(TusView):
    """Beginning an upload."""

    @extend_schema(
        operation_id="uploads_create",
        summary="Begin to send a photo in parts",
        description=shown.CREATE,
        tags=shown.TAG,
        parameters=shown.CREATE_HEADERS,
        request=shown.BYTES,
        responses={
            201: UploadOut,
            **problem_responses(400, 403, 404, 409, 412, 413, 415, 422, 423, 460, 503),
        },
        examples=shown.CREATED,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        length, (metadata, consultation_id) = said.upload_length(request), said.metadata(request)
        checksum, offered = said.checksum(request), _offered(request)
        with transaction.atomic():
            upload = services.begin(
                actor=actor(request), consultation_id=consultation_id, length=length, metadata=metadata
            )
            response = Response(_shown(upload), status=http.HTTP_201_CREATED)
            response["Location"] = reverse("upload", args=[upload.pk])
            remember(request, response)
        if offered:
            upload = _take(request, upload, offset=0, length=offered, checksum=checksum)
            response.data = _shown(upload)
        return _told(response, upload)


class UploadView(TusView):
    """One upload, for who sends it."""

    @extend_schema(
        operation_id="uploads_read",
        summary="Look at an upload",
        description=shown.READ,
        tags=shown.TAG,
        responses={200: UploadOut, **problem_responses(403, 404)},
        examples=shown.SEEN,
    )
    def get(self, request: Request, upload_id: uuid.UUID) -> Response:
        upload = services.upload_for(actor(request), upload_id)
        return _told(Response(_shown(upload)), upload)

    def head(self, request: Request, upload_id: uuid.UUID) -> Response:
        """How far it is, for who goes on: any other request that still appends is at its end."""
        upload = services.upload_for(actor(request), upload_id)
        services.check_alive(upload)
        return _told(Response(), services.resume(upload))

    @extend_schema(
        operation_id="uploads_append",
        summary="Send the next bytes",
        description=shown.APPEND,
        tags=shown.TAG,
        parameters=shown.APPEND_HEADERS,
        request=shown.BYTES,
        responses={
            204: None,
            **problem_responses(400, 403, 404, 409, 410, 412, 413, 415, 422, 423, 460, 503),
        },
    )
    def patch(self, request: Request, upload_id: uuid.UUID) -> Response:
        if request.content_type != said.CONTENT_TYPE:
            raise UnsupportedMedia(f"Bytes are sent as {said.CONTENT_TYPE}.")
        offset, checksum = said.number(request, "Upload-Offset"), said.checksum(request)
        upload = services.upload_for(actor(request), upload_id)
        upload = _take(request, upload, offset=offset, length=said.body_length(request), checksum=checksum)
        return _told(Response(status=http.HTTP_204_NO_CONTENT), upload)

    @extend_schema(
        operation_id="uploads_end",
        summary="End an upload that is not wanted any more",
        description="What has arrived is deleted. A photo that came of it stays.",
        tags=shown.TAG,
        parameters=shown.EVERY_HEADER,
        responses={204: None, **problem_responses(403, 404, 410, 412)},
    )
    def delete(self, request: Request, upload_id: uuid.UUID) -> Response:
        services.end(services.upload_for(actor(request), upload_id))
        return Response(status=http.HTTP_204_NO_CONTENT)


def _offered(request: Request) -> int:
    """Bytes that come with the request that begins an upload."""
    length = said.body_length(request)
    if length and request.content_type != said.CONTENT_TYPE:
        raise UnsupportedMedia(f"Bytes are sent as {said.CONTENT_TYPE}.")
    return length


def _take(request: Request, upload: Upload, *, offset: int, length: int, checksum: Checksum | None) -> Upload:
    if not _receiving.acquire(blocking=False):
        raise Unavailable("Many photos arrive at this moment; go on in a few seconds.", code="busy")
    try:
        source = cast(BinaryIO, request.stream if length else io.BytesIO())
        return services.append(upload=upload, offset=offset, source=source, length=length, checksum=checksum)
    finally:
        _receiving.release()


def _told(response: Response, upload: Upload) -> Response:
    """The headers by which a tus client knows how far an upload is, and ours that name what came of it."""
    response["Upload-Offset"] = str(upload.received)
    response["Upload-Length"] = str(upload.length)
    if upload.metadata:
        response["Upload-Metadata"] = upload.metadata
    if upload.state == UploadState.OPEN:
        response["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    if upload.photo_id:
        response["Upload-Image"] = str(upload.photo_id)
    if upload.analysis_id:
        response["Upload-Analysis"] = str(upload.analysis_id)
    return response


def _shown(upload: Upload) -> dict[str, Any]:
    refused = {"code": upload.error_code, "detail": upload.error_detail} if upload.error_code else None
    return {
        "id": str(upload.pk),
        "consultation": str(upload.consultation_id),
        "state": str(upload.state),
        "length": upload.length,
        "received": upload.received,
        "created_at": moment(upload.created_at),
        "expires_at": moment(upload.expires_at) if upload.state == UploadState.OPEN else None,
        "image": str(upload.photo_id) if upload.photo_id else None,
        "analysis": str(upload.analysis_id) if upload.analysis_id else None,
        "error": refused,
    }
