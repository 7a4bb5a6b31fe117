"""multipart/form-data with bounded files: a body that never ends cannot fill the disk."""

from collections.abc import Mapping
from typing import IO, Any, cast

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser

from dermatech.core.errors import PayloadTooLarge
from dermatech.core.whole import Ending

# What parts other than files may add.
_SLACK = 1_000_000


class BoundedUploadHandler(FileUploadHandler):
    """Keeps one byte more than a photo may have, by which the photo is refused, and drops the rest."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._kept = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._kept = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        limit: int = settings.PHOTO_MAX_UPLOAD_BYTES
        room = limit + 1 - self._kept
        piece = raw_data[: max(room, 0)]
        self._kept += len(piece)
        return piece or None

    def file_complete(self, file_size: int) -> None:
        return None


class BoundedMultiPartParser(MultiPartParser):
    """DRF's, with every file bounded and the whole refused early when it says it is too large."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {})["request"]._request
        most = settings.PHOTO_MAX_UPLOAD_BYTES * settings.DATA_UPLOAD_MAX_NUMBER_FILES + _SLACK
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if declared.isdigit() and int(declared) > most:
            raise PayloadTooLarge(f"A request may have at most {most:,} bytes.")
        request.upload_handlers.insert(0, BoundedUploadHandler(request))
        watched = Ending(stream)
        parsed = super().parse(cast(IO[Any], watched), media_type, parser_context)
        # Without its closing boundary the last photo is missing, and nobody would notice.
        boundary = parse_header_parameters(media_type or "")[1].get("boundary", "")
        if not watched.holds(f"--{boundary}--".encode("latin-1", "replace")):
            for _, files in parsed.files.lists():
                for file in files:
                    file.close()
            raise ParseError("The end of the multipart body is missing; send it again.")
        return parsed
