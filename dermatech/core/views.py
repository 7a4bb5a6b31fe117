"""The base of every API view."""

from collections.abc import Iterable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView as DRFView

from dermatech.core.errors import FieldError, ValidationFailed

# Whatever a phone asks for by Accept-Language; only fixed sentences are translated, and say so themselves.
LANGUAGE = "en"


class APIView(DRFView):
    """Refuses query parameters that nobody declared; everything else is DRF's.

    `query_parameters` names what a GET of this view understands.
    """

    query_parameters: ClassVar[Iterable[str]] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = set(self.query_parameters)
        unknown = [name for name in request.query_params if name not in known]
        if unknown:
            hint = f"Known: {', '.join(sorted(known))}." if known else "This address takes none."
            raise ValidationFailed(
                errors=[
                    FieldError(name, "unknown_parameter", f"This query parameter is not known. {hint}")
                    for name in unknown
                ]
            )

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        # Answers depend on who asks; shared caches must never keep them.
        final.headers.setdefault("Cache-Control", "private, no-cache")
        if getattr(final, "data", None) is not None:
            final.headers.setdefault("Content-Language", LANGUAGE)
        return final
