"""Test cases in the admin: a patient, and the answer that every release must give."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin.decorators import display
from triage.admin import building, running
from triage.admin.base import PROVENANCE, ItemForm, KnowledgeAdmin
from triage.admin.fields import FactsField, LinesField, condition_codes, finding_codes, rule_codes
from triage.admin.widgets import Scripts
from triage.models import Condition, TriageLevel, Vignette, VignetteKind


def _conditions() -> list[tuple[str, str]]:
    return [("", "---"), *Condition.objects.order_by("name").values_list("code", "name")]


class VignetteForm(ItemForm):
    """A case with its expected answer; every id it names must exist."""

    facts = FactsField(required=False, rows=6, help_text='As {"age_months": 420, "fever": true}.')
    findings_present = LinesField(known=finding_codes, kind="finding", help_text="Ids, one per line.")
    findings_absent = LinesField(known=finding_codes, kind="finding", help_text="Ids, one per line.")
    expected_rules = LinesField(
        known=rule_codes, kind="rule", help_text="Rules that must fire at the winning level, one per line."
    )
    expected_first = forms.ChoiceField(
        choices=_conditions,
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text="The condition that must rank first, if one must.",
    )
    acceptable = LinesField(
        known=condition_codes, kind="condition", help_text="At least one must be in the first three."
    )
    must_not_miss = LinesField(
        known=condition_codes, kind="condition", help_text="Must be listed as possible or likely."
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("kind") == VignetteKind.TRIAGE and not data.get("expected_level"):
            self.add_error("expected_level", "A triage case needs the level that is expected.")
        return data


@admin.register(Vignette)
class VignetteAdmin(KnowledgeAdmin):
    """Cases that every release must answer rightly."""

    form = VignetteForm
    readonly_fields = (*KnowledgeAdmin.readonly_fields, "result")
    list_display = ("code", "short", "about", "expects", "sureness", "review")
    list_display_links = ("code", "short")
    list_filter = ("kind", "expected_level", "expected_abstain", "content_state")
    search_fields = ("code", "description", "basis")
    search_help_text = "A word of the case, or its id"
    fieldsets = (
        (
            None,
            {
                "description": "No release is made while a case disagrees. A case may carry the reason why "
                "it is allowed to disagree.",
                "fields": (("code", "kind"), "description", "facts", "known_shortfall"),
            },
        ),
        (
            "What the rules say now",
            {
                "classes": ("rule-workbench",),
                "description": "The case as it stands on this page, against the rules and frequencies as "
                "they would be released now.",
                "fields": ("result",),
            },
        ),
        ("Triage case", {"fields": ("expected_level", "expected_rules")}),
        (
            "Differential case",
            {
                "fields": (
                    ("findings_present", "findings_absent"),
                    ("expected_first", "expected_abstain"),
                    ("acceptable", "must_not_miss"),
                )
            },
        ),
        ("Why", {"fields": ("basis", "written")}),
        PROVENANCE,
    )

    @property
    def media(self) -> forms.Media:
        own: forms.Media = super().media
        return own + Scripts("triage/rules/run.js")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(building.answering(self, running.run))
        return [path("run", view, name="triage_vignette_run"), *super().get_urls()]

    @display(description="Result")
    def result(self, obj: Vignette) -> str:
        """Filled by the script; without it every case is run before a release anyway."""
        return format_html(
            '<div data-run="{}" class="wide"><p class="quiet">Running a case here needs JavaScript; without '
            "it, cases are run when a release is proposed.</p></div>",
            reverse("admin:triage_vignette_run"),
        )

    @display(description="Case")
    def short(self, obj: Vignette) -> str:
        return obj.description if len(obj.description) <= 110 else f"{obj.description[:110]}..."

    @display(description="Tests", ordering="kind")
    def about(self, obj: Vignette) -> str:
        return "triage" if obj.kind == VignetteKind.TRIAGE else "ranking"

    @display(description="Expects")
    def expects(self, obj: Vignette) -> str:
        if obj.expected_level:
            return str(TriageLevel(obj.expected_level).label)
        if obj.expected_abstain:
            return "no answer yet"
        wanted = obj.expected_first or ", ".join(obj.acceptable)
        return wanted.replace("-", " ") if wanted else "\N{EN DASH}"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"kind": VignetteKind.TRIAGE, **super().get_changeform_initial_data(request)}
