"""What was proposed, and what was not and why."""

from django.contrib import admin
from django.utils.safestring import SafeString

from accounts.admin.decorators import display
from consultations.admin.base import LEVEL_COLOURS, CaseAdmin, badge, bullets, case_link
from consultations.admin.filters import Excluded
from consultations.admin.record import directions, medicine_name
from consultations.models import Recommendation


def sentence(row: Recommendation) -> str:
    """A recommendation in one line."""
    said = row.payload
    if not row.proposed:
        return str(said.get("reason", ""))
    return directions(said)


@admin.register(Recommendation)
class RecommendationAdmin(CaseAdmin):
    """Medicines proposed or excluded. Rows without an analysis are what holds now."""

    list_display = ("medicine", "verdict", "summary", "show_level", "case", "now", "created_at")
    list_filter = ("proposed", Excluded, "level", ("analysis", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("medication", "consultation__id")
    search_help_text = "Medicine, for example clotrimazole-1-cream, or id of the consultation"
    list_select_related = ()
    ordering = ("-created_at", "-id")
    fieldsets = (
        (
            "Medicine",
            {
                "fields": ("medicine", "decided", "summary", "quantity", "why", "warnings", "tell"),
                "description": "As it was shown to the pharmacist, under the formulary of that moment.",
            },
        ),
        (
            "Where",
            {
                "fields": (
                    ("consultation", "analysis"),
                    ("level_badge", "created_at"),
                    ("medication", "rank"),
                ),
                "description": "At the levels emergency and refer urgently nothing is ever proposed.",
            },
        ),
    )
    readonly_fields = ("medicine", "decided", "summary", "quantity", "why", "warnings", "tell", "level_badge")

    @display(description="level", ordering="level", label=LEVEL_COLOURS)
    def show_level(self, row: Recommendation) -> tuple[str, str]:
        return row.level, row.get_level_display()

    @display(description="in short")
    def summary(self, row: Recommendation) -> str:
        return sentence(row)

    @display(description="medicine", ordering="medication")
    def medicine(self, row: Recommendation) -> str:
        return medicine_name(row)

    @display(description="verdict", ordering="proposed", label={"proposed": "success", "not": "danger"})
    def verdict(self, row: Recommendation) -> tuple[str, str]:
        if row.proposed:
            return "proposed", f"Proposed, choice {row.rank}"
        return "not", f"Not: {row.code.replace('_', ' ')}"

    @display(description="verdict")
    def decided(self, row: Recommendation) -> str:
        return self.verdict(row)[1]

    @display(description="level")
    def level_badge(self, row: Recommendation) -> SafeString:
        return badge(row.level, row.get_level_display())

    @display(description="consultation", ordering="consultation_id")
    def case(self, row: Recommendation) -> SafeString:
        return case_link(row.consultation_id)

    @display(description="holds now", boolean=True)
    def now(self, row: Recommendation) -> bool:
        return row.analysis_id is None

    @display(description="quantity")
    def quantity(self, row: Recommendation) -> str:
        said = row.payload.get("quantity")
        return f"{said['amount']:g} {said['unit']}: {said['how']}" if said else "—"

    @display(description="because")
    def why(self, row: Recommendation) -> SafeString | str:
        return bullets(row.payload.get("because", ()))

    @display(description="be careful")
    def warnings(self, row: Recommendation) -> SafeString | str:
        return bullets(row.payload.get("warnings", ()))

    @display(description="tell the patient")
    def tell(self, row: Recommendation) -> SafeString | str:
        return bullets(row.payload.get("counselling", ()))
