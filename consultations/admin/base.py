"""What the admin pages of patient records share: read-only, limited to what one may see, recorded."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

from django.contrib.admin.views.main import ChangeList
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from accounts import audit
from accounts.audit.admin.base import BoundedPaginator
from accounts.models import User
from consultations.models import Status, TriageLevel
from consultations.services import consultations as services

LEVEL_COLOURS = {
    TriageLevel.EMERGENCY: "danger",
    TriageLevel.REFER_URGENT: "warning",
    TriageLevel.REFER_ROUTINE: "info",
    TriageLevel.PHARMACY_TREATMENT: "primary",
    TriageLevel.SELF_CARE: "success",
}
STATUS_COLOURS = {
    Status.QUEUED: "info",
    Status.RUNNING: "warning",
    Status.SUCCEEDED: "success",
    Status.FAILED: "danger",
}


def actor_of(request: HttpRequest) -> User:
    """Who is at the keyboard; the admin site lets nobody else in."""
    return cast(User, request.user)


def bullets(rows: Iterable[str]) -> SafeString | str:
    """Texts as a list, or a dash."""
    rows = list(rows)
    if not rows:
        return "—"
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((row,) for row in rows)))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> SafeString:
    """A small table; every cell that is not safe already is escaped."""
    return format_html(
        '<table class="case-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        format_html_join("", '<th scope="col">{}</th>', ((cell,) for cell in head)),
        format_html_join(
            "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((c,) for c in row)),) for row in rows)
        ),
    )


def badge(value: str, text: str) -> SafeString:
    """A coloured word on a record's page; lists have the theme's own."""
    return format_html('<span class="level level-{}">{}</span>', value.replace("_", "-"), text)


def short_id(key: uuid.UUID) -> SafeString:
    """The last eight characters, which tell rows of one minute apart; the search takes them too."""
    return format_html('<span class="short-id" title="{}">{}</span>', key, str(key)[-8:])


def case_link(consultation_id: uuid.UUID) -> SafeString:
    """The consultation that a row belongs to."""
    address = reverse("admin:consultations_consultation_change", args=[consultation_id])
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
        address,
        short_id(consultation_id),
    )


class ReadOnly:
    """Nobody adds, changes or deletes a patient's record in the admin."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class CaseAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Read-only pages whose every look at a patient is an audit event."""

    read_action: ClassVar[audit.Action] = audit.Action.CONSULTATION_READ
    deferred: ClassVar[Sequence[str]] = ()
    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 50
    when_empty = "They come from the pharmacies' phones; nothing is entered here."
    show_full_result_count = False
    list_filter_submit = True

    def patient_of(self, obj: Any) -> uuid.UUID:
        """The consultation that a row belongs to."""
        return cast(uuid.UUID, obj.consultation_id)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = cast(Any, self.model)._default_manager.visible_to(actor_of(request))
        if self.list_select_related:  # none named would follow them all
            rows = rows.select_related(*self.list_select_related)
        return cast(models.QuerySet[Any], rows.defer(*self.deferred))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        page: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        obj = getattr(page, "context_data", {}).get("original")
        if obj is not None:
            with transaction.atomic():
                audit.record(
                    actor=actor_of(request), action=self.read_action, entity=obj, patient=self.patient_of(obj)
                )
        return page

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        page: HttpResponse = super().changelist_view(request, extra_context)
        if isinstance(page, TemplateResponse) and page.context_data and "cl" in page.context_data:
            changes = cast(ChangeList, page.context_data["cl"])
            record_list(request, [self.patient_of(row) for row in changes.result_list])
        return page


def record_list(request: HttpRequest, ids: Sequence[uuid.UUID]) -> None:
    """A page of records was looked at."""
    with transaction.atomic():
        services.record_list(actor=actor_of(request), ids=list(dict.fromkeys(ids)))


class CaseInline(ReadOnly, TabularInline):  # type: ignore[misc]  # unfold has no types
    """Rows that belong to the record shown."""

    extra = max_num = 0
    can_delete = False
    show_change_link = True
