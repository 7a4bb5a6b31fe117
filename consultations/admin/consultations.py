"""Consultations as supervisors read them."""

import uuid
from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.admin.decorators import display
from consultations.admin.analyses import AnalysisInline
from consultations.admin.base import LEVEL_COLOURS, CaseAdmin, bullets, named
from consultations.admin.photos import PhotoInline
from consultations.admin.recommendations import RecommendationInline
from consultations.models import Consultation


@admin.register(Consultation)
class ConsultationAdmin(CaseAdmin):
    """Patients' consultations. Nothing is edited here; every page that is opened is recorded."""

    list_display = (
        "id",
        "created_at",
        "premises",
        "pharmacist",
        "show_level",
        "presentation",
        "working_diagnosis",
        "decided",
        "state",
    )
    list_filter = (
        "triage_level",
        ("created_at", RangeDateTimeFilter),
        "state",
        "presentation",
        "premises__region",
    )
    search_fields = ("id", "client_reference", "premises__name", "pharmacist__full_name")
    search_help_text = "Id, the phone's reference, premises or pharmacist."
    list_select_related = ("premises", "pharmacist", "guidelines_release", "formulary_release")
    deferred = ("guidelines_release__snapshot", "formulary_release__snapshot")
    inlines = (PhotoInline, AnalysisInline, RecommendationInline)
    readonly_fields = ("known_facts", "findings", "rules", "ranking", "show_decision", "show_outcome")
    fieldsets = (
        (
            "Case",
            {
                "fields": ("pharmacist", "premises", "client_reference", "state", "created_at", "closed_at"),
                "description": "Who saw the patient, and where.",
            },
        ),
        (
            "Patient",
            {
                "fields": (
                    ("age_months", "sex", "weight_kg"),
                    ("pregnant", "breastfeeding", "initials"),
                    "allergies",
                    "current_medicines",
                    "conditions",
                ),
                "description": "Empty is unknown, never no. Age in completed months: 84 is seven years.",
            },
        ),
        (
            "What was asked and seen",
            {
                "fields": ("presentation", "known_facts", "findings", "notes"),
                "description": "A fact that is not listed was not asked.",
            },
        ),
        (
            "Consent",
            {
                "fields": (
                    ("consent_photo", "consent_data_use"),
                    ("consent_given_by", "consent_language"),
                ),
                "description": "Photos are only taken with consent.",
            },
        ),
        (
            "Advice",
            {
                "fields": (
                    "triage_level",
                    "rules",
                    "ranking",
                    "guidelines_release",
                    "formulary_release",
                ),
                "description": "What the guidelines said, with the releases that said it.",
            },
        ),
        (
            "Decision and outcome",
            {
                "fields": ("working_diagnosis", "show_decision", "show_outcome"),
                "description": "What was decided; a reason stands where it goes against the advice.",
            },
        ),
    )

    def patient_of(self, obj: Any) -> uuid.UUID:
        return uuid.UUID(str(obj.pk))

    @display(description="level", ordering="triage_level", label=LEVEL_COLOURS)
    def show_level(self, row: Consultation) -> tuple[str, str]:
        return row.triage_level, row.get_triage_level_display()

    @display(description="decision")
    def decided(self, row: Consultation) -> str:
        return str((row.decision or {}).get("action", "—"))

    @display(description="facts")
    def known_facts(self, row: Consultation) -> SafeString | str:
        return named(row.facts)

    @display(description="findings")
    def findings(self, row: Consultation) -> SafeString | str:
        return named({"seen": row.findings_present, "looked for, not there": row.findings_absent})

    @display(description="rules that decided")
    def rules(self, row: Consultation) -> SafeString | str:
        return bullets(
            f"{rule['title']} ({'; '.join(rule['because'])})" for rule in row.triage.get("rules", ())
        )

    @display(description="conditions")
    def ranking(self, row: Consultation) -> SafeString | str:
        return bullets(f"{each['name']}: {each['band']}" for each in row.assessment.get("conditions", ()))

    @display(description="decision")
    def show_decision(self, row: Consultation) -> SafeString | str:
        return named(row.decision)

    @display(description="outcome")
    def show_outcome(self, row: Consultation) -> SafeString | str:
        return named(row.outcome)
