"""Medicines and their interactions in the admin."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from accounts.admin.decorators import display
from medications.admin.base import AsksForChoice, FormularyAdmin
from medications.admin.bulk import BulkEdit
from medications.admin.medicine_forms import InteractionForm, MedicationForm
from medications.admin.sheets.importing import SheetAdmin
from medications.admin.sheets.medicines import MedicationSheet
from medications.models import Interaction, LegalClass, Medication
from triage.admin.base import PROVENANCE

LEGAL_COLOURS = {
    LegalClass.OTC.label: "success",
    LegalClass.PHARMACY_ONLY.label: "info",
    LegalClass.PRESCRIPTION_ONLY.label: "warning",
}


class InteractionInline(AsksForChoice, TabularInline):  # type: ignore[misc]  # unfold is untyped
    model = Interaction
    form = InteractionForm
    fields = ("kind", "other", "severity", "effect")
    extra = 0
    verbose_name_plural = "Interactions: major excludes the medicine, moderate and minor warn"


@admin.register(Medication)
class MedicationAdmin(BulkEdit, SheetAdmin, FormularyAdmin):
    """Medicines."""

    form = MedicationForm
    sheet = MedicationSheet
    change_form_after_template = "admin/medications/known_names.html"
    inlines = (InteractionInline,)
    list_display = ("medicine", "legal_label", "aware_group", "uses", "code", "sureness", "review")
    ordering = ("code",)  # counting treatments drops the model's
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
