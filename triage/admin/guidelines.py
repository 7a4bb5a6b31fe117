"""Rules in the admin."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from accounts.admin.decorators import display
from triage.admin import building
from triage.admin.base import PROVENANCE, ItemForm, KnowledgeAdmin
from triage.admin.examining import words_of
from triage.admin.fields import CriteriaField, FactsField
from triage.engine.criteria import Criteria, CriteriaError, parse_criteria
from triage.engine.jsonlogic import rule_to_jsonlogic
from triage.facts import validate_facts
from triage.models import Condition, Guideline, TriageLevel
from triage.snapshot import indented

LEVEL_COLOURS = {
    TriageLevel.EMERGENCY.label: "danger",
    TriageLevel.REFER_URGENT.label: "warning",
    TriageLevel.REFER_ROUTINE.label: "info",
    TriageLevel.PHARMACY_TREATMENT.label: "primary",
    TriageLevel.SELF_CARE.label: "success",
}
_LINE = '<div class="{}" style="padding-left: {}rem">{}</div>'
_TRY = (
    '<h3 class="try-heading">Try it</h3><div data-try class="wide"><p class="quiet">Trying a rule while you '
    "build it needs JavaScript. Without it, put facts into the test cases below; they are checked when you "
    "save.</p></div>"
)
_WORDS = '<div class="rule-words wide" data-rule-words>{}</div>'
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
                "fields": (("title", "code"), ("level", "priority", "timeframe")),
            },
        ),
        (
            "When it fires",
            {
                "classes": ("rule-workbench",),
                "description": "A fact nobody gave is unknown, never false: a red-flag rule that hangs on it "
                "makes the result provisional, and the fact is asked for. An unknown fact never excludes.",
                "fields": ("when", "unless", "plain_words"),
            },
        ),
        (
            "Its own test cases",
            {
                "description": "Checked whenever the rule is saved and before every release.",
                "fields": (("match_case", "no_match_case"),),
            },
        ),
        ("What is said", {"fields": ("advice", "rationale", "notify")}),
        PROVENANCE,
        ("For phones", {"classes": ("collapse",), "fields": ("jsonlogic",)}),
    )

    def get_urls(self) -> list[Any]:
        return [*building.urls(self), *super().get_urls()]

    @display(description="Level", ordering="level", label=LEVEL_COLOURS)
    def level_label(self, obj: Guideline) -> str:
        return str(TriageLevel(obj.level).label)

    @display(description="In plain words")
    def plain_words(self, obj: Guideline) -> str:
        """The words, and below them the place where the rule is tried on facts."""
        return format_html("{}{}", _words(obj), mark_safe(_TRY))  # noqa: S308  # nosec B308, B703  # a constant

    @display(description="JSONLogic, as phones get it")
    def jsonlogic(self, obj: Guideline) -> str:
        return _jsonlogic(obj)


def _words(rule: Guideline) -> str:
    """The rule in plain words, or what is wrong with it; the builder keeps them up to date."""
    if not rule.when:
        return format_html(_WORDS, "Nothing yet.")
    try:
        when, unless = _parsed(rule)
    except CriteriaError as wrong:
        return format_html(_WORDS, str(wrong))
    names = dict(Condition.objects.values_list("code", "name"))
    lines = words_of(when, names)
    if unless is not None:
        lines.append({"indent": 0, "text": "Unless:", "head": True})
        lines += [{**line, "indent": line["indent"] + 1} for line in words_of(unless, names)]
    drawn = [("head" if line["head"] else "", line["indent"] * 1.1, line["text"]) for line in lines]
    return format_html(_WORDS, format_html_join("", _LINE, drawn))


def _parsed(rule: Guideline) -> tuple[Criteria, Criteria | None]:
    unless = parse_criteria(rule.unless, path="unless") if rule.unless else None
    return parse_criteria(rule.when, path="when"), unless


def _jsonlogic(rule: Guideline) -> str:
    try:
        return format_html(_PRE, indented(rule_to_jsonlogic(*_parsed(rule)))) if rule.when else "Nothing yet."
    except CriteriaError as wrong:
        return str(wrong)
