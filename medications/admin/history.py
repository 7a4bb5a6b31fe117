"""The history page of the formulary: edits in words, with what belongs to an item."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from simple_history.admin import SimpleHistoryAdmin

from medications.changelog import edits_of
from medications.templatetags.formulary import state_badges

_PER_PAGE = 25


class ReadableHistoryAdmin(SimpleHistoryAdmin):  # type: ignore[misc]  # simple_history is untyped
    """`history_view` as edits; a single version is still shown, and brought back, as before."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        item = self.get_object(request, object_id)
        if item is None:  # deleted: the list of versions is all that is left
            gone: HttpResponse = super().history_view(request, object_id, extra_context)
            return gone
        if not self.has_view_history_or_change_history_permission(request, item):
            raise PermissionDenied
        pages = Paginator(edits_of(item), _PER_PAGE)
        page = pages.get_page(request.GET.get("p"))
        if request.GET.get("p", "1") not in {str(number) for number in pages.page_range}:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {item}",
            "opts": self.opts,
            "object": item,
            "page": page,
            "media": self.media,
            "badges": state_badges(item),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/medications/history.html", context)
