"""What was proposed, and what was not and why."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.admin.decorators import display
from consultations.admin.base import LEVEL_COLOURS, CaseAdmin, CaseInline, bullets
from consultations.models import Recommendation


def sentence(row: Recommendation) -> str:
    """A recommendation in one line."""
    said = row.payload
    if not row.proposed:
        return str(said.get("reason", ""))
    return " · ".join(str(said[name]) for name in ("dose", "frequency") if said.get(name))


class RecommendationInline(CaseInline):
    """The current recommendations of a consultation."""

    model = Recommendation
    fields = readonly_fields = ("medication", "proposed", "rank", "code", "summary")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(analysis__isnull=True)

    @display(description="in short")
    def summary(self, row: Recommendation) -> str:
        return sentence(row)


@admin.register(Recommendation)
class RecommendationAdmin(CaseAdmin):
    """Medicines proposed or excluded. Rows without an analysis are what holds now."""

    list_display = ("medication", "proposed", "rank", "code", "show_level", "consultation_id", "created_at")
    list_filter = ("proposed", "code", "level", ("analysis", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("medication", "consultation__id")
    search_help_text = "Medicine, for example clotrimazole-1-cream, or id of the consultation."
    list_select_related = ("consultation", "analysis")
    deferred = ("consultation__notes", "consultation__initials", "analysis__result", "analysis__inputs")
    fieldsets = (
        (
            "Medicine",
            {
                "fields": ("medication", "proposed", "rank", "code", "summary", "why"),
                "description": "As it was shown to the pharmacist, under the formulary of that moment.",
            },
        ),
        (
            "Where",
            {
                "fields": ("consultation", "analysis", "level", "created_at"),
                "description": "At the levels emergency and refer urgently nothing is ever proposed.",
            },
        ),
    )
    readonly_fields = ("summary", "why")

    @display(description="level", ordering="level", label=LEVEL_COLOURS)
    def show_level(self, row: Recommendation) -> tuple[str, str]:
        return row.level, row.get_level_display()

    @display(description="in short")
    def summary(self, row: Recommendation) -> str:
        return sentence(row)

    @display(description="because")
    def why(self, row: Recommendation) -> SafeString | str:
        return bullets([*row.payload.get("because", ()), *row.payload.get("warnings", ())])
