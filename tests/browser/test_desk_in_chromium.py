"""A newcomer's first day, and that no page stands in anybody's way. In a real browser."""

import io
import os
import re
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.audit import jobs, verifier
from accounts.audit.keys import signing_key
from accounts.audit.sealer import seal_all
from accounts.models import Premises, User
from consultations.models import Notification, Review
from medications.models import Medication
from tests.browser.conftest import Visitor
from tests.browser.pictures import take
from tests.browser.visits import arrive, in_the_way
from tests.cast import PASSWORD
from tests.consultations.cases import CONSULTATIONS, breathless, ringworm
from triage.models import Guideline

pytestmark = [
    pytest.mark.browser,
    pytest.mark.one_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("starter_knowledge"),
]
Enter = Callable[[], Visitor]
MEASLES = ringworm(
    patient={"age_months": 40, "sex": "female", "initials": "EA"},
    facts={"fever": True, "duration_days": 3},
    findings={"present": [], "absent": []},
    working_diagnosis="measles",
)


@pytest.fixture
def cases(case: uuid.UUID, ama: Any, as_user: Any) -> list[str]:
    """Ama's ringworm with a photo, an emergency that nobody referred, and a suspicion of measles."""
    phone = as_user(ama)
    return [str(case)] + [
        phone.post(CONSULTATIONS, body, format="json").json()["id"] for body in (breathless(), MEASLES)
    ]


def _lets_a_pharmacist_in(page: Page) -> None:
    User.objects.create_user(
        email="akosua@dermatech.example", password=PASSWORD, full_name="Akosua Boadu", role="pharmacist",
        cadre="pharmacist", state="pending", registration_number="PS/20417", premises=Premises.objects.get(),
    )  # fmt: skip
    page.reload()
    page.get_by_role("region", name="People").get_by_role("link", name=re.compile(r"People\s+1")).click()
    page.get_by_role("link", name="Akosua Boadu").click()
    page.get_by_role("link", name="Verify").click()
    expect(page.get_by_text("PS/20417")).to_be_visible()
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("Akosua Boadu was verified.")).to_be_visible()
    assert User.objects.get(full_name="Akosua Boadu").state == "verified"


def _reviews_three_cases(page: Page) -> None:
    """The first two with the keyboard alone."""
    page.get_by_role("link", name="Review queue").first.click()
    expect(page.locator("#review-queue tbody tr")).to_have_count(3)
    expect(page.locator("#review-queue tbody tr").first).to_contain_text("Urgent, and not referred")
    take(page, "desk/queue")
    page.get_by_role("link", name="Start with the first").click()
    expect(page.get_by_role("group", name=re.compile("Diagnosis"))).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Your review was kept")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("d")  # from agree to disagree
    right = page.get_by_label("I hold it for")
    right.select_option(label="Pityriasis rosea")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.keyboard.type("Look for a herald patch.")
    take(page, "desk/case")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Your review was kept")).to_be_visible()
    for question in ("Diagnosis", "Level", "Medicine"):
        page.get_by_role("group", name=re.compile(question)).get_by_label("Agree", exact=True).check()
    page.get_by_role("button", name=re.compile("Keep and next")).click()
    expect(page.get_by_role("heading", name="Nothing waits for a review")).to_be_visible()
    assert Review.objects.count() == 3
    assert Review.objects.get(diagnosis="disagree").right_diagnosis == "pityriasis-rosea"
    page.get_by_role("link", name="how far you agree").click()
    expect(page.get_by_role("region", name="Agreement")).to_contain_text("Reviewer and pharmacist")
    take(page, "desk/board")


def _changes_a_rule_and_proposes_it(page: Page, rule: Guideline) -> str:
    page.goto(reverse("admin:triage_guideline_change", args=[rule.pk]))
    page.locator("#id_title").fill("Swollen airway or anaphylaxis")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.goto(reverse("admin:triage_guidelinerelease_add"))
    page.locator("#id_title").fill("A clearer title for anaphylaxis")
    page.get_by_role("button", name="Propose", exact=True).click()
    expect(page.get_by_role("button", name="Approve, so that it takes effect")).to_be_disabled()
    expect(page.get_by_text("Another supervisor must approve what you proposed.")).to_be_visible()
    return page.url


def _adds_a_medicine(page: Page) -> None:
    page.goto(reverse("admin:medications_medication_add"))
    for name, value in {
        "generic_name": "bifonazole", "atc": "D01AC10", "strength": "1%", "ingredients": "bifonazole",
        "pharmacological_class": "Imidazole antifungal", "age_min_months": "12",
    }.items():  # fmt: skip
        page.locator(f"#id_{name}").fill(value)
    for name, value in {
        "form": "cream", "route": "topical", "legal_class": "pharmacy_only", "pregnancy": "caution",
        "lactation": "caution",
    }.items():  # fmt: skip
        page.locator(f"#id_{name}").select_option(value)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#id_generic_name, #result_list").first).to_be_visible()
    if Medication.objects.filter(generic_name="bifonazole").count() == 0:  # a remark must be seen once
        page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()


def _exports_the_log(page: Page, folder: Path) -> verifier.Report:
    page.get_by_role("region", name="Audit").get_by_role("link", name="Exports").click()
    page.goto(reverse("admin:accounts_auditexport_add"))
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("A worker makes your export").wait_for()
    assert jobs.make_due() == 1
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())).extractall(folder)
    where = next(folder.rglob("manifest.json")).parent
    return verifier.verify(str(where), verifier.Key(signing_key().verifier_key), table=True)


def test_a_newcomers_first_day(
    visitor: Enter, cases: list[str], yaw: Any, abena: Any, efua: Any, ama: Any, as_user: Any, tmp_path: Path
) -> None:
    supervisor = visitor()
    page = supervisor.sign_in(yaw)
    take(page, "desk/front")
    _lets_a_pharmacist_in(page)
    _reviews_three_cases(page)
    here = _changes_a_rule_and_proposes_it(page, Guideline.objects.get(code="em-anaphylaxis"))
    _adds_a_medicine(page)
    assert supervisor.sideways() == 0

    page = arrive(visitor(), abena)
    expect(page.get_by_role("link", name=re.compile("Guidelines to decide on"))).to_contain_text("1")
    page.goto(here)
    page.get_by_role("button", name="Approve, so that it takes effect").click()
    expect(page.get_by_text("is now in force")).to_be_visible()

    seal_all()
    assert _exports_the_log(arrive(visitor(), efua), tmp_path).as_dict()["verdict"] == "intact"

    phone = as_user(ama)
    assert "Swollen airway or anaphylaxis" in phone.get("/api/v1/triage/guidelines").content.decode()
    comments = [
        said["comment"] for each in cases for said in phone.get(f"{CONSULTATIONS}/{each}").json()["reviews"]
    ]
    assert "Look for a herald patch." in comments


def _pages(cases: list[str]) -> dict[str, str]:
    """Name and address of the pages of this desk; of all of the navigation where somebody asks for them."""
    return {
        "front": "/admin/",
        "queue": reverse("admin:consultations_review_queue"),
        "case": reverse("admin:consultations_review_case", args=[cases[0]]),
        "board": reverse("admin:consultations_review_board"),
        "notifiable": reverse("admin:consultations_notifiablecase_changelist"),
        "notifiable-case": reverse("admin:consultations_notifiablecase_change", args=[cases[2]]),
        "mark-sent": reverse("admin:consultations_notifiablecase_mark_sent", args=[cases[2]]),
    }


def test_no_page_stands_in_anybodys_way(visitor: Enter, cases: list[str], yaw: Any) -> None:
    """EVERY_PAGE=lists in the environment takes all pages of the navigation, EVERY_PAGE=rows the first row of
    each list too."""
    supervisor = visitor()
    page = arrive(supervisor, yaw)
    pages = _pages(cases)
    if os.environ.get("EVERY_PAGE"):
        for link in page.locator(".task-cards a").all():
            pages.setdefault(str(link.get_attribute("href")), str(link.get_attribute("href")))
    found: list[str] = []
    for name, path in pages.items():
        supervisor.open(path)
        _look(supervisor, name, found)
        row = page.locator("#result_list a[href*='/change/']").first
        if os.environ.get("EVERY_PAGE") == "rows" and row.count():
            supervisor.open(str(row.get_attribute("href")))
            _look(supervisor, f"{name}/row", found)
    assert found == [], "\n".join(found)


def _look(supervisor: Visitor, name: str, found: list[str]) -> None:
    """At one page by day and by night, at a laptop and at a tablet."""
    page = supervisor.page
    for scheme in ("light", "dark"):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
        found += [f"{name}, {scheme}: {each}" for each in in_the_way(page)]
        take(page, f"desk/{name.strip('/').replace('/', '-')}-{scheme}")
    page.set_viewport_size({"width": 820, "height": 1180})
    if supervisor.sideways():
        found.append(f"{name}: {supervisor.sideways()} pixels wider than a tablet")
    take(page, f"desk/{name.strip('/').replace('/', '-')}-tablet")
    page.set_viewport_size({"width": 1366, "height": 768})


def test_a_suspicion_is_passed_on_and_the_photo_is_looked_at(
    visitor: Enter, cases: list[str], yaw: Any
) -> None:
    page = arrive(visitor(), yaw, reverse("admin:consultations_notifiablecase_changelist") + "?sent=no")
    page.get_by_role("link", name=re.compile("measles")).first.click()
    page.get_by_role("link", name="Mark as sent").click()
    page.get_by_label("Who was told").fill("Mr Adjei, Ga West")
    page.get_by_role("button", name="Mark as sent").click()
    expect(page.get_by_text("Mr Adjei, Ga West, by phone")).to_be_visible()
    assert Notification.objects.get().sent_by == yaw

    page.goto(reverse("admin:consultations_review_case", args=[cases[0]]))
    photo = page.locator("[data-sight]")
    small = photo.locator("img").first.bounding_box()
    page.keyboard.press("z")
    large = photo.locator("img").first.bounding_box()
    assert small is not None
    assert large is not None
    assert large["width"] > 1.5 * small["width"]
    take(page, "desk/zoomed")
