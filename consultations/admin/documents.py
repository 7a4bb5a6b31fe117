"""Leaflet and letter on the consultation's admin page."""

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin.decorators import display
from consultations.admin.base import actor_of
from consultations.documents import services
from consultations.documents.views import answer
from consultations.documents.words import REFERRED
from consultations.models import Consultation
from dermatech.core.errors import DomainError, NotFound

_KINDS = {"leaflet": services.patient_leaflet, "letter": services.referral_letter}


class DocumentsMixin:
    """Adds the field `documents` and the two addresses behind it to the consultation's admin."""

    @display(description="on paper")
    def documents(self, row: Consultation) -> SafeString | str:
        """Links to what can be written; nothing before there is a decision."""
        if not row.decision:
            return "A leaflet or a letter can be written once there is a decision."
        kinds = [("leaflet", "Patient leaflet (PDF)")]
        if row.decision["action"] == "refer" or row.triage_level in REFERRED:
            kinds.append(("letter", "Referral letter (PDF)"))
        links = [
            (reverse(f"admin:consultations_consultation_{kind}", args=[row.pk]), text) for kind, text in kinds
        ]
        return format_html(
            '<ul class="plain">{}</ul>',
            format_html_join(
                "",
                '<li><a class="text-primary-600 dark:text-primary-500" href="{}" target="_blank" '
                'rel="noopener">{}</a></li>',
                links,
            ),
        )

    def get_urls(self) -> list[URLPattern]:
        site: Any = self.admin_site  # type: ignore[attr-defined]  # of the admin that this is mixed into
        own = [
            path(
                f"<uuid:consultation_id>/{kind}",
                site.admin_view(self.document),
                {"kind": kind},
                name=f"consultations_consultation_{kind}",
            )
            for kind in _KINDS
        ]
        others: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [*own, *others]

    def document(self, request: HttpRequest, consultation_id: uuid.UUID, kind: str) -> HttpResponse:
        """The PDF, for those who may see the consultation; why not in words, where it cannot be made."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise Http404
        try:
            made = _KINDS[kind](actor=actor_of(request), consultation_id=consultation_id)
        except NotFound as error:
            raise Http404 from error
        except DomainError as error:
            return HttpResponse(error.detail, status=error.status, content_type="text/plain; charset=utf-8")
        return answer(made, request.headers.get("If-None-Match", ""))
