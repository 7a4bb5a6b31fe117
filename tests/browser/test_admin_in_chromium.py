"""What supervisors and auditors do in the admin site, done in a real browser."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import Premises, User
from tests.browser.conftest import Visitor
from tests.cast import PASSWORD
from triage.models import Guideline

pytestmark = [
    pytest.mark.browser,
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


def test_a_supervisor_finds_the_tasks_on_the_front_page(visitor: Enter, yaw: Any) -> None:
    supervisor = visitor()
    page = supervisor.sign_in(yaw)

    for task in ("Review", "Curate: skin and triage", "Curate: medicines", "People"):
        expect(page.get_by_role("region", name=task, exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Events")).to_have_count(0)  # the log is the auditor's
    assert supervisor.sideways() == 0


def test_lists_and_pages_fit_the_window_in_light_and_dark(visitor: Enter, yaw: Any, rule: Guideline) -> None:
    supervisor = visitor()
    supervisor.sign_in(yaw)

    def fits(name: str) -> None:
        for scheme in ("light", "dark"):
            supervisor.page.emulate_media(color_scheme=scheme)
            assert supervisor.sideways() == 0, (name, scheme)

    for name in ("triage_guideline", "triage_conditionprofile", "medications_medication"):
        page = supervisor.open(reverse(f"admin:{name}_changelist"))
        fits(name)
        page.locator("#result_list a[href*='/change/']").first.click()
        page.wait_for_url("**/change/**")
        fits(name)


def test_a_rule_is_shown_in_plain_words(visitor: Enter, yaw: Any, rule: Guideline) -> None:
    supervisor = visitor()
    supervisor.sign_in(yaw)

    page = supervisor.open(_change(rule))

    words = page.locator("[data-rule-words]")
    expect(words.get_by_text("Any of these:")).to_be_visible()
    expect(words.get_by_text("Breathing is difficult")).to_be_visible()


def test_a_mistake_in_a_rule_is_said_next_to_its_field(visitor: Enter, yaw: Any, rule: Guideline) -> None:
    supervisor = visitor()
    supervisor.sign_in(yaw)
    page = supervisor.open(_change(rule))

    page.locator(".field-when").get_by_role("button", name="As text").click()
    page.locator("#id_when").fill(json.dumps({"fact": "fevre", "op": "eq", "value": True}))
    page.get_by_role("button", name="Save", exact=True).click()

    field = page.locator(".field-when")
    expect(field).to_contain_text("fevre")
    expect(field.locator(".errorlist")).to_be_visible()
    rule.refresh_from_db()
    assert "fevre" not in json.dumps(rule.when)


def test_one_supervisor_proposes_another_approves_and_the_phones_get_it(
    visitor: Enter, yaw: Any, abena: Any, ama: Any, rule: Guideline, as_user: Any
) -> None:
    proposer = visitor()
    page = proposer.sign_in(yaw)
    proposer.open(_change(rule))
    page.locator("#id_title").fill("Swollen airway or anaphylaxis")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()

    proposer.open(reverse("admin:triage_guidelinerelease_add"))
    page.locator("#id_title").fill("A clearer title for anaphylaxis")
    page.get_by_role("button", name="Propose", exact=True).click()
    expect(page.get_by_role("button", name="Approve, so that it takes effect")).to_be_disabled()
    expect(page.get_by_text("Another supervisor must approve what you proposed.")).to_be_visible()

    approver = visitor()
    page = approver.sign_in(abena)
    page.get_by_role("region", name="Curate: skin and triage").get_by_role(
        "link", name=re.compile("Guideline releases")
    ).click()
    page.get_by_role("link", name="A clearer title for anaphylaxis", exact=True).click()
    page.get_by_role("button", name="Approve, so that it takes effect").click()
    expect(page.get_by_text("is now in force")).to_be_visible()

    answer = as_user(ama).get("/api/v1/triage/guidelines")
    assert "Swollen airway or anaphylaxis" in answer.content.decode()


def test_a_waiting_registration_is_compared_and_verified(visitor: Enter, yaw: Any, ama: Any) -> None:
    newcomer = User.objects.create_user(
        email="akosua@dermatech.example",
        password=PASSWORD,
        full_name="Akosua Boadu",
        role="pharmacist",
        cadre="pharmacist",
        state="pending",
        registration_number="PS/20417",
        premises=Premises.objects.get(),
    )
    supervisor = visitor()
    page = supervisor.sign_in(yaw)

    page.get_by_role("region", name="People").get_by_role("link", name=re.compile(r"People\s+1")).click()
    page.get_by_role("link", name="Akosua Boadu").click()
    page.get_by_role("link", name="Verify").click()
    expect(page.get_by_text("PS/20417")).to_be_visible()
    page.get_by_role("button", name="Verify").click()

    expect(page.get_by_text("Akosua Boadu was verified.")).to_be_visible()
    newcomer.refresh_from_db()
    assert newcomer.state == "verified"


def test_a_consultation_reads_like_a_case_record(visitor: Enter, yaw: Any, case: uuid.UUID) -> None:
    supervisor = visitor()
    supervisor.sign_in(yaw)
    page = supervisor.open(reverse("admin:consultations_consultation_changelist"))
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
    page = auditor.sign_in(efua)
    expect(page.get_by_role("link", name="Consultations")).to_have_count(0)

    page.get_by_role("region", name="Audit").get_by_role("link", name="Events").click()
    expect(page.locator("#result_list")).to_contain_text("consultation.created")
    page.get_by_role("link", name=re.compile(r"\(consultation.created\)")).first.click()
    expect(page.locator("#content")).to_contain_text("Ama Mensah:")

    assert auditor.trouble == []
    page.goto(reverse("admin:consultations_consultation_change", args=[case]))
    expect(page.locator("body")).to_contain_text("403")
    auditor.trouble.clear()  # the refusal just provoked


def test_the_keyboard_reaches_the_search_and_the_main_actions(
    visitor: Enter, yaw: Any, rule: Guideline
) -> None:
    supervisor = visitor()
    page = supervisor.sign_in(yaw)

    def tab_until(found: str, *, steps: int = 90) -> None:
        for _ in range(steps):
            page.keyboard.press("Tab")
            if page.evaluate(f"!!document.activeElement?.matches({json.dumps(found)})"):
                return
        pytest.fail(f"{steps} presses of Tab do not reach {found}")

    supervisor.open(reverse("admin:triage_guideline_changelist"))
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
