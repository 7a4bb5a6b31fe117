"""JSON as the API writes it: DRF's renderer with orjson's speed."""

from typing import Any

import orjson
from rest_framework import renderers
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

_others = JSONEncoder().default
# Times are written as DRF writes them.
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def encoded(data: Any) -> bytes:
    """`data` as compact UTF-8; a number that is none (NaN) becomes null. Raises TypeError for what
    JSON has no word for."""
    text = orjson.dumps(data, default=_others, option=_OPTIONS)
    # The two line ends of JavaScript that JSON does not know, escaped as DRF does.
    return text.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")


class Written(Response):
    """An answer whose `data` is its JSON already, as bytes."""

    @property
    def rendered_content(self) -> Any:
        self["Content-Type"] = "application/json"
        return self.data


class JSONRenderer(renderers.JSONRenderer):
    """In REST_FRAMEWORK["DEFAULT_RENDERER_CLASSES"]."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        if data is None or self.get_indent(accepted_media_type or "", renderer_context or {}):
            return self._as_drf(data, accepted_media_type, renderer_context)
        try:
            return encoded(data)
        except orjson.JSONEncodeError:  # a number of more than 64 bits, which JSON may hold
            return self._as_drf(data, accepted_media_type, renderer_context)

    def _as_drf(self, *given: Any) -> bytes:
        rendered: bytes = super().render(*given)
        return rendered
