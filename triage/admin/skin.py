"""Conditions, findings and the matrix in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from accounts.admin.decorators import action, display
from triage.admin import frequencies
from triage.admin.base import PROVENANCE, ItemForm, KnowledgeAdmin
from triage.admin.fields import (
    CriteriaField,
    FrequenciesField,
    LinesField,
    StructuredField,
    condition_codes,
    finding_codes,
)
from triage.engine.vocabulary import FACTS
from triage.models import Condition, ConditionProfile, DifferentialScoring, Finding, SafetyQuestion

_ONE_PER_LINE = "One per line."


def _words(codes: list[str]) -> str:
    """Ids as a person reads them."""
    return ", ".join(code.replace("_", " ") for code in codes)


class ConditionForm(ItemForm):
    """Lists are edited one entry per line."""

    synonyms = LinesField(help_text="Other names, one per line.", rows=3)
    key_features = LinesField(help_text="One per line; say also how it looks on brown and dark skin.", rows=6)
    look_alikes = LinesField(
        known=condition_codes, kind="condition", help_text="Condition ids, one per line."
    )
    red_flags = LinesField(help_text=_ONE_PER_LINE)
    self_care = LinesField(help_text=_ONE_PER_LINE)


@admin.register(Condition)
class ConditionAdmin(KnowledgeAdmin):
    """Skin conditions."""

    form = ConditionForm
    list_display = (
        "name",
        "icd10",
        "category",
        "default_triage",
        "serious",
        "notifiable",
        "sureness",
        "review",
    )
    list_filter = ("category", "serious", "notifiable", "pharmacy_manageable", "content_state", "confidence")
    search_fields = ("code", "name", "icd10", "icd11", "synonyms")
    fieldsets = (
        (
            None,
            {
                "description": "Pharmacists read the name; rules and treatments use the code.",
                "fields": (("name", "code"), "synonyms", ("icd10", "icd11", "icd11_confidence"), "category"),
            },
        ),
        (
            "In the pharmacy",
            {
                "fields": (
                    ("contagious", "pharmacy_manageable", "serious"),
                    "default_triage",
                    "default_triage_note",
                    ("notifiable", "notifiable_confidence"),
                    "notifiable_source",
                )
            },
        ),
        ("How to know it", {"fields": ("key_features", "look_alikes", "red_flags", "self_care")}),
        PROVENANCE,
    )


class FindingForm(ItemForm):
    """What a finding excludes or implies must exist, and never itself."""

    excludes = LinesField(
        known=finding_codes, kind="finding", help_text="Cannot be true as well. Ids.", rows=3
    )
    implies = LinesField(known=finding_codes, kind="finding", help_text="Is then true as well. Ids.", rows=3)
    fact_test = CriteriaField(
        path="fact_test",
        label="Test of the fact",
        required=False,
        rows=4,
        help_text="How a fact that is not yes/no answers it, as "
        '{"fact": "itch_score", "op": "gte", "value": 3}.',
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        own = data.get("code") or self.instance.code
        for name in ("excludes", "implies"):
            if own in (data.get(name) or []):
                self.add_error(name, "A finding cannot name itself here.")
        if data.get("fact") and data["fact"] not in FACTS:
            self.add_error("fact", f"There is no fact {data['fact']!r}.")
        return data


@admin.register(Finding)
class FindingAdmin(KnowledgeAdmin):
    """The vocabulary of what to look and ask for."""

    form = FindingForm
    list_display = ("name", "question", "group", "background", "asked", "sureness", "review")
    list_filter = ("group", "background", "asked", "content_state")
    search_fields = ("code", "name", "question", "help", "cluster", "fact")
    fieldsets = (
        (
            None,
            {
                "description": "Ask in words a patient understands; say how it looks on dark skin.",
                "fields": (("name", "code", "group"), "question", "help"),
            },
        ),
        (
            "How it counts",
            {
                "description": "Findings of one cluster say partly the same, so each counts for less.",
                "fields": (("background", "cluster"), ("excludes", "implies")),
            },
        ),
        (
            "When it is asked",
            {"fields": ("asked", ("ask_age_min", "ask_age_max"), "fact", "fact_test")},
        ),
        PROVENANCE,
    )


class ProfileForm(ItemForm):
    """The row bears its condition's code."""

    findings = FrequenciesField(
        help_text="One per line, as `itchy: often`. Words: always, often, sometimes, rarely, never. "
        "What is left out occurs as often as in anybody."
    )
    evidence = StructuredField(
        required=False,
        rows=5,
        help_text='As [{"finding": "ring_shaped", "figure": "84 % of 422 patients", "source": "tc-korea"}].',
    )

    def clean_evidence(self) -> Any:
        return self.cleaned_data["evidence"] or []

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("condition"):
            self.instance.code = data["condition"].code
        return data


_PRIORS = ("prior_infant", "prior_child", "prior_adolescent", "prior_adult", "prior_older")


@admin.register(ConditionProfile)
class ConditionProfileAdmin(KnowledgeAdmin):
    """How often each finding occurs in a condition, and how frequent the condition is."""

    form = ProfileForm
    actions_list = ("as_grid",)
    list_display = ("condition", *_PRIORS, "sureness", "review")
    list_filter = ("content_state", "confidence", "priors_confidence", "condition__category")
    list_select_related = ("condition",)
    search_fields = ("code", "condition__name", "findings", "note")
    autocomplete_fields = ("condition",)
    fieldsets = (
        (None, {"fields": ("condition", "note")}),
        (
            "How frequent it is",
            {
                "description": "Of 10,000 skin complaints in a pharmacy at that age; 0: never.",
                "fields": (_PRIORS, "priors_confidence"),
            },
        ),
        ("How often each finding occurs", {"fields": ("findings", "evidence")}),
        PROVENANCE,
    )

    @action(description="All conditions as a grid", url_path="grid", icon="grid_on", permissions=["view"])
    def as_grid(self, request: HttpRequest) -> HttpResponse:
        return frequencies.page(self, request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "condition") if obj else self.readonly_fields


class SafetyQuestionForm(ItemForm):
    """Everything it names must exist."""

    if_present = LinesField(
        known=finding_codes,
        kind="finding",
        required=True,
        help_text="Must all be present. Ids, one per line.",
    )
    if_absent = LinesField(known=finding_codes, kind="finding", help_text="Must all be absent. Ids.")
    ask = LinesField(
        known=finding_codes, kind="finding", required=True, help_text="Asked in this order. Ids."
    )


@admin.register(SafetyQuestion)
class SafetyQuestionAdmin(KnowledgeAdmin):
    """Questions that come before all others, so that rare and serious causes are not missed."""

    form = SafetyQuestionForm
    list_display = ("code", "when_present", "asks", "position", "sureness", "review")
    list_filter = ("content_state",)
    search_fields = ("code", "if_present", "ask")
    fieldsets = (
        (
            None,
            {
                "description": "As: when a patch is paler than the skin, ask whether it has lost feeling.",
                "fields": (("code", "position"), ("if_present", "if_absent"), "ask"),
            },
        ),
        PROVENANCE,
    )

    @display(description="When present")
    def when_present(self, obj: SafetyQuestion) -> str:
        return _words(obj.if_present)

    @display(description="Asks")
    def asks(self, obj: SafetyQuestion) -> str:
        return _words(obj.ask)


@admin.register(DifferentialScoring)
class DifferentialScoringAdmin(KnowledgeAdmin):
    """The numbers of the differential; one row."""

    list_display = ("code", "answer_reliability", "rho", "likely", "possible", "sureness", "review")
    fieldsets = (
        (
            "What the words mean",
            {
                "description": "Probabilities of the frequency words.",
                "fields": (("always", "often", "sometimes", "rarely", "never"),),
            },
        ),
        (
            "How answers count",
            {"fields": (("rho", "site_rho"), ("answer_reliability", "reliability_floor"), "temper")},
        ),
        (
            "What is shown",
            {
                "fields": (
                    ("likely", "possible", "possible_if_serious"),
                    ("abstain_below", "abstain_min_answers"),
                )
            },
        ),
        ("None of these", {"description": "Of 10,000 at that age.", "fields": (_PRIORS,)}),
        PROVENANCE,
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # the starter content brings the only row

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
