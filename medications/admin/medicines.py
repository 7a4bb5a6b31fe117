"""Medicines and their interactions in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from accounts.admin.decorators import display
from medications.admin.base import FormularyAdmin, allergy_codes, body_sites, lower_case
from medications.engine.strength import parse_strength
from medications.models import Interaction, InteractionClass, LegalClass, Medication, Route
from triage.admin.base import PROVENANCE, ItemForm
from triage.admin.fields import LinesField

_ONE = "One per line."
LEGAL_COLOURS = {
    LegalClass.OTC.label: "success",
    LegalClass.PHARMACY_ONLY.label: "info",
    LegalClass.PRESCRIPTION_ONLY.label: "warning",
}


class MedicationForm(ItemForm):
    """Lists are edited one entry per line."""

    brand_examples = LinesField(label="Brands", help_text="As Canesten; one per line.", rows=3)
    ingredients = LinesField(
        required=True, help_text="Generic names, one per line; allergies are checked against them.", rows=2
    )
    allergy_classes = LinesField(
        known=allergy_codes, kind="allergy class", help_text="As imidazoles; one per line.", rows=2
    )
    contraindications = LinesField(
        help_text="As: Peptic ulcer. A health concept named here excludes the medicine for whoever has it."
    )
    cautions = LinesField(help_text="As: Kidney disease. A health concept named here warns.")
    body_site_restrictions = LinesField(
        known=body_sites, kind="body site", help_text="As eyelids; face stands for all of the face."
    )
    application_limits = LinesField(help_text="As: Not on broken skin.")
    counselling_points = LinesField(help_text="What to tell the patient, one sentence per line.")
    adverse_effects = LinesField(help_text=_ONE, rows=3)

    def clean_ingredients(self) -> list[str]:
        return lower_case(self.cleaned_data["ingredients"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        form, strength = data.get("form", ""), data.get("strength", "")
        if form.startswith("oral") and not parse_strength(strength, form) and not data.get("strength_mg"):
            self.add_error("strength", "Say how many mg are in how many mL, as 125 mg/5 mL.")
        if bool(data.get("strength_mg")) != bool(data.get("strength_per")):
            self.add_error("strength_per", "Give both numbers or neither: 125 (mg) in 5 (mL).")
        if bool(data.get("pack_size")) != bool(data.get("pack_unit")):
            self.add_error("pack_unit", "Give the size and its unit, as 20 g.")
        if data.get("route") == Route.ORAL and data.get("body_site_restrictions"):
            self.add_error("body_site_restrictions", "A medicine taken by mouth has no body sites.")
        return data


class InteractionForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A class must exist; a generic name is kept in lower case."""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        other, kind = (data.get("other") or "").strip().lower(), data.get("kind")
        if kind == Interaction.Kind.CLASS and not InteractionClass.objects.filter(code=other).exists():
            self.add_error("other", ValidationError(f"There is no interaction class {other[:80]!r}."))
        data["other"] = other
        return data


class InteractionInline(TabularInline):  # type: ignore[misc]  # unfold is untyped
    model = Interaction
    form = InteractionForm
    fields = ("kind", "other", "severity", "effect")
    extra = 0
    verbose_name_plural = "Interactions: major excludes the medicine, moderate and minor warn"


@admin.register(Medication)
class MedicationAdmin(FormularyAdmin):
    """Medicines."""

    form = MedicationForm
    inlines = (InteractionInline,)
    list_display = ("medicine", "legal_label", "aware_group", "uses", "code", "sureness", "review")
    search_help_text = "Generic name, brand, ATC code or ingredient"
    list_filter = (
        "legal_class", "route", "form", "aware_group", "pregnancy", "lactation", "content_state",
        "confidence", "nhis_listed",
    )  # fmt: skip
    search_fields = ("code", "generic_name", "brand_examples", "atc", "pharmacological_class", "ingredients")
    fieldsets = (
        (
            None,
            {
                "description": "One product: substance, form and strength. Nothing you change here takes "
                "effect before a release.",
                "fields": (
                    ("generic_name", "atc", "code"),
                    "brand_examples",
                    ("form", "strength", "route"),
                    ("strength_mg", "strength_per", "scored"),
                    ("pack_size", "pack_unit"),
                ),
            },
        ),
        (
            "Who may supply it",
            {
                "description": "Class A only on prescription, B by pharmacies only, C by over-the-counter "
                "sellers as well.",
                "fields": (("legal_class", "legal_class_confidence"), "aware_group"),
            },
        ),
        (
            "What it is made of",
            {
                "description": "An allergy to an ingredient or a class listed here excludes the medicine.",
                "fields": ("pharmacological_class", "ingredients", "allergy_classes", "allergy_note"),
            },
        ),
        (
            "For whom",
            {
                "description": "'Avoid' excludes, 'caution' warns; unknown pregnancy counts as possible.",
                "fields": (
                    "age_min_months",
                    ("pregnancy", "pregnancy_note"),
                    ("lactation", "lactation_note"),
                    "contraindications",
                    "cautions",
                ),
            },
        ),
        (
            "Where and how long",
            {
                "fields": (
                    "body_site_restrictions",
                    "application_limits",
                    ("max_duration_days", "max_weekly_grams"),
                )
            },
        ),
        ("What to say", {"fields": ("counselling_points", "adverse_effects", "storage")}),
        (
            "National lists",
            {
                "classes": ("collapse",),
                "fields": ("eml_ghana", ("nhis_listed", "nhis_code", "nhis_level"), "nhis_note"),
            },
        ),
        PROVENANCE,
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Medication]:
        queryset: QuerySet[Medication] = super().get_queryset(request)
        return queryset.annotate(treatment_count=Count("treatments"))

    @display(description="Medicine", ordering="generic_name")
    def medicine(self, obj: Medication) -> str:
        return f"{obj.generic_name} {obj.strength} {obj.get_form_display().lower()}"

    @display(description="Legal class", ordering="legal_class", label=LEGAL_COLOURS)
    def legal_label(self, obj: Medication) -> str:
        return str(LegalClass(obj.legal_class).label)

    @display(description="Treatments", ordering="treatment_count")
    def uses(self, obj: Medication) -> int:
        return int(getattr(obj, "treatment_count", 0))
