"""GET /health/live, /health/ready and /metrics."""

import hmac
import ipaddress
from dataclasses import asdict
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from dermatech.core import counting
from dermatech.core.problem import problem_response
from dermatech.core.views import APIView
from dermatech.health.checks import State, overall, run_checks
from dermatech.health.serializers import LiveSerializer, ReadySerializer

_PARTS = {
    "database": {"state": "ok", "detail": "PostgreSQL answers", "ms": 2},
    "broker": {"state": "ok", "detail": "Redis answers, 0 waiting", "ms": 1},
    "storage": {"state": "ok", "detail": "photos can be written", "ms": 3},
    "model": {"state": "ok", "detail": "no image model is installed", "ms": 4},
    "worker": {"state": "ok", "detail": "2 workers alive", "ms": 1},
    "audit": {"state": "ok", "detail": "protected; sealed", "ms": 6},
    "releases": {"state": "ok", "detail": "protected", "ms": 1},
}
_NO_WORKER = {
    "state": "down",
    "detail": "no worker has given a sign of life; analyses are kept and wait",
    "ms": 1,
}
_READY = {"status": "ok", "checks": _PARTS}
_NOT_READY = {"status": "down", "checks": {**_PARTS, "worker": _NO_WORKER}}


class HealthView(APIView):
    """Anybody may ask, nobody is counted or throttled: load balancers ask every second."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()


class LiveView(HealthView):
    @extend_schema(
        operation_id="health_live",
        summary="Is the process alive?",
        description="Depends on nothing but the process itself: restart it when this fails.",
        tags=["health"],
        auth=[],
        responses={200: LiveSerializer},
        examples=[OpenApiExample("Alive", value={"status": "ok"}, response_only=True, status_codes=["200"])],
    )
    def get(self, request: Request) -> Response:
        return Response({"status": State.OK.value})


class ReadyView(HealthView):
    @extend_schema(
        operation_id="health_ready",
        summary="Can it serve, part by part?",
        description=(
            "503 when database, broker, storage or worker is down or does not answer within a second. "
            "Consultations are still accepted without broker and worker; their analyses wait."
        ),
        tags=["health"],
        auth=[],
        responses={200: ReadySerializer, 503: ReadySerializer},
        examples=[
            OpenApiExample("Ready", value=_READY, response_only=True, status_codes=["200"]),
            OpenApiExample("No worker", value=_NOT_READY, response_only=True, status_codes=["503"]),
        ],
    )
    def get(self, request: Request) -> Response:
        found = run_checks()
        state = overall(found)
        body = {"status": state, "checks": {name: asdict(finding) for name, finding in found.items()}}
        down = state is State.DOWN
        response = Response(body, status=HTTPStatus.SERVICE_UNAVAILABLE if down else HTTPStatus.OK)
        if down:
            response.headers["Retry-After"] = "5"
        return response


# A proxy in front leaves at least one of these.
_PASSED_ON = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")


def _may_read_metrics(request: HttpRequest) -> bool:
    """The bearer of METRICS_TOKEN, or while developing this machine itself. A request that a proxy
    passed on is never from this machine, whatever address the proxy has."""
    token: str = settings.METRICS_TOKEN
    scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer" and hmac.compare_digest(offered.encode(), token.encode()):
        return True
    if settings.PRODUCTION or any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@csrf_exempt  # so that another method is met by 405 and not by a page about cookies
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text format; for strangers the address does not exist."""
    if not _may_read_metrics(request):
        return problem_response(HTTPStatus.NOT_FOUND)
    response: HttpResponse = ExportToDjangoView(request)
    response.content += counting.exposition().encode()
    return response
