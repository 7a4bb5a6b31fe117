"""Working rows in the database: loading the starter content, editing, checking, releasing."""

import copy
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from accounts.audit.models import AuditEvent
from dermatech.core.errors import Conflict, Forbidden, Unavailable, Unprocessable
from dermatech.core.releases import ReviewState, canonical_json
from tests.triage.conftest import compose_starter
from triage import selectors, services
from triage.checks import check
from triage.engine import Level, assess
from triage.models import (
    Condition,
    ConditionProfile,
    ContentState,
    DifferentialScoring,
    Finding,
    Guideline,
    GuidelineRelease,
    Vignette,
)


@pytest.fixture
def loaded(db: None) -> None:
    """The starter content, loaded and published."""
    services.load_starter_knowledge(publish=True)


def test_the_starter_content_is_loaded_whole(loaded: None) -> None:
    counts = [model.objects.count() for model in (Condition, Finding, ConditionProfile, Guideline, Vignette)]
    assert counts == [46, 89, 46, 67, 185]
    assert not Guideline.objects.exclude(content_state=ContentState.STARTER).exists()


def test_loading_again_inserts_nothing_and_publishes_nothing(loaded: None) -> None:
    before = selectors.current_release().label
    report = services.load_starter_knowledge(publish=True)
    assert sum(report.inserted.values()) == 0
    assert report.kept["guidelines"] == 67
    assert report.release is None
    assert selectors.current_release().label == before
    assert GuidelineRelease.objects.count() == 1


def test_loading_again_never_overwrites_an_edit_and_brings_back_what_is_missing(loaded: None) -> None:
    Guideline.objects.filter(code="ph-scabies").update(advice="Ask Yaw first.")
    Condition.objects.filter(code="keloid").delete()
    report = services.load_starter_knowledge()
    assert Guideline.objects.get(code="ph-scabies").advice == "Ask Yaw first."
    assert Condition.objects.filter(code="keloid").exists()
    assert ConditionProfile.objects.filter(code="keloid").exists()
    assert {kind: number for kind, number in report.inserted.items() if number} == {
        "conditions": 1, "condition profiles": 1,
    }  # fmt: skip


def test_the_command_loads_and_publishes_and_says_so(db: None) -> None:
    out = StringIO()
    call_command("load_starter_knowledge", "--publish", stdout=out)
    triage_line = next(line for line in out.getvalue().splitlines() if line.startswith("triage:"))
    assert "guidelines 67 new, 0 kept" in triage_line
    assert "starter content, not reviewed" in triage_line


def test_loading_and_publishing_are_audited(loaded: None) -> None:
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["knowledge.loaded", "release.approved"]


def test_the_snapshot_of_the_rows_is_the_snapshot_of_the_content(loaded: None) -> None:
    assert canonical_json(services.build_snapshot()) == canonical_json(compose_starter())


def test_the_release_says_that_nobody_has_reviewed_it(loaded: None) -> None:
    release, knowledge = selectors.current_knowledge()
    assert release.review_state == ReviewState.STARTER
    triage = assess({"difficulty_breathing": True}, knowledge).as_dict()
    assert triage["review_state"] == "starter_unreviewed"
    assert triage["guidelines_release"] == release.label


def test_without_a_release_there_is_no_knowledge(db: None) -> None:
    with pytest.raises(Unavailable) as none:
        selectors.current_knowledge()
    assert none.value.code == "no_published_guidelines"


# --- Editing and releasing ------------------------------------------------------------------------
def lower(code: str, level: str) -> Guideline:
    rule = Guideline.objects.get(code=code)
    rule.level = level
    return rule


def test_an_edit_takes_effect_only_with_a_release_that_another_supervisor_approves(
    loaded: None, yaw: Any, abena: Any
) -> None:
    rule = Guideline.objects.get(code="rr-treatment-failed")
    rule.advice = "See a dermatologist within a week."
    services.save_item(actor=yaw, item=rule, changed=["advice"])
    failed: dict[str, Any] = {
        "previous_treatment_failed": True,
        "condition": "tinea-corporis",
        "age_months": 400,
    }

    def advice() -> str:
        return assess(failed, selectors.current_knowledge()[1]).rules[0].rule.advice

    assert advice() != rule.advice
    release = services.propose_release(actor=yaw, title="Treatment failed: a week")
    with pytest.raises(Forbidden):
        services.approve_release(actor=yaw, release=release)
    assert advice() != rule.advice
    services.approve_release(actor=abena, release=release)
    assert advice() == rule.advice
    assert selectors.current_release().review_state == ReviewState.REVIEWED
    assert Guideline.objects.get(code="ph-scabies").content_state == ContentState.REVIEWED


def test_rolling_back_brings_the_old_answers_back_byte_for_byte(loaded: None, yaw: Any, abena: Any) -> None:
    old = selectors.current_release()
    before = canonical_json(selectors.snapshot_of(old))
    services.approve_release(actor=abena, release=services.propose_release(actor=yaw, title="Second"))
    archived = GuidelineRelease.objects.get(pk=old.pk)
    services.roll_back(actor=yaw, release=archived)
    current = selectors.current_release()
    assert current.label == old.label
    assert canonical_json(selectors.snapshot_of(current)) == before


def test_of_two_stale_approvals_one_wins(loaded: None, yaw: Any, abena: Any) -> None:
    release = services.propose_release(actor=yaw, title="Once")
    stale = GuidelineRelease.objects.get(pk=release.pk)
    services.approve_release(actor=abena, release=release)
    with pytest.raises(Conflict):
        services.approve_release(actor=abena, release=release)
    with pytest.raises(Conflict):  # still believes that it is proposed
        services.approve_release(actor=abena, release=stale)


def test_an_edited_row_says_so_and_the_edit_is_audited(loaded: None, yaw: Any) -> None:
    rule = lower("ph-scabies", "refer_routine")
    services.save_item(actor=yaw, item=rule, changed=["level"])
    assert Guideline.objects.get(code="ph-scabies").content_state == ContentState.EDITED
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.actor_id) == ("knowledge.edited", str(yaw.pk))


def test_pharmacists_do_not_edit_the_knowledge(loaded: None, ama: Any) -> None:
    with pytest.raises(Forbidden):
        services.save_item(actor=ama, item=lower("ph-scabies", "self_care"), changed=["level"])
    with pytest.raises(Forbidden):
        services.propose_release(actor=ama, title="Mine")


def test_a_proposal_that_breaks_a_vignette_is_refused_and_says_which(loaded: None, yaw: Any) -> None:
    services.save_item(actor=yaw, item=lower("em-anaphylaxis", "refer_routine"), changed=["level"])
    with pytest.raises(Unprocessable) as refused:
        services.propose_release(actor=yaw, title="Weaker")
    assert refused.value.code == "release_checks_failed"
    places = {error.field for error in refused.value.errors}
    assert {"vignettes.v01", "vignettes.v02"} <= places
    assert "Expected emergency" in refused.value.errors[0].message
    assert assess({"difficulty_breathing": True}, selectors.current_knowledge()[1]).level is Level.EMERGENCY


def test_a_proposal_with_a_rule_that_cannot_be_read_is_refused_with_its_place(loaded: None, yaw: Any) -> None:
    Guideline.objects.filter(code="ph-scabies").update(when={"any": [{"fact": "fevr", "op": "eq"}]})
    with pytest.raises(Unprocessable) as refused:
        services.propose_release(actor=yaw, title="Broken")
    assert [error.field for error in refused.value.errors] == ["guidelines.ph-scabies.when.any[0].fact"]


def test_the_database_keeps_what_must_hold(loaded: None) -> None:
    for change in (
        {"level": "whatever"},
        {"advice": ""},
        {"priority": 0},
        {"confidence": "sure"},
        {"content_state": "perfect"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Guideline.objects.filter(code="ph-scabies").update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        DifferentialScoring.objects.update(often=0.1)
    with pytest.raises(IntegrityError), transaction.atomic():
        ConditionProfile.objects.update(prior_adult=-1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Vignette.objects.filter(kind="triage").update(expected_level="")


# --- Checks ---------------------------------------------------------------------------------------
def test_nothing_stands_against_the_starter_content(snapshot: dict[str, Any]) -> None:
    assert check(snapshot) == []


def _change(snapshot: dict[str, Any], kind: str, code: str, **values: Any) -> dict[str, Any]:
    changed = copy.deepcopy(snapshot)
    row = next(row for row in changed[kind] if row["id"] == code)
    row.update(values)
    return changed


FEVER = {"fact": "fever", "op": "eq", "value": True}
BAD_OP = FEVER | {"op": "gt"}
UNICORN = {"fact": "condition", "op": "eq", "value": "unicorn"}


@pytest.mark.parametrize(
    ("kind", "code", "values", "place", "why"),
    [
        ("conditions", "scabies", {"look_alikes": ["unicorn"]}, "conditions.scabies.look_alikes", "unicorn"),
        ("findings", "itchy", {"implies": ["antlers"]}, "findings.itchy.implies", "antlers"),
        ("findings", "itchy", {"fact": "itchiness"}, "findings.itchy.fact", "itchiness"),
        ("profiles", "scabies", {"findings": {"itchy": "daily"}}, "profiles.scabies.findings", "daily"),
        ("profiles", "scabies", {"priors": {}}, "profiles.scabies.priors", "infant"),
        ("guidelines", "ph-scabies", {"when": UNICORN}, "guidelines.ph-scabies.when.value", "unicorn"),
        (
            "guidelines",
            "ph-scabies",
            {"unless": FEVER | {"op": "gt"}},
            "guidelines.ph-scabies.unless.op",
            "takes",
        ),
        ("guidelines", "ph-scabies", {"level": "dire"}, "guidelines.ph-scabies.level", "dire"),
        ("guidelines", "ph-scabies", {"when": FEVER}, "guidelines.ph-scabies.match", "does not fire"),
        ("safety_questions", "safety-01", {"ask": ["antlers"]}, "safety_questions.safety-01.ask", "antlers"),
        ("vignettes", "v01", {"expected_rules": ["nope"]}, "vignettes.v01.expected_rules", "nope"),
        ("vignettes", "v01", {"facts": {"fevr": True}}, "vignettes.v01.facts.fevr", "no fact"),
        ("vignettes", "v01", {"expected_level": "self_care"}, "vignettes.v01", "the rules say emergency"),
        ("vignettes", "d01", {"expected_first": "warts"}, "vignettes.d01", "Expected warts first"),
        ("vignettes", "d01", {"expected_abstain": True}, "vignettes.d01", "should abstain"),
        ("vignettes", "d01", {"must_not_miss": ["lymphoedema"]}, "vignettes.d01", "must not be missed"),
    ],
)
def test_each_fault_is_found_and_its_place_named(
    snapshot: dict[str, Any], kind: str, code: str, values: dict[str, Any], place: str, why: str
) -> None:
    faults = check(_change(snapshot, kind, code, **values))
    assert any(fault.place == place and why in fault.message for fault in faults), faults[:3]


def test_an_id_that_stands_there_twice_is_found(snapshot: dict[str, Any]) -> None:
    doubled = copy.deepcopy(snapshot)
    doubled["guidelines"].append(doubled["guidelines"][0])
    assert any("twice" in fault.message for fault in check(doubled))
