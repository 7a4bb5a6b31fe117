"""What supervisors and auditors do in the admin site, done in a real browser."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.pictures import take
from tests.browser.visits import arrive, in_the_way
from triage.models import Guideline

pytestmark = [
    pytest.mark.browser,
    pytest.mark.one_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("starter_knowledge"),
]
Enter = Callable[[], Visitor]


@pytest.fixture
def rule(starter_knowledge: None) -> Guideline:
    return Guideline.objects.get(code="em-anaphylaxis")


def _change(row: Any) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/redoc"])
def test_the_documentation_of_the_api_opens_without_trouble(path: str, visitor: Enter) -> None:
    page = visitor().open(path)

    page.wait_for_load_state("networkidle")
    expect(page.get_by_text("DermaTech Ghana API").first).to_be_visible()
    expect(page.get_by_text(re.compile("consultation", re.IGNORECASE)).first).to_be_visible()


def test_a_supervisor_finds_the_tasks_and_every_page_fits_the_window(
    visitor: Enter, yaw: Any, rule: Guideline
) -> None:
    supervisor = visitor()
    page = supervisor.sign_in(yaw)
    for task in ("Review", "Curate: skin and triage", "Curate: medicines", "People"):
        expect(page.get_by_role("region", name=task, exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Events")).to_have_count(0)  # the log is the auditor's

    def fits(name: str) -> None:
        for dark in (False, True):
            page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", dark)
            assert supervisor.sideways() == 0, (name, dark)

    fits("front page")
    for name in ("triage_guideline", "medications_medication"):
        supervisor.open(reverse(f"admin:{name}_changelist"))
        fits(name)
        page.locator("#result_list a[href*='/change/']").first.click()
        page.wait_for_url("**/change/**")
        fits(name)


def test_a_rule_is_shown_in_words_and_a_mistake_is_said_next_to_its_field(
    visitor: Enter, yaw: Any, rule: Guideline
) -> None:
    page = arrive(visitor(), yaw, _change(rule))
    words = page.locator("[data-rule-words]")
    expect(words.get_by_text("Any of these:")).to_be_visible()
    expect(words.get_by_text("Breathing is difficult")).to_be_visible()

    page.locator(".field-when").get_by_role("button", name="As text").click()
    page.locator("#id_when").fill(json.dumps({"fact": "fevre", "op": "eq", "value": True}))
    page.get_by_role("button", name="Save", exact=True).click()

    field = page.locator(".field-when")
    expect(field).to_contain_text("fevre")
    expect(field.locator(".errorlist")).to_be_visible()
    rule.refresh_from_db()
    assert "fevre" not in json.dumps(rule.when)


def test_a_consultation_reads_like_a_case_record(visitor: Enter, yaw: Any, case: uuid.UUID) -> None:
    supervisor = visitor()
    page = arrive(supervisor, yaw, reverse("admin:consultations_consultation_changelist"))
    expect(page.locator("#result_list")).to_contain_text(str(case)[-8:])
    expect(page.locator("#result_list")).to_contain_text("Osu Pharmacy")

    page.locator("#result_list a[href*='/change/']").first.click()
    page.wait_for_url("**/change/**")

    record = page.locator("#content")
    expect(record).to_contain_text("Female, age 7 years")
    expect(record).to_contain_text("Ring shaped")
    expect(record).to_contain_text("Tinea corporis")
    expect(record).not_to_contain_text("central_clearing")
    assert supervisor.sideways() == 0


def test_an_auditor_reads_the_events_and_no_patient(visitor: Enter, efua: Any, case: uuid.UUID) -> None:
    auditor = visitor()
    page = arrive(auditor, efua)
    expect(page.get_by_role("link", name="Consultations")).to_have_count(0)

    page.get_by_role("region", name="Audit").get_by_role("link", name="Events").click()
    expect(page.locator("#result_list")).to_contain_text("consultation.created")
    page.get_by_role("link", name=re.compile(r"\(consultation.created\)")).first.click()
    expect(page.locator("#content")).to_contain_text("Ama Mensah:")

    assert auditor.trouble == []
    page.goto(reverse("admin:consultations_consultation_change", args=[case]))
    expect(page.locator("body")).to_contain_text("403")
    auditor.trouble.clear()  # the refusal just provoked


def _finds_by_keyboard(page: Page) -> None:
    """From wherever one is, by Ctrl+K; back to the same place by Escape."""
    page.keyboard.press("Control+k")
    field = page.get_by_role("dialog", name="Search").get_by_label("Search", exact=True)
    expect(field).to_be_focused()
    page.keyboard.type("zzz")
    expect(page.get_by_text("Nothing found for “zzz”.")).to_be_visible()
    page.keyboard.press("Enter")  # nothing to open
    take(page, "search/nothing")
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()

    page.get_by_role("button", name="Search everything").click()
    page.keyboard.type("finding")
    expect(page.locator("#command-results li.active")).to_contain_text("Findings")
    page.keyboard.press("ArrowDown")
    for dark in (False, True):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", dark)
        assert in_the_way(page) == []
        take(page, f"search/found-{'dark' if dark else 'light'}")
    page.evaluate("document.documentElement.classList.remove('dark')")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/triage/finding/")
    page.go_back()


def test_the_keyboard_reaches_the_search_and_the_main_actions(
    visitor: Enter, yaw: Any, rule: Guideline
) -> None:
    page = arrive(visitor(), yaw, reverse("admin:triage_guideline_changelist"))

    def tab_until(found: str, *, steps: int = 90) -> None:
        for _ in range(steps):
            page.keyboard.press("Tab")
            if page.evaluate(f"!!document.activeElement?.matches({json.dumps(found)})"):
                return
        pytest.fail(f"{steps} presses of Tab do not reach {found}")

    _finds_by_keyboard(page)
    tab_until("#searchbar")
    page.keyboard.type("anaphylaxis")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=anaphylaxis**")
    tab_until("#result_list a[href*='/change/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/**")
    tab_until("button[name=_save]", steps=160)  # past every part of the rule
    page.keyboard.press("Enter")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
