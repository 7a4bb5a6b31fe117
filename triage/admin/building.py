"""The addresses that the rule builder asks."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path

from triage.admin.examining import examine, vocabulary

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Admin = ModelAdmin[Any]


def urls(model_admin: "Admin") -> list[URLPattern]:
    """Read-only questions for whoever may see the rules."""
    wrap = model_admin.admin_site.admin_view

    def words(request: HttpRequest) -> HttpResponse:
        _must_see(model_admin, request)
        return JsonResponse(vocabulary())

    return [
        path("builder/vocabulary", wrap(words), name="triage_guideline_vocabulary"),
        path("builder/examine", wrap(answering(model_admin, examine)), name="triage_guideline_examine"),
    ]


def answering(
    model_admin: "Admin", answer: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Callable[[HttpRequest], HttpResponse]:
    """A view that answers a JSON object with one; nothing is stored."""

    def view(request: HttpRequest) -> HttpResponse:
        _must_see(model_admin, request)
        if request.method != "POST":
            return JsonResponse({"message": "Ask with POST."}, status=405)
        asked = body_of(request)
        if asked is None:
            return JsonResponse({"message": "This cannot be read."}, status=400)
        return JsonResponse(answer(asked))

    return view


def body_of(request: HttpRequest) -> dict[str, Any] | None:
    """The JSON object that was sent; None when it is none."""
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _must_see(model_admin: "Admin", request: HttpRequest) -> None:
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
