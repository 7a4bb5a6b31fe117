"""Rules and vignettes in the admin."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from accounts.admin.decorators import display
from triage.admin.base import PROVENANCE, ItemForm, KnowledgeAdmin
from triage.admin.fields import (
    CriteriaField,
    FactsField,
    LinesField,
    condition_codes,
    finding_codes,
    rule_codes,
)
from triage.engine.criteria import CriteriaError, parse_criteria
from triage.engine.jsonlogic import rule_to_jsonlogic
from triage.engine.words import describe
from triage.facts import validate_facts
from triage.models import Condition, Guideline, TriageLevel, Vignette, VignetteKind
from triage.snapshot import indented

LEVEL_COLOURS = {
    TriageLevel.EMERGENCY.label: "danger",
    TriageLevel.REFER_URGENT.label: "warning",
    TriageLevel.REFER_ROUTINE.label: "info",
    TriageLevel.PHARMACY_TREATMENT.label: "primary",
    TriageLevel.SELF_CARE.label: "success",
}
_LINE = '<div class="{}" style="padding-left: {}rem">{}</div>'
_PRE = '<pre style="white-space: pre-wrap">{}</pre>'


class GuidelineForm(ItemForm):
    """A rule must be readable and fire on its own case before it can be stored."""

    when = CriteriaField(
        path="when",
        label="It fires when",
        rows=14,
        help_text='As {"all": [{"fact": "fever", "op": "eq", "value": true}, {"fact": "age_months", '
        '"op": "lt", "value": 3}]}. Operators: eq, ne, gt, gte, lt, lte, in, contains, contains_any, '
        "is_unknown.",
    )
    unless = CriteriaField(
        path="unless",
        label="Unless",
        required=False,
        rows=3,
        help_text="Exclusions in the same form; empty for none. An unknown fact does not exclude.",
    )
    match_case = FactsField(
        label="Facts that must fire it",
        required=False,
        rows=4,
        help_text='As {"fever": true, "age_months": 1}.',
    )
    no_match_case = FactsField(label="Facts that must not fire it", required=False, rows=4)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        when = parse_criteria(data["when"])
        unless = parse_criteria(data["unless"]) if data.get("unless") else None
        for name, wanted in (("match_case", True), ("no_match_case", False)):
            facts = validate_facts(data[name])
            fires = when.evaluate(facts) is True and not (unless and unless.evaluate(facts) is True)
            if data[name] and fires is not wanted:
                self.add_error(
                    name, ValidationError(f"The rule {'fires' if fires else 'does not fire'} on these facts.")
                )
        return data


@admin.register(Guideline)
class GuidelineAdmin(KnowledgeAdmin):
    """Triage rules."""

    form = GuidelineForm
    list_display = ("title", "level_label", "priority", "timeframe", "code", "sureness", "review")
    list_filter = ("level", "content_state", "confidence", "timeframe")
    search_fields = ("code", "title", "advice", "rationale", "notify")
    search_help_text = "Title, id, or a word of the advice"
    readonly_fields = (*KnowledgeAdmin.readonly_fields, "plain_words", "jsonlogic")
    fieldsets = (
        (
            None,
            {
                "description": "The most urgent rule that fires decides; within a level the lowest priority "
                "leads. Nothing you change here takes effect before a release.",
                "fields": (("title", "code"), ("level", "priority", "timeframe"), "plain_words"),
            },
        ),
        (
            "When it fires, as software reads it",
            {
                "description": "A fact nobody gave is unknown, never false: a red-flag rule that hangs on it "
                "makes the result provisional, and the fact is asked for.",
                "fields": ("when", "unless", ("match_case", "no_match_case")),
            },
        ),
        ("What is said", {"fields": ("advice", "rationale", "notify")}),
        PROVENANCE,
        ("For phones", {"classes": ("collapse",), "fields": ("jsonlogic",)}),
    )

    @display(description="Level", ordering="level", label=LEVEL_COLOURS)
    def level_label(self, obj: Guideline) -> str:
        return str(TriageLevel(obj.level).label)

    @display(description="In plain words")
    def plain_words(self, obj: Guideline) -> str:
        return _rendered(obj, as_words=True)

    @display(description="JSONLogic, as phones get it")
    def jsonlogic(self, obj: Guideline) -> str:
        return _rendered(obj, as_words=False)


def _rendered(rule: Guideline, *, as_words: bool) -> str:
    """The rule as text, or what is wrong with it."""
    if not rule.when:
        return "Shown after the first save."
    try:
        when = parse_criteria(rule.when, path="when")
        unless = parse_criteria(rule.unless, path="unless") if rule.unless else None
    except CriteriaError as wrong:
        return str(wrong)
    if not as_words:
        return format_html(_PRE, indented(rule_to_jsonlogic(when, unless)))
    names = dict(Condition.objects.values_list("code", "name"))
    lines = describe(when, names).splitlines()
    if unless is not None:
        lines += ["Unless:", *(f"  {line}" for line in describe(unless, names).splitlines())]
    return format_html(
        '<div class="rule-words wide">{}</div>', format_html_join("", _LINE, map(_line, lines))
    )


def _line(text: str) -> tuple[str, float, str]:
    """A line of the rule in words: a class, how far in, and the words."""
    words = text.lstrip()
    inward = (len(text) - len(words)) / 2 * 1.5
    return "head" if words.endswith(":") else "", inward, words[:1].upper() + words[1:]


class VignetteForm(ItemForm):
    """A case with its expected answer; every id it names must exist."""

    facts = FactsField(required=False, rows=6, help_text='As {"age_months": 420, "fever": true}.')
    findings_present = LinesField(known=finding_codes, kind="finding", help_text="Ids, one per line.")
    findings_absent = LinesField(known=finding_codes, kind="finding", help_text="Ids, one per line.")
    expected_rules = LinesField(
        known=rule_codes, kind="rule", help_text="Rules that must fire at the winning level, one per line."
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
        first = data.get("expected_first")
        if first and first not in condition_codes():
            self.add_error("expected_first", f"There is no condition {first!r}.")
        return data


@admin.register(Vignette)
class VignetteAdmin(KnowledgeAdmin):
    """Cases that every release must answer rightly."""

    form = VignetteForm
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
