"""The auditor's pages: events and checkpoints, to read and nothing else."""

import json
import uuid
from datetime import UTC, date, datetime, time
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateTimeFilter, TextFilter
from unfold.decorators import display

from accounts.audit.keys import signing_key
from accounts.audit.models import AuditCheckpoint, AuditEvent
from accounts.audit.recorder import record
from accounts.audit.vocabulary import Action, Outcome, Purpose
from accounts.policy import Permission, allows

COUNTED = 10_000
_DASH = "\N{EN DASH}"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs only
    """Counts no further than COUNTED rows: the log has millions, and a filter finds the rest."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[:COUNTED].count()
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
        with transaction.atomic():
            record(
                actor=request.user,  # type: ignore[arg-type]  # it has a permission, so it is a User
                action=Action.AUDIT_READ,
                entity=(self.model._meta.label_lower, object_id),
                purpose=Purpose.COMPLIANCE,
                detail={"query": request.GET.urlencode()[:300]},
            )


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


class PersonFilter(TextFilter):  # type: ignore[misc]  # unfold is untyped
    title = "person (name or id)"
    parameter_name = "person"

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        value = (self.value() or "").strip()
        if not value:
            return queryset
        return queryset.filter(Q(actor_id=value.lower()) | Q(actor_name__icontains=value))


class PatientFilter(TextFilter):  # type: ignore[misc]  # unfold is untyped
    title = "patient (id of the consultation)"
    parameter_name = "patient"

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        value = (self.value() or "").strip()
        if not value:
            return queryset
        patient = _uuid(value)
        return queryset.filter(patient_id=patient) if patient else queryset.none()


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what, when, to whom."""

    list_display = ("when", "actor_name", "what", "on_short", "patient", "outcome_badge", "number")
    list_display_links = ("when", "what")
    list_filter = (
        ("recorded_at", TimeSpanFilter),
        "outcome",
        "action",
        PersonFilter,
        PatientFilter,
    )
    list_filter_submit = True
    list_select_related = ("leaf",)
    search_fields = ("actor_name", "request_id", "entity_id", "action")
    search_help_text = "Name, action (photo.read) or any id"
    ordering = ("-id",)
    fieldsets = (
        (
            "What happened",
            {
                "fields": ("sentence", ("when", "result"), ("what", "purpose"), "detail"),
                "description": "One act, as it was recorded in the transaction of the act itself.",
            },
        ),
        (
            "Who",
            {
                "fields": (("actor_name", "role"), ("address", "user_agent"), "actor_id", "device"),
                "description": "As they were called then; a later change of name does not show here.",
            },
        ),
        (
            "What it concerns",
            {
                "fields": ("on_what", "patient_id", "request_id", "changed_fields"),
                "description": "Values of a patient stand here only as commitments: fingerprints that prove "
                "a value without telling it.",
            },
        ),
        (
            "Place in the log",
            {
                "fields": ("id", "number", "leaf_hash", "checkpoint", "text"),
                "description": "The number is given when the event is sealed, within seconds. The "
                "fingerprint is the SHA-256 of a zero byte and the text below, byte for byte.",
            },
        ),
    )
    readonly_fields = tuple(
        name
        for _, part in fieldsets
        for row in part["fields"]
        for name in ((row,) if isinstance(row, str) else row)
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """Exact on ids, where there is an index; by beginning or part of a word otherwise."""
        term = search_term.strip()
        if not term:
            return queryset, False
        known = _uuid(term)
        if known is not None:
            text = str(known)
            found = Q(pk=known) | Q(patient_id=known) | Q(actor_id=text) | Q(entity_id=text)
            return queryset.filter(found | Q(request_id=term)), False
        words = Q(actor_name__icontains=term) | Q(action__startswith=term.lower())
        return queryset.filter(words | Q(request_id=term) | Q(entity_id=term)), False

    @admin.display(description="time (UTC)", ordering="id")
    def when(self, event: AuditEvent) -> str:
        return date_format(event.recorded_at, "Y-m-d H:i:s")

    @admin.display(description="action", ordering="action")
    def what(self, event: AuditEvent) -> str:
        return f"{event.get_action_display()} ({event.action})"

    @admin.display(description="in short")
    def sentence(self, event: AuditEvent) -> str:
        who = event.actor_name or "The system"
        whom = f", of the patient {event.patient_id}" if event.patient_id else ""
        return (
            f"{who}: {event.get_action_display()} ({event.get_outcome_display().lower()}), "
            f"{self.on_what(event)}{whom}, on {self.when(event)} UTC."
        )

    @admin.display(description="on")
    def on_short(self, event: AuditEvent) -> SafeString | str:
        """The kind of thing and the end of its id; the whole id stands on the event's page."""
        kind = event.entity_type.rpartition(".")[2]
        return _short(event.entity_id, kind) if kind else _DASH

    @admin.display(description="patient", ordering="patient_id")
    def patient(self, event: AuditEvent) -> SafeString | str:
        return _short(str(event.patient_id)) if event.patient_id else _DASH

    @admin.display(description="on")
    def on_what(self, event: AuditEvent) -> str:
        return f"{event.entity_type} {event.entity_id}".strip() or _DASH

    @display(  # type: ignore[untyped-decorator]  # unfold is untyped
        description="outcome",
        label={
            Outcome.SUCCESS.value: "success",
            Outcome.DENIED.value: "warning",
            Outcome.FAILED.value: "danger",
        },
    )
    def outcome_badge(self, event: AuditEvent) -> tuple[str, str]:
        return event.outcome, event.get_outcome_display()

    @admin.display(description="outcome")
    def result(self, event: AuditEvent) -> str:
        return event.get_outcome_display()

    @admin.display(description="number")
    def number(self, event: AuditEvent) -> str:
        leaf = getattr(event, "leaf", None)
        return f"{leaf.seq:,}" if leaf else "waiting to be sealed"

    @admin.display(description="fingerprint")
    def leaf_hash(self, event: AuditEvent) -> str:
        leaf = getattr(event, "leaf", None)
        return bytes(leaf.leaf_hash).hex() if leaf else _DASH

    @admin.display(description="signed in")
    def checkpoint(self, event: AuditEvent) -> str:
        leaf = getattr(event, "leaf", None)
        signed = leaf and AuditCheckpoint.objects.filter(size__gt=leaf.seq).order_by("size").first()
        if not signed:
            return _DASH
        return f"checkpoint of {signed.size:,} events, {date_format(signed.created_at, 'Y-m-d H:i:s')} UTC"

    @admin.display(description="purpose of use")
    def purpose(self, event: AuditEvent) -> str:
        code = str(_payload(event)["purpose"])
        return next((f"{choice.label} ({code})" for choice in Purpose if choice.fhir == code), code)

    @admin.display(description="details")
    def detail(self, event: AuditEvent) -> str:
        return _pairs(_payload(event)["detail"])

    @admin.display
    def role(self, event: AuditEvent) -> str:
        return str(_payload(event)["agent"]["role"])

    @admin.display
    def address(self, event: AuditEvent) -> str:
        return _payload(event)["agent"]["address"] or _DASH

    @admin.display(description="device (id of the session)")
    def device(self, event: AuditEvent) -> str:
        return _payload(event)["agent"]["device"] or _DASH

    @admin.display(description="program")
    def user_agent(self, event: AuditEvent) -> str:
        return _payload(event)["agent"]["user_agent"] or _DASH

    @admin.display(description="recorded values")
    def changed_fields(self, event: AuditEvent) -> str:
        return _pairs(_payload(event)["changes"])

    @admin.display(description="text that was hashed")
    def text(self, event: AuditEvent) -> SafeString:
        return format_html(
            '<code style="white-space: pre-wrap; overflow-wrap: anywhere">{}</code>', event.canonical_json
        )


@admin.register(AuditCheckpoint)
class AuditCheckpointAdmin(ReadOnlyAdmin):
    """Signed statements about the whole log. Keep one elsewhere: it makes a cut tail visible."""

    list_display = ("size", "created_at", "root_start")
    list_filter = (("created_at", TimeSpanFilter),)
    list_filter_submit = True
    ordering = ("-size",)
    fieldsets = (
        (
            None,
            {
                "fields": ("size", "created_at", "root_hex", "signed", "public_key"),
                "description": "Copy the signed text and keep it outside this system, for example printed "
                "or in your own mail. Any later export can be compared with it: verifier.py --checkpoint.",
            },
        ),
    )
    readonly_fields = ("size", "created_at", "root_hex", "signed", "public_key")

    @admin.display(description="Merkle root")
    def root_start(self, checkpoint: AuditCheckpoint) -> str:
        return f"{bytes(checkpoint.root).hex()[:16]}..."

    @admin.display(description="Merkle root")
    def root_hex(self, checkpoint: AuditCheckpoint) -> str:
        return bytes(checkpoint.root).hex()

    @admin.display(description="signed text")
    def signed(self, checkpoint: AuditCheckpoint) -> SafeString:
        return format_html('<pre style="overflow-x: auto">{}</pre>', checkpoint.note)

    @admin.display(description="public key to verify with")
    def public_key(self, checkpoint: AuditCheckpoint) -> SafeString:
        return format_html('<code style="overflow-wrap: anywhere">{}</code>', signing_key().verifier_key)


def _payload(event: AuditEvent) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(event.canonical_json)
    return payload


def _pairs(values: dict[str, Any]) -> str:
    """Names and values; a commitment is a fingerprint and is shown as one."""
    if not values:
        return _DASH
    rows = (
        (name.replace("_", " "), _DASH if value in (None, "") else value)
        for name, value in sorted(values.items())
    )
    return format_html_join("", '<div><strong>{}</strong> <span class="break-all">{}</span></div>', rows)


def _short(key: str, kind: str = "") -> SafeString:
    try:
        tail = str(uuid.UUID(key))[-8:]
    except ValueError:
        tail = key[:24]
    return format_html('<span title="{}">{} <span class="short-id">{}</span></span>', key, kind, tail)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
