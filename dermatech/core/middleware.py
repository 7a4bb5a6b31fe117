"""One middleware: gives every request its id and context, and the admin its CSP."""

import re
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from dermatech.core.context import RequestContext, bound
from dermatech.core.ids import uuid7
from dermatech.core.problem import problem_response

REQUEST_ID_HEADER = "X-Request-ID"
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_API = "/api/"
# The admin theme runs inline scripts; no other page may.
_RELAXED = "/admin/"
_USER_AGENT_LENGTH = 200


def client_address(request: HttpRequest) -> str:
    """The caller's address; `X-Forwarded-For` counts only behind TRUSTED_PROXIES trusted proxies."""
    proxies = settings.TRUSTED_PROXIES
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if proxies and forwarded:
        hops = [hop.strip() for hop in forwarded.split(",")]
        return str(hops[-min(proxies, len(hops))])
    return str(request.META.get("REMOTE_ADDR", ""))


class RequestContextMiddleware:
    """Accepts a sane X-Request-ID or makes one, binds the context, and answers every unhandled
    error below /api/ in the contract's shape."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        offered = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = offered if _SANE_REQUEST_ID.fullmatch(offered) else str(uuid7())
        request.META["HTTP_X_REQUEST_ID"] = request_id
        request.__dict__.pop("headers", None)  # read from META again, by whoever logs the id
        context = RequestContext(
            request_id=request_id,
            address=client_address(request),
            user_agent=request.META.get("HTTP_USER_AGENT", "")[:_USER_AGENT_LENGTH],
        )
        with bound(context):
            response = self.get_response(request)
            response = self._as_problem(request, response)
        response.headers[REQUEST_ID_HEADER] = request_id
        response.headers["Permissions-Policy"] = settings.PERMISSIONS_POLICY
        if request.path.startswith(_RELAXED):
            response._csp_update = {  # type: ignore[attr-defined]  # django-csp's own hook
                "script-src": settings.CSP_RELAXED_SCRIPT_SRC[1:]
            }
        return response

    def _as_problem(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Django's own HTML errors (unmatched path, bad host, 500) become problem details."""
        if not request.path.startswith(_API) or response.status_code < HTTPStatus.BAD_REQUEST:
            return response
        if response.headers.get("Content-Type", "").startswith("application/"):
            return response
        return problem_response(response.status_code)
