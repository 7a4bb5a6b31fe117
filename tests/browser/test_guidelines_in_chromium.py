"""A supervisor builds a rule, tries it, proposes it; another one decides. In a real browser."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitor
from triage.models import ConditionProfile, Guideline, GuidelineRelease

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("starter_knowledge"),
]
Enter = Callable[[], Visitor]
GUIDELINES = "/api/v1/triage/guidelines"
ASSESS = "/api/v1/triage/assess"
# The girl with ringworm of the fixture `case`, as far as the new rule looks at her.
GIRL = {"age_months": 84, "itch_score": 6, "body_sites": ["trunk"], "duration_days": 14, "fever": False}


def _change(row: Any) -> str:
    return reverse(f"admin:triage_{row._meta.model_name}_change", args=[row.pk])


def _builder(page: Page, name: str) -> Locator:
    """The rule builder of a field."""
    return page.locator(f".field-{name} .criteria")


def _adder(group: Locator, what: str) -> Locator:
    """The button that adds to this group, not to one inside it."""
    return group.locator(":scope > .adders").get_by_role("button", name=what, exact=True)


def _stored(page: Page, name: str) -> Any:
    return json.loads(page.locator(f"#id_{name}").input_value() or "null")


def _fill_the_rest(page: Page) -> None:
    """What a rule needs beside its criteria."""
    page.locator("#id_title").fill("Itching girl, widespread")
    page.locator("#id_code").fill("rr-itching-girl")
    page.locator("#id_level").select_option("refer_routine")
    page.locator("#id_priority").fill("60")
    page.locator("#id_timeframe").fill("within 1 week")
    page.locator("#id_advice").fill("See a doctor within a week; go at once if it spreads or fever starts.")
    page.locator("#id_rationale").fill("Shows how a rule is built.")
    source = [{"id": "gstg2017", "document": "Ghana Standard Treatment Guidelines", "edition": "2017"}]
    page.locator("#id_sources").fill(json.dumps(source))


def _build(page: Page) -> None:
    """All of: age at least 84 months; any of: itch at least 6, pain at least 9; on the trunk; 14 days."""
    builder = _builder(page, "when")
    root = builder.locator(".criteria-tree > .group")

    _adder(root, "Condition").click()  # with the mouse
    row = root.locator(":scope > ul > .test").nth(0)
    row.get_by_label("What to look at").select_option("age_months")
    row.get_by_label("Age: comparison").select_option("lte")
    row.get_by_label("Age: value (months)").fill("84")
    expect(row).to_contain_text("= 7 years")

    _adder(root, "Group").click()
    inner = root.locator(":scope > ul > .group")
    expect(inner.get_by_label("How the parts below combine")).to_have_value("any")
    _adder(inner, "Condition").focus()
    page.keyboard.press("Enter")  # and with the keyboard: the new row has the focus
    page.keyboard.type("Itch")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("6")
    _adder(inner, "Condition").click()
    last = inner.locator(".test").nth(1)
    last.get_by_label("What to look at").select_option("pain_score")
    last.get_by_label("Pain: value (of 10)").fill("9")

    _adder(root, "Condition").click()
    sites = root.locator(":scope > ul > .test").last
    sites.get_by_label("What to look at").select_option("body_sites")
    sites.get_by_label("Body sites: add one").select_option("trunk")


def test_a_rule_is_built_tried_proposed_approved_and_rolled_back(
    visitor: Enter, yaw: Any, abena: Any, ama: Any, as_user: Any, case: uuid.UUID
) -> None:
    pharmacist = as_user(ama)
    guidelines_before = pharmacist.get(GUIDELINES)
    answer_before = pharmacist.post(ASSESS, {"facts": GIRL}, format="json").content

    # --- Yaw builds and tries ---
    author = visitor()
    page = author.sign_in(yaw)
    author.open(reverse("admin:triage_guideline_add"))
    _fill_the_rest(page)
    _build(page)
    assert _stored(page, "when") == {
        "all": [
            {"fact": "age_months", "op": "lte", "value": 84},
            {
                "any": [
                    {"fact": "itch_score", "op": "gte", "value": 6},
                    {"fact": "pain_score", "op": "gte", "value": 9},
                ]
            },
            {"fact": "body_sites", "op": "contains_any", "value": ["trunk"]},
        ]
    }
    words = page.locator("[data-rule-words]")
    expect(words).to_contain_text("Itch is 6 of 10 or more")
    expect(words).to_contain_text("Body sites include trunk")

    trial = page.locator("[data-try]")
    expect(trial).to_contain_text("Not known yet")
    trial.get_by_label("How old is the patient, in months?").fill("84")
    trial.get_by_label("Body sites: add one").select_option("trunk")
    expect(trial).to_contain_text("How strong is the itch")  # what is still missing
    trial.get_by_label(re.compile("How strong is the itch")).fill("6")
    expect(trial.locator(".said")).to_have_text(re.compile("Fires"))
    expect(trial).to_contain_text("Itch is 6 of 10")
    trial.get_by_role("button", name="Keep as: must fire", exact=True).click()
    trial.get_by_label(re.compile("How strong is the itch")).fill("2")
    expect(trial.locator(".said")).to_have_text(re.compile("Not known yet"))  # pain could still do it
    trial.get_by_label(re.compile("How strong is the pain")).fill("0")
    expect(trial.locator(".said")).to_have_text(re.compile("Does not fire"))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert Guideline.objects.get(code="rr-itching-girl").match_case == {
        "age_months": 84, "body_sites": ["trunk"], "itch_score": 6,
    }  # fmt: skip

    # --- and proposes ---
    author.open(reverse("admin:triage_guidelinerelease_add"))
    expect(page.locator(".diff-section")).to_contain_text("New: Itching girl, widespread")
    page.get_by_label("What does it change").fill("Itching girls see a doctor")
    page.get_by_role("button", name="Propose", exact=True).click()
    page.wait_for_url("**/change/")
    expect(page.get_by_role("region", name="Test cases")).to_contain_text(
        re.compile(r"\d+ of \d+ test cases agree")
    )
    replay = page.get_by_role("region", name="Past cases")
    expect(replay).to_contain_text("0 unchanged, 1 changed, 0 milder")
    expect(replay.locator(".replay-group")).to_contain_text("rr-itching-girl")
    expect(page.get_by_text("Another supervisor must approve what you proposed.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve, so that it takes effect")).to_be_disabled()
    here = page.url

    # --- Abena decides ---
    decider = visitor()
    page = decider.sign_in(abena)
    page.goto(here)
    page.get_by_label("Your comment").fill("Agreed with the clinic in Osu.")
    page.get_by_role("button", name="Say it").click()
    expect(page.get_by_role("region", name="Comments")).to_contain_text("Agreed with the clinic in Osu.")
    page.get_by_role("button", name="Approve, so that it takes effect").click()
    expect(page.get_by_text("is now in force")).to_be_visible()
    assert decider.sideways() == 0

    now = pharmacist.get(GUIDELINES)
    assert now.headers["ETag"] != guidelines_before.headers["ETag"]
    assert b"Itching girl, widespread" in now.content
    assert pharmacist.post(ASSESS, {"facts": GIRL}, format="json").json()["level"] == "refer_routine"

    # --- and takes it back ---
    first = GuidelineRelease.objects.get(number=1)
    page = decider.open(_change(first))
    page.get_by_role("link", name="Bring this release back").click()
    expect(page.locator(".diff-section")).to_contain_text("Gone: Itching girl, widespread")
    page.get_by_role("button", name="Yes, bring it back").click()
    expect(page.get_by_text("is in force again")).to_be_visible()
    restored = pharmacist.get(GUIDELINES)
    assert restored.headers["ETag"] == guidelines_before.headers["ETag"]
    assert restored.content == guidelines_before.content
    assert pharmacist.post(ASSESS, {"facts": GIRL}, format="json").content == answer_before


@pytest.fixture
def deep(starter_knowledge: None) -> Guideline:
    """A rule of thirteen conditions in five levels."""
    return Guideline.objects.get(code="em-sepsis-skin")


def test_parts_are_moved_by_keys_undone_and_wrong_ones_are_marked(
    visitor: Enter, yaw: Any, deep: Guideline
) -> None:
    supervisor = visitor()
    page = supervisor.sign_in(yaw)
    supervisor.open(_change(deep))
    builder = _builder(page, "when")
    expect(builder.locator(".test")).to_have_count(13)
    before = _stored(page, "when")
    assert before == deep.when  # looking at a rule changes nothing

    builder.get_by_label("Severity: value").focus()
    page.keyboard.press("Alt+ArrowUp")
    moved = _stored(page, "when")
    assert moved != before
    assert moved["any"][0]["all"][0] == {"fact": "severity", "op": "eq", "value": "severe"}
    page.keyboard.press("Alt+ArrowRight")  # into the group that now follows
    assert _stored(page, "when")["any"][0]["all"][0]["any"][0]["fact"] == "severity"
    page.keyboard.press("Alt+ArrowLeft")  # and out again
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert _stored(page, "when") == before

    temperature = builder.get_by_label("Temperature: value (°C)").first
    temperature.fill("380")
    problem = builder.locator(".test.has-problem .problem:visible")
    expect(problem).to_have_text("Temperature lies between 25 and 45 °C.")
    temperature.fill("38")
    expect(problem).to_have_count(0)
    for width in (1366, 820):
        page.set_viewport_size({"width": width, "height": 768})
        assert supervisor.sideways() == 0, width


def test_the_grid_is_filled_by_keyboard_and_conflicts_are_settled(visitor: Enter, yaw: Any) -> None:
    supervisor = visitor()
    page = supervisor.sign_in(yaw)
    page.goto(reverse("admin:triage_conditionprofile_changelist"))
    page.get_by_role("link", name="All conditions as a grid").click()
    page.get_by_label("Filter conditions").fill("scabies")
    page.get_by_label("Filter findings").fill("symptom")
    expect(page.locator(".grid-status")).to_contain_text("in 1 condition")

    row = ConditionProfile.objects.get(code="scabies")
    page.locator('[data-cell="scabies/itchy"]').click()
    page.keyboard.press("o")
    page.keyboard.press("ArrowDown")
    chosen = page.evaluate("document.activeElement.dataset.cell")
    page.keyboard.press("a")
    expect(page.locator("td.changed")).to_have_count(2)
    page.keyboard.press("Control+z")
    expect(page.locator("td.changed")).to_have_count(1)
    page.keyboard.press("a")

    finding = chosen.split("/")[1]
    row.findings = {**row.findings, finding: "sometimes"}
    row.save()  # somebody else was faster
    page.get_by_role("button", name="Save 2 changes").click()
    expect(page.get_by_role("dialog")).to_contain_text("Yes, save")
    page.get_by_role("button", name="Yes, save").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed some of these cells")
    assert ConditionProfile.objects.get(code="scabies").findings["itchy"] == "always"
    supervisor.trouble.clear()  # the 409 just provoked
    page.get_by_role("button", name="Take theirs").click()
    page.get_by_role("button", name="Save 1 change").click()
    page.get_by_role("button", name="Yes, save").click()
    expect(page.locator(".grid-status")).to_have_text("Saved 1 change.")
    row.refresh_from_db()
    assert (row.findings["itchy"], row.findings[finding]) == ("often", "sometimes")
    assert supervisor.sideways() == 0
