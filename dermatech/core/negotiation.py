"""Content negotiation: JSON is what there is; problems are sent whatever was asked for."""

from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class Negotiation(DefaultContentNegotiation):
    """DRF's; `URL_FORMAT_OVERRIDE` is off, so `?format=` is an unknown parameter like any other."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        # A caller that takes only problem+json still gets JSON: the error type is JSON as well.
        if "application/problem+json" in request.headers.get("Accept", ""):
            return renderers[0], renderers[0].media_type
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return chosen
