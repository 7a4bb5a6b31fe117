"""The pages of events: who did what, when, to whom."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import TextFilter
from unfold.decorators import display

from accounts.admin.decorators import action
from accounts.audit.admin import workbench
from accounts.audit.admin.base import DASH, ReadOnlyAdmin, TimeSpanFilter, as_uuid, short_id
from accounts.audit.models import AuditCheckpoint, AuditEvent
from accounts.audit.vocabulary import Outcome, Purpose


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
        patient = as_uuid(value)
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
    actions_list = ("draw_sample", "who_looked")
    actions_detail = ("open_finding",)
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
        known = as_uuid(term)
        if known is not None:
            text = str(known)
            found = Q(pk=known) | Q(patient_id=known) | Q(actor_id=text) | Q(entity_id=text)
            return queryset.filter(found | Q(request_id=term)), False
        words = Q(actor_name__icontains=term) | Q(action__startswith=term.lower())
        return queryset.filter(words | Q(request_id=term) | Q(entity_id=term)), False

    @action(description="Random sample", url_path="sample")
    def draw_sample(self, request: HttpRequest) -> HttpResponse:
        return workbench.sample(request)

    @action(description="Who looked at a patient", url_path="patient")
    def who_looked(self, request: HttpRequest) -> HttpResponse:
        return workbench.patient(request)

    @action(description="Open a finding", url_path="finding")
    def open_finding(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{reverse('admin:accounts_auditfinding_add')}?event={object_id}")

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
        return short_id(event.entity_id, kind) if kind else DASH

    @admin.display(description="patient", ordering="patient_id")
    def patient(self, event: AuditEvent) -> SafeString | str:
        return short_id(str(event.patient_id)) if event.patient_id else DASH

    @admin.display(description="on")
    def on_what(self, event: AuditEvent) -> str:
        return f"{event.entity_type} {event.entity_id}".strip() or DASH

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
        return bytes(leaf.leaf_hash).hex() if leaf else DASH

    @admin.display(description="signed in")
    def checkpoint(self, event: AuditEvent) -> str:
        leaf = getattr(event, "leaf", None)
        signed = leaf and AuditCheckpoint.objects.filter(size__gt=leaf.seq).order_by("size").first()
        if not signed:
            return DASH
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
        return _payload(event)["agent"]["address"] or DASH

    @admin.display(description="device (id of the session)")
    def device(self, event: AuditEvent) -> str:
        return _payload(event)["agent"]["device"] or DASH

    @admin.display(description="program")
    def user_agent(self, event: AuditEvent) -> str:
        return _payload(event)["agent"]["user_agent"] or DASH

    @admin.display(description="recorded values")
    def changed_fields(self, event: AuditEvent) -> str:
        return _pairs(_payload(event)["changes"])

    @admin.display(description="text that was hashed")
    def text(self, event: AuditEvent) -> SafeString:
        return format_html(
            '<code style="white-space: pre-wrap; overflow-wrap: anywhere">{}</code>', event.canonical_json
        )


def _payload(event: AuditEvent) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(event.canonical_json)
    return payload


def _pairs(values: dict[str, Any]) -> str:
    """Names and values; a commitment is a fingerprint and is shown as one."""
    if not values:
        return DASH
    rows = (
        (name.replace("_", " "), DASH if value in (None, "") else value)
        for name, value in sorted(values.items())
    )
    return format_html_join("", '<div><strong>{}</strong> <span class="break-all">{}</span></div>', rows)
