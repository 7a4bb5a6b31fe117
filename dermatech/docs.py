"""The two documentation pages, from this server alone."""

from functools import lru_cache
from importlib import resources

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularRedocView

_BUNDLE = "static/drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
# Redoc's footer asks another host for its maker's logo, with no option against it.
_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_NOTHING = b"data:,"


@lru_cache(maxsize=1)
def _bundle() -> bytes:
    return (resources.files("drf_spectacular_sidecar") / _BUNDLE).read_bytes().replace(_LOGO, _NOTHING)


@require_safe
@cache_control(public=True, max_age=86_400)
def redoc_bundle(request: HttpRequest) -> HttpResponse:
    """Redoc's script without its one request to another host."""
    return HttpResponse(_bundle(), content_type="text/javascript; charset=utf-8")


class RedocView(SpectacularRedocView):
    """Redoc over the bundle above."""

    @staticmethod
    def _redoc_standalone() -> str:
        return reverse("redoc-bundle")
