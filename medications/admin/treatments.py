"""Treatments and their regimens in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from unfold.admin import StackedInline

from accounts.admin.decorators import display
from medications.admin.base import AsksForChoice, FormularyAdmin
from medications.admin.sheets.importing import SheetAdmin
from medications.admin.sheets.treatments import TreatmentSheet
from medications.admin.treatment_forms import RegimenForm, RegimenFormSet, TreatmentForm
from medications.models import Line, Regimen, Treatment
from triage.admin.base import PROVENANCE
from triage.models import Condition

_LINE_COLOURS = {Line.FIRST.label: "success", Line.SECOND.label: "info", Line.ADJUNCT.label: "primary"}


class RegimenInline(AsksForChoice, StackedInline):  # type: ignore[misc]  # unfold is untyped
    model = Regimen
    form = RegimenForm
    formset = RegimenFormSet

    def get_extra(self, request: HttpRequest, obj: Treatment | None = None, **kwargs: Any) -> int:
        """A new treatment begins with one empty regimen."""
        return 0 if obj else 1

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
class TreatmentAdmin(SheetAdmin, FormularyAdmin):
    """Treatments."""

    form = TreatmentForm
    sheet = TreatmentSheet
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

    def get_fieldsets(self, request: HttpRequest, obj: Treatment | None = None) -> Any:
        """A new treatment has no id yet: it follows from condition and medicine."""
        if obj is not None:
            return self.fieldsets
        first, *others = self.fieldsets
        return ((first[0], {**first[1], "fields": (("condition", "medication"), "line")}), *others)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Condition and medicine make the id, so they are chosen once."""
        fixed = super().get_readonly_fields(request, obj)
        return (*fixed, "condition", "medication") if obj else fixed

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
