"""Consultations as supervisors read them."""

import uuid
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.admin.decorators import display
from consultations.admin import dashboard, record
from consultations.admin.analyses import AnalysisInline
from consultations.admin.base import LEVEL_COLOURS, CaseAdmin, badge, short_id
from consultations.admin.documents import DocumentsMixin
from consultations.admin.filters import AgainstAdvice
from consultations.admin.privacy import PrivacyMixin
from consultations.admin.retention import RetentionMixin
from consultations.models import Consultation, Recommendation, State
from triage.engine.knowledge import Knowledge
from triage.models import Condition
from triage.selectors import knowledge_of


@admin.register(Consultation)
class ConsultationAdmin(PrivacyMixin, RetentionMixin, DocumentsMixin, CaseAdmin):
    """Patients' consultations. Nothing is edited here; every page that is opened is recorded."""

    list_display = (
        "created_at",
        "case",
        "show_level",
        "diagnosis",
        "decided",
        "where",
        "who",
        "show_state",
    )
    list_display_links = ("created_at", "case")
    list_filter = (
        "triage_level",
        AgainstAdvice,
        ("created_at", RangeDateTimeFilter),
        "state",
        "presentation",
        "premises__region",
    )
    ordering = ("-created_at", "-id")
    search_fields = ("id", "client_reference", "premises__name", "pharmacist__full_name")
    search_help_text = "Id, phone's reference, premises or pharmacist"
    list_select_related = ("premises", "pharmacist", "guidelines_release", "formulary_release")
    deferred = ("guidelines_release__snapshot", "formulary_release__snapshot")
    inlines = (AnalysisInline,)
    readonly_fields = (
        "pictures", "patient", "known_facts", "seen", "not_seen", "level", "rules", "questions",
        "ranking", "medicines", "diagnosis", "show_decision", "show_outcome",
        "documents",
    )  # fmt: skip
    fieldsets = (
        (
            "Case",
            {
                "fields": (
                    ("pharmacist", "premises"),
                    ("created_at", "state"),
                    "pictures",
                    "patient",
                ),
                "description": "Who saw whom, and where. What is not known is said to be so; it is never "
                "taken for a no. Opening this page was recorded in the audit log.",
            },
        ),
        (
            "What was asked and seen",
            {
                "fields": ("presentation", "seen", "not_seen", "known_facts", "notes"),
                "description": "What is not listed was not asked.",
            },
        ),
        (
            "What the system advised",
            {
                "fields": ("level", "rules", "questions", "ranking", "medicines"),
                "description": "The worst rule that fired decides. It advises; the pharmacist decides.",
            },
        ),
        (
            "Decision and outcome",
            {
                "fields": ("diagnosis", "show_decision", "documents", "show_outcome"),
                "description": "What was decided; a reason stands where it goes against the advice.",
            },
        ),
        (
            "Consent and provenance",
            {
                "fields": (
                    ("consent_photo", "consent_data_use"),
                    ("consent_given_by", "consent_language"),
                    ("guidelines_release", "formulary_release"),
                    ("client_reference", "closed_at"),
                    "id",
                ),
                "description": "Photos are only taken with consent. The releases are those that the advice "
                "was given under.",
            },
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(dashboard.download)
        own = path("figures/<slug:key>.csv", view, name="consultations_consultation_figures")
        return [own, *super().get_urls()]

    def patient_of(self, obj: Any) -> uuid.UUID:
        return uuid.UUID(str(obj.pk))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        name = Condition.objects.filter(code=OuterRef("working_diagnosis")).values("name")[:1]
        rows: QuerySet[Any] = super().get_queryset(request)
        named: QuerySet[Any] = rows.annotate(diagnosis_name=Subquery(name))
        return named

    # --- the list ----------------------------------------------------------------------------
    @display(description="id", ordering="id")
    def case(self, row: Consultation) -> SafeString:
        return short_id(row.pk)

    @display(description="level", ordering="triage_level", label=LEVEL_COLOURS)
    def show_level(self, row: Consultation) -> tuple[str, str]:
        provisional = " (provisional)" if row.triage.get("provisional") else ""
        return row.triage_level, f"{row.get_triage_level_display()}{provisional}"

    @display(description="working diagnosis", ordering="working_diagnosis")
    def diagnosis(self, row: Consultation) -> str:
        return str(getattr(row, "diagnosis_name", None) or row.working_diagnosis or "none yet")

    @display(description="decision")
    def decided(self, row: Consultation) -> str:
        said = row.decision or {}
        action = str(said.get("action") or "—").replace("_", " ").capitalize()
        return f"{action} (against the advice)" if said.get("overridden") else action

    @display(description="premises", ordering="premises__name")
    def where(self, row: Consultation) -> str:
        return row.premises.name

    @display(description="pharmacist", ordering="pharmacist__full_name")
    def who(self, row: Consultation) -> str:
        return row.pharmacist.full_name

    @display(description="state", ordering="state", label={State.OPEN: "info", State.CLOSED: "success"})
    def show_state(self, row: Consultation) -> tuple[str, str]:
        return row.state, row.get_state_display()

    # --- the case ----------------------------------------------------------------------------
    @display(description="level")
    def level(self, row: Consultation) -> SafeString:
        value, text = self.show_level(row)
        return badge(value, text)

    def _knowledge(self, row: Consultation) -> Knowledge:
        return knowledge_of(row.guidelines_release)

    @display(description="photos")
    def pictures(self, row: Consultation) -> SafeString | str:
        return record.gallery(row.photos.all())

    @display(description="patient")
    def patient(self, row: Consultation) -> SafeString:
        return record.patient(row)

    @display(description="told and measured")
    def known_facts(self, row: Consultation) -> SafeString | str:
        return record.facts(row, self._knowledge(row))

    @display(description="seen")
    def seen(self, row: Consultation) -> str:
        return record.findings(row.findings_present, self._knowledge(row))

    @display(description="looked for, not there")
    def not_seen(self, row: Consultation) -> str:
        return record.findings(row.findings_absent, self._knowledge(row))

    @display(description="rules that decided")
    def rules(self, row: Consultation) -> SafeString | str:
        return record.rules(row.triage)

    @display(description="still to ask")
    def questions(self, row: Consultation) -> SafeString | str:
        return record.open_questions(row.triage)

    @display(description="what it may be")
    def ranking(self, row: Consultation) -> SafeString | str:
        return record.ranking(row.assessment)

    @display(description="medicines")
    def medicines(self, row: Consultation) -> SafeString | str:
        return record.medicines(Recommendation.objects.current().filter(consultation=row))

    @display(description="decision")
    def show_decision(self, row: Consultation) -> SafeString | str:
        current = Recommendation.objects.current().filter(consultation=row)
        return record.decision(row, {each.medication: record.medicine_name(each) for each in current})

    @display(description="outcome")
    def show_outcome(self, row: Consultation) -> str:
        return record.outcome(row)
