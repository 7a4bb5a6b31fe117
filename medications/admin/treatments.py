"""Treatments and their regimens in the admin."""

from decimal import Decimal
from itertools import combinations
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from unfold.admin import StackedInline
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin.decorators import display
from medications.admin.base import FormularyAdmin
from medications.checks import overlap
from medications.engine.model import Population
from medications.models import Line, Regimen, Treatment
from triage.admin.base import PROVENANCE, ItemForm
from triage.admin.fields import LinesField
from triage.models import Condition

_RANGES = ("mg_per_kg", "dose_mg", "units", "dose_ml", "doses_per_day")
_LINE_COLOURS = {Line.FIRST.label: "success", Line.SECOND.label: "info", Line.ADJUNCT.label: "primary"}


def _conditions() -> list[tuple[str, str]]:
    return [("", "---"), *Condition.objects.order_by("name").values_list("code", "name")]


class TreatmentForm(ItemForm):
    """The condition is chosen among those there are."""

    condition = forms.ChoiceField(choices=_conditions, widget=UnfoldAdminSelectWidget())
    conditions_of_use = LinesField(
        help_text="One sentence per line, as: Under 10% of skin. Sentences that are use limits exclude by "
        "themselves, the others are shown to the pharmacist."
    )
    stop_and_refer_if = LinesField(help_text="One sentence per line, as: No better in 7 days.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        condition, medication = data.get("condition"), data.get("medication")
        if condition and medication:
            wanted = f"{condition}--{medication.code}"
            if (data.get("code") or self.instance.code) != wanted:
                self.add_error("code" if "code" in self.fields else None, f"The id must be {wanted}.")
        return data


class RegimenForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """Each amount within its maximum; a single figure fills both ends of its range."""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in _RANGES:
            low, high = data.get(f"{name}_low"), data.get(f"{name}_high")
            data[f"{name}_low"], data[f"{name}_high"] = low or high, high or low
            if low and high and low > high:
                self.add_error(f"{name}_high", "Must not be below the lower end.")
        self._in_order(data, "age_min_months", "age_max_months", "Must not be below the youngest age.")
        weights = data.get("weight_min_kg"), data.get("weight_max_kg")
        if weights[0] is not None and weights[1] is not None and weights[0] >= weights[1]:
            self.add_error("weight_max_kg", "Must be above the lower weight.")
        self._maxima(data)
        return data

    def _in_order(self, data: dict[str, Any], first: str, last: str, message: str) -> None:
        low, high = data.get(first), data.get(last)
        if low is not None and high is not None and low > high:
            self.add_error(last, message)

    def _maxima(self, data: dict[str, Any]) -> None:
        single, daily = data.get("max_single_mg"), data.get("max_daily_mg")
        dose, per_day = data.get("dose_mg_high"), data.get("doses_per_day_low") or Decimal(1)
        if dose and single and dose > single:
            self.add_error("dose_mg_high", f"Above the most at once, {single.normalize():f} mg.")
        if dose and daily and dose * per_day > daily:
            self.add_error(
                "dose_mg_high", f"Above the most a day, {daily.normalize():f} mg, at that frequency."
            )
        if data.get("mg_per_kg_high"):
            for name in ("max_single_mg", "max_daily_mg", "doses_per_day_high"):
                if not data.get(name):
                    self.add_error(name, "A dose by weight needs this, so that nobody gets too much.")


class RegimenFormSet(BaseInlineFormSet):  # type: ignore[type-arg]  # generic in the stubs only
    """No two regimens for the same patient, and none longer or younger than the medicine allows."""

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form.is_valid() and _is_kept(form)]
        if not kept and not self.total_error_count():
            raise ValidationError("A treatment needs a regimen.")
        for form in kept:
            _within_medicine(form, self.instance)
        for one, other in combinations(kept, 2):
            if overlap(_population(one.cleaned_data), _population(other.cleaned_data)):
                other.add_error(
                    "age_min_months", "Another regimen is for some of the same patients; close the bands."
                )


def _is_kept(form: Any) -> bool:
    return bool(form.cleaned_data) and not form.cleaned_data.get("DELETE")


def _population(data: dict[str, Any]) -> Population:
    return Population(
        age_min_months=data.get("age_min_months"),
        age_max_months=data.get("age_max_months"),
        weight_min_kg=data.get("weight_min_kg"),
        weight_max_kg=data.get("weight_max_kg"),
        severity=data.get("severity") or None,
    )


def _within_medicine(form: Any, treatment: Treatment) -> None:
    if getattr(treatment, "medication_id", None) is None:  # a new one, its medicine not chosen yet
        return
    medicine, data = treatment.medication, form.cleaned_data
    if (data.get("age_min_months") or 0) < medicine.age_min_months:
        form.add_error(
            "age_min_months", f"The medicine itself is only from {medicine.age_min_months} months."
        )
    limit, days = medicine.max_duration_days, data.get("duration_days")
    if limit is not None and days is not None and days > limit:
        form.add_error("duration_days", f"The medicine itself is only for up to {limit} days.")


class RegimenInline(StackedInline):  # type: ignore[misc]  # unfold is untyped
    model = Regimen
    form = RegimenForm
    formset = RegimenFormSet
    extra = 0
    fieldsets = (
        (
            "For whom",
            {
                "fields": (
                    ("position", "severity"),
                    ("age_min_months", "age_max_months", "weight_min_kg", "weight_max_kg"),
                )
            },
        ),
        ("In words", {"fields": (("dose", "frequency", "duration_days"), "instructions")}),
        (
            "In numbers",
            {
                "description": "One dose. A single figure goes into both fields. 15 mg/kg needs the most at "
                "once and a day.",
                "fields": (
                    ("dose_mg_low", "dose_mg_high", "mg_per_kg_low", "mg_per_kg_high"),
                    ("units_low", "units_high", "dose_ml_low", "dose_ml_high"),
                    ("doses_per_day_low", "doses_per_day_high", "max_doses_per_day", "doses_per_week"),
                    ("max_single_mg", "max_daily_mg", "max_daily_mg_per_kg", "max_dose"),
                    ("grams_per_application", "grams_per_application_max"),
                ),
            },
        ),
    )


@admin.register(Treatment)
class TreatmentAdmin(FormularyAdmin):
    """Treatments."""

    form = TreatmentForm
    inlines = (RegimenInline,)
    list_display = ("condition_title", "medicine", "line_label", "sureness", "review")
    list_display_links = ("condition_title", "medicine")
    search_help_text = "Condition or medicine"
    list_filter = ("line", "condition", "medication__legal_class", "content_state", "confidence")
    list_select_related = ("medication",)
    search_fields = ("code", "condition", "medication__generic_name", "medication__code", "reviewer_notes")
    autocomplete_fields = ("medication",)
    fieldsets = (
        (
            None,
            {
                "description": "One medicine for one condition; the regimens below say how it is given "
                "to whom.",
                "fields": (("condition", "medication"), ("line", "code")),
            },
        ),
        ("When to use it, when to stop", {"fields": ("conditions_of_use", "stop_and_refer_if")}),
        ("For reviewers", {"fields": ("reviewer_notes",)}),
        PROVENANCE,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Treatment]:
        name = Condition.objects.filter(code=OuterRef("condition")).values("name")[:1]
        queryset: QuerySet[Treatment] = super().get_queryset(request)
        return queryset.annotate(condition_name=Subquery(name))

    @display(description="Condition", ordering="condition")
    def condition_title(self, obj: Treatment) -> str:
        return str(getattr(obj, "condition_name", None) or obj.condition)

    @display(description="Medicine", ordering="medication__generic_name")
    def medicine(self, obj: Treatment) -> str:
        return str(obj.medication)

    @display(description="Line", ordering="line", label=_LINE_COLOURS)
    def line_label(self, obj: Treatment) -> str:
        return str(Line(obj.line).label)
