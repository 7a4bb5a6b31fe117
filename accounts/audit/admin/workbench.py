"""An auditor's questions that a list does not answer: a random sample, who looked at a patient, and
the newest checkpoint to take along."""

import base64
import secrets
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts.audit.admin.base import as_uuid, record_reading
from accounts.audit.keys import signing_key
from accounts.audit.models import AuditCheckpoint, AuditEvent
from accounts.audit.sampling import draw
from accounts.audit.sealer import latest_checkpoint
from accounts.audit.vocabulary import Action, Outcome
from accounts.policy import Permission, allows
from dermatech.core import qr

_MOST = 200
# Reading, in the vocabulary of FHIR.
_READS = [action.value for action in Action if action.fhir == "R"]


class SampleForm(forms.Form):
    """What a sample is drawn from and by."""

    seed = forms.CharField(
        max_length=80,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Anything you choose, for example the date and a roll of dice: 2026-01-31/4-2-6-1.",
    )
    count = forms.IntegerField(
        min_value=1, max_value=_MOST, label="How many", widget=UnfoldAdminIntegerFieldWidget()
    )
    size = forms.IntegerField(
        min_value=1,
        required=False,
        label="Events in the checkpoint",
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Empty: the newest checkpoint. To draw an earlier sample again, give its number.",
    )


class PatientForm(forms.Form):
    """Whose record."""

    patient = forms.CharField(
        max_length=40,
        label="Id of the consultation",
        widget=UnfoldAdminTextInputWidget(),
        help_text="As it stands in the events, for example 0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10.",
    )


def sample(request: HttpRequest) -> HttpResponse:
    """A random sample with a seed."""
    _require(request)
    form = SampleForm(request.GET if "seed" in request.GET else None, initial={"count": 20})
    found: dict[str, Any] = {}
    if form.is_valid():
        checkpoint = _checkpoint(form.cleaned_data["size"])
        if checkpoint is None:
            form.add_error("size", "There is no checkpoint of that many events.")
        else:
            record_reading(request, "accounts.auditevent", "sample")
            found = _sample(form.cleaned_data["seed"], form.cleaned_data["count"], checkpoint)
    suggestion = f"{secrets.randbelow(10**8):08d}"
    return _page(
        request, "sample", "Random sample", {"form": form, "suggestion": suggestion, "most": _MOST, **found}
    )


def patient(request: HttpRequest) -> HttpResponse:
    """Who looked at this patient."""
    _require(request)
    form = PatientForm(request.GET if "patient" in request.GET else None)
    found: dict[str, Any] = {}
    if form.is_valid():
        key = as_uuid(form.cleaned_data["patient"])
        if key is None:
            form.add_error("patient", "This is not an id.")
        else:
            record_reading(request, "accounts.auditevent", "patient", patient=key)
            events = AuditEvent.objects.filter(patient_id=key)
            found = {"patient": key, "people": _people(events), "events": events.order_by("id")[:_MOST]}
    return _page(request, "patient", "Who looked at this patient", {"form": form, **found})


def checkpoint_card(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint as text and as a QR code."""
    _require(request)
    checkpoint = latest_checkpoint()
    if checkpoint is not None:
        record_reading(request, "accounts.auditcheckpoint", str(checkpoint.size))
    return _page(
        request, "checkpoint", "Take a checkpoint along",
        {
            "checkpoint": checkpoint,
            "picture": qr_code(checkpoint.note) if checkpoint else "",
            "key": signing_key().verifier_key,
        },
    )  # fmt: skip


def qr_code(text: str) -> str:
    """A data URL of an SVG picture."""
    return f"data:image/svg+xml;base64,{base64.b64encode(qr.svg(text).encode()).decode()}"


def _require(request: HttpRequest) -> None:
    if not allows(request.user, Permission.AUDIT_READ):
        raise PermissionDenied


def _checkpoint(size: int | None) -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.filter(size=size).first() if size else latest_checkpoint()


def _sample(seed: str, count: int, checkpoint: AuditCheckpoint) -> dict[str, Any]:
    numbers = draw(seed, bytes(checkpoint.root), checkpoint.size, count)
    events = AuditEvent.objects.filter(leaf__seq__in=numbers).select_related("leaf").order_by("leaf__seq")
    return {"events": events, "checkpoint": checkpoint, "root": bytes(checkpoint.root).hex()}


def _people(events: "QuerySet[AuditEvent]") -> "QuerySet[Any, Any]":
    """Each person once: when first and last, how often they read, changed, were refused."""
    return (
        events.values("actor_id", "actor_name")
        .annotate(
            first=Min("recorded_at"),
            last=Max("recorded_at"),
            reads=Count("id", filter=Q(action__in=_READS, outcome=Outcome.SUCCESS)),
            changes=Count("id", filter=~Q(action__in=_READS) & Q(outcome=Outcome.SUCCESS)),
            refused=Count("id", filter=~Q(outcome=Outcome.SUCCESS)),
        )
        .order_by("first")
    )


def _page(request: HttpRequest, name: str, title: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(
        request,
        f"admin/accounts/audit/{name}.html",
        {**admin.site.each_context(request), "title": title, **context},
    )
