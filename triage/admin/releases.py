"""Guideline releases in the admin."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from accounts.admin.decorators import action
from dermatech.core import releases
from triage import services
from triage.admin import exchanging
from triage.admin.presenting import Case, Cases
from triage.admin.releasing import ReleaseAdmin
from triage.checks import judge_differential, judge_triage
from triage.engine.knowledge import parse_knowledge
from triage.facts import validate_facts
from triage.models import (
    Condition,
    ConditionProfile,
    Finding,
    Guideline,
    GuidelineRelease,
    SafetyQuestion,
    TriageLevel,
    Vignette,
    VignetteKind,
)
from triage.selectors import diff_of, snapshot_of, snapshot_text


def cases_of(release: GuidelineRelease) -> Cases:
    """Every test case of a release, run once per process and content."""
    return releases.load(release, _run)


def _run(snapshot: Mapping[str, Any]) -> Cases:
    knowledge = parse_knowledge(snapshot)
    found = []
    for row in snapshot["vignettes"]:
        facts = validate_facts(row["facts"], conditions=knowledge.conditions)
        judge = judge_triage if row["kind"] == VignetteKind.TRIAGE else judge_differential
        problems = judge(row, facts, knowledge)
        found.append(
            Case(
                row["id"],
                row["description"],
                problems,
                row["known_shortfall"] or "",
                _expects(row, knowledge.names),
            )
        )
    return Cases(found)


def _expects(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What a case expects, in a few words."""
    if row["expected_level"]:
        return str(TriageLevel(row["expected_level"]).label)
    if row["expected_abstain"]:
        return "no answer yet"
    wanted = [row["expected_first"]] if row["expected_first"] else [*row["acceptable"], *row["must_not_miss"]]
    return ", ".join(names.get(each, each) for each in dict.fromkeys(wanted))


@admin.register(GuidelineRelease)
class GuidelineReleaseAdmin(ReleaseAdmin):
    """Immutable snapshots of all guidelines."""

    actions_list = ("exchange",)
    document = staticmethod(snapshot_of)
    snapshot_text = staticmethod(snapshot_text)
    compare = staticmethod(diff_of)
    compare_working = staticmethod(services.diff_with_working_rows)
    cases = staticmethod(cases_of)
    rows = {
        "guidelines": Guideline, "conditions": Condition, "findings": Finding, "vignettes": Vignette,
        "profiles": ConditionProfile, "safety_questions": SafetyQuestion,
    }  # fmt: skip
    parts = {
        "guidelines": "rules",
        "conditions": "conditions",
        "findings": "findings",
        "vignettes": "test cases",
    }
    checks = "references, contradictions, safety nets, the test cases of rules, every vignette"

    def get_urls(self) -> list[Any]:
        return [*exchanging.urls(self), *super().get_urls()]

    @action(description="Import and export", url_path="exchange", icon="swap_vert", permissions=["view"])
    def exchange(self, request: HttpRequest) -> HttpResponse:
        return exchanging.page(self, request)
