"""What the auditor's pages share: read-only, bounded, and each look recorded."""

import uuid
from datetime import UTC, date, datetime, time
from typing import Any, cast

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.audit.recorder import record
from accounts.audit.vocabulary import Action, Purpose
from accounts.models import User
from accounts.policy import Permission, allows

COUNTED = 10_000
DASH = "\N{EN DASH}"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs only
    """Counts no further than COUNTED rows: the log has millions, and a filter finds the rest."""

    @cached_property
    def count(self) -> int:
        return min(self._found, COUNTED)

    @property
    def said(self) -> str:
        """The count as the pages say it."""
        return f"more than {COUNTED:,}" if self._found > COUNTED else f"{self._found or 'no'}"

    @cached_property
    def _found(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[: COUNTED + 1].count()
        return len(rows)


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Nobody adds, changes or deletes, whatever they are otherwise allowed. Reading is recorded."""

    actions = None
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 50
    when_empty = "Everything that anybody does is written here, so there is nothing yet."

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request.user, Permission.AUDIT_READ)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self._record_reading(request, "")
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self._record_reading(request, str(object_id or ""))
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return answer

    def _record_reading(self, request: HttpRequest, object_id: str) -> None:
        if not self.has_view_permission(request):
            return  # Django answers 403
        record_reading(request, self.model._meta.label_lower, object_id)


def record_reading(
    request: HttpRequest, kind: str, object_id: str = "", *, patient: uuid.UUID | None = None
) -> None:
    """Somebody looked at the log."""
    with transaction.atomic():
        record(
            actor=actor_of(request), action=Action.AUDIT_READ, entity=(kind, object_id), patient=patient,
            purpose=Purpose.COMPLIANCE, detail={"query": request.GET.urlencode()[:300]},
        )  # fmt: skip


class TimeSpanFilter(RangeDateTimeFilter):  # type: ignore[misc]  # unfold is untyped
    """From a moment to a moment in UTC, both included. A day without a time means the whole day;
    what cannot be read does not narrow."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for edge, lookup, otherwise in (("from", "gte", time.min), ("to", "lte", time.max)):
            name = f"{self.parameter_name}_{edge}"
            try:
                day = date.fromisoformat(self.used_parameters.get(f"{name}_0") or "")
                hour = time.fromisoformat(self.used_parameters.get(f"{name}_1") or otherwise.isoformat())
            except ValueError:
                continue
            moment = datetime.combine(day, hour.replace(tzinfo=UTC))
            queryset = queryset.filter(**{f"{self.field_path}__{lookup}": moment})
        return queryset


def actor_of(request: HttpRequest) -> User:
    """Who is at the keyboard; the admin site lets nobody else in."""
    return cast(User, request.user)


def short_id(key: str, kind: str = "") -> SafeString:
    """The kind of thing and the end of its id; the whole id shows when pointed at."""
    try:
        tail = str(uuid.UUID(key))[-8:]
    except ValueError:
        tail = key[:24]
    return format_html('<span title="{}">{} <span class="short-id">{}</span></span>', key, kind, tail)


def as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None
