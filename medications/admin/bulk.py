"""Chosen fields of many medicines changed at once: choose, look at every change, confirm.

Each medicine is judged by its own form; one that would be wrong stops all of them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from medications import services
from medications.admin.sheets.cells import Change, filled, label_of, problems_of
from medications.admin.sheets.medicines import INTERACTIONS, MedicationSheetForm, differences
from medications.admin.sheets.resource import state_of
from medications.models import Medication
from triage.admin.base import actor_of

MOST = 500  # medicines at once
_SET = (
    "legal_class", "legal_class_confidence", "aware_group", "age_min_months", "pregnancy", "lactation",
    "max_duration_days", "max_weekly_grams", "scored", "storage", "eml_ghana", "nhis_listed", "nhis_level",
    "confidence",
)  # fmt: skip
_LISTS = (
    "contraindications", "cautions", "allergy_classes", "body_site_restrictions", "application_limits",
    "counselling_points", "adverse_effects", "unverified_fields",
)  # fmt: skip


class Judged(NamedTuple):
    """What would become of one medicine."""

    medicine: Medication
    state: str
    changes: Sequence[Change]
    problems: Sequence[str]
    form: Any


class BulkForm(forms.Form):
    """Which fields, and what they shall say. `made_of` are the fields of the admin's own form."""

    ids = forms.CharField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, made_of: Mapping[str, forms.Field], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made_of = made_of
        for name in _SET:
            label = label_of(name, made_of[name])
            self.fields[f"change_{name}"] = forms.BooleanField(
                required=False, label=f"Change {label}", widget=UnfoldBooleanWidget()
            )
            self.fields[f"to_{name}"] = forms.CharField(
                required=False, label=label, widget=made_of[name].widget, max_length=2_000
            )
            self.fields[f"to_{name}"].widget.attrs["aria-label"] = label
        for name in _LISTS:
            label = label_of(name, made_of[name])
            for what in ("add", "remove"):
                self.fields[f"{what}_{name}"] = forms.CharField(
                    required=False,
                    label=f"{what.capitalize()}: {label}",
                    widget=UnfoldAdminTextareaWidget(
                        attrs={"rows": 2, "aria-label": f"{what.capitalize()}: {label}"}
                    ),
                    max_length=10_000,
                )

    def clean_ids(self) -> list[str]:
        ids = [each for each in self.cleaned_data["ids"].split(",") if each]
        if len(ids) > MOST:
            raise ValidationError(f"At most {MOST} medicines at once.")
        return ids

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        chosen = any(data.get(f"change_{name}") for name in _SET)
        chosen = chosen or any(data.get(f"{what}_{name}") for name in _LISTS for what in ("add", "remove"))
        if not chosen:
            raise ValidationError("Tick a field to change, or write an entry to add or to remove.")
        return data

    def rows_to_set(self) -> list[tuple[Any, Any]]:
        return [(self[f"change_{name}"], self[f"to_{name}"]) for name in _SET]

    def rows_of_lists(self) -> list[tuple[str, Any, Any]]:
        return [
            (label_of(name, self.made_of[name]), self[f"add_{name}"], self[f"remove_{name}"])
            for name in _LISTS
        ]

    def cells_for(self, medicine: Medication) -> dict[str, str]:
        """The medicine's cells as they would become."""
        data = self.cleaned_data
        cells = {name: data[f"to_{name}"] for name in _SET if data[f"change_{name}"]}
        for name in _LISTS:
            add, remove = _lines(data[f"add_{name}"]), set(_lines(data[f"remove_{name}"]))
            if add or remove:
                kept = [entry for entry in getattr(medicine, name) if entry not in remove]
                cells[name] = "\n".join([*kept, *(entry for entry in add if entry not in kept)])
        return cells


class BulkEdit(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Adds the action and its page."""

    actions = ("change_many",)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.bulk_view)
        return [path("many/", view, name="medications_medication_many"), *super().get_urls()]

    @admin.action(description="Change fields of the chosen medicines", permissions=["change"])
    def change_many(self, request: HttpRequest, queryset: QuerySet[Medication]) -> HttpResponse | None:
        chosen = list(queryset.values_list("pk", flat=True)[: MOST + 1])
        if len(chosen) > MOST:
            self.message_user(request, f"Choose at most {MOST} medicines.", messages.ERROR)
            return None
        form = self._form(request, initial={"ids": ",".join(map(str, chosen))})
        return self._page(request, form, _found(map(str, chosen)))

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """The choice, its preview, and the writing, told apart by the button that was pressed."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:medications_medication_changelist"))
        form = self._form(request, request.POST)
        form.is_valid()
        medicines = _found(form.cleaned_data.get("ids") or [])
        if form.errors or "back" in request.POST:
            return self._page(request, form, medicines)
        judged = [judge(form, medicine) for medicine in medicines]
        if "confirm" not in request.POST or any(each.problems for each in judged):
            return self._page(request, form, medicines, judged)
        if request.POST.get("fingerprint") != fingerprint(judged):
            messages.error(request, "Somebody changed one of these medicines since you looked. Look again.")
            return self._page(request, form, medicines, judged)
        count = carry_out(actor_of(request), judged)
        messages.success(
            request, f"{count} medicine{'s were' if count != 1 else ' was'} changed. "
            "Nothing takes effect before a release."
        )  # fmt: skip
        return HttpResponseRedirect(reverse("admin:medications_medication_changelist"))

    def _form(self, request: HttpRequest, data: Any = None, **kwargs: Any) -> BulkForm:
        made_of = self.get_form(request, None, change=False).base_fields
        return BulkForm(data, made_of=made_of, **kwargs)

    def _page(
        self,
        request: HttpRequest,
        form: BulkForm,
        medicines: Sequence[Medication],
        judged: Sequence[Judged] = (),
    ) -> HttpResponse:
        changing = [each for each in judged if each.changes or each.problems]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Change {len(medicines)} medicine{'s' if len(medicines) != 1 else ''}",
            "opts": self.opts,
            "media": self.media + form.media,
            "form": form,
            "medicines": medicines,
            "judged": judged,
            "changing": changing,
            "bad": [each for each in judged if each.problems],
            "unchanged": len(judged) - len(changing),
            "fingerprint": fingerprint(judged),
        }
        return TemplateResponse(request, "admin/medications/bulk.html", context)


def judge(bulk: BulkForm, medicine: Medication) -> Judged:
    """What the chosen changes would make of `medicine`, by the rules of its own form."""
    state = state_of(medicine)
    form = filled(MedicationSheetForm, medicine, bulk.cells_for(medicine))
    if not form.has_changed():
        return Judged(medicine, state, (), (), form)
    if form.is_valid():
        return Judged(medicine, state, differences(form, medicine), (), form)
    problems = [
        f"{label_of(name, form.fields[name]) if name in form.fields else 'The medicine'}: {text}"
        for name, texts in problems_of(form).items()
        for text in texts
    ]
    return Judged(medicine, state, (), problems, form)


def fingerprint(judged: Iterable[Judged]) -> str:
    """Of every change that was shown."""
    told = [[str(each.medicine.pk), each.changes] for each in judged if each.changes]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def carry_out(actor: Any, judged: Sequence[Judged]) -> int:
    """Write all of it, and say how many medicines were changed."""
    changing = [each for each in judged if each.changes]
    with transaction.atomic():
        for each in changing:
            changed = [change.field for change in each.changes if change.field != INTERACTIONS]
            services.save_medicine(
                actor=actor,
                medicine=each.form.instance,
                changed=changed,
                reason=f"edit of {len(changing)} medicines together",
            )
    return len(changing)


def _found(ids: Iterable[str]) -> list[Medication]:
    try:
        rows = Medication.objects.filter(pk__in=list(ids))
        return list(rows.prefetch_related("interactions").order_by("generic_name", "code"))
    except ValidationError:  # an id that is none
        return []


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
