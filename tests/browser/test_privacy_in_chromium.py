"""A record opened in an emergency, its review, and what a patient may ask for, in a real browser."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import EmergencyAccess, User
from consultations.models import Photo
from tests.browser.conftest import Visitor
from tests.browser.pictures import take

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Enter = Callable[[], Visitor]
WHY = "The pharmacist in Osu rang about a spreading rash with fever; her own supervisor is away."


def test_a_record_is_opened_in_an_emergency_and_a_colleague_reviews_it(
    visitor: Enter, case: uuid.UUID, abena: Any, yaw: Any
) -> None:
    User.objects.filter(pk=abena.pk).update(supervised_region="northern")
    supervisor = visitor()
    page = supervisor.sign_in(abena)
    page.goto("/admin/accounts/emergencyaccess/")
    take(page, "accounts/7-emergency-none")
    page.get_by_role("link", name="Open a record in an emergency").click()
    page.get_by_label("Id of the consultation").fill(str(case))
    page.get_by_label("Reason").fill("urgent")
    page.get_by_role("button", name="Open the record").click()
    expect(page.get_by_text("so that a colleague can judge it")).to_be_visible()
    take(page, "accounts/8-emergency-open")
    page.get_by_label("Reason").fill(WHY)
    page.get_by_role("button", name="Open the record").click()
    expect(page.get_by_text("You may read this record until")).to_be_visible()
    take(page, "accounts/9-emergency-record")
    assert supervisor.sideways() == 0

    colleague = visitor()
    page = colleague.sign_in(yaw)
    page.goto("/admin/accounts/emergencyaccess/")
    take(page, "accounts/10-emergency-list")
    page.locator("tbody th a").first.click()
    expect(page.get_by_text("Consultation read")).to_be_visible()
    take(page, "accounts/11-emergency-page")
    page.locator("a[href$='/review/']").click()
    page.get_by_label("Note").fill("Confirmed with the pharmacist.")
    take(page, "accounts/12-emergency-review")
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_text("Your review was written down.")).to_be_visible()
    assert colleague.sideways() == 0
    assert EmergencyAccess.objects.get().verdict == "justified"


def test_what_a_patient_asked_for_is_seen_before_it_happens(
    visitor: Enter, case: uuid.UUID, adjoa: Any, settings: Any
) -> None:
    settings.PHOTO_RETENTION_DAYS = 365
    administrator = visitor()
    page = administrator.sign_in(adjoa)
    page.goto(f"/admin/consultations/consultation/{case}/change/")
    page.get_by_role("link", name="Patient's rights").click()
    take(page, "accounts/13-rights")
    page.get_by_role("link", name="Make a copy for the patient").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the copy").click()
    assert download.value.suggested_filename.endswith(".zip")
    page.get_by_role("link", name="No, take me back").click()
    page.get_by_role("link", name="Erase what names the patient").click()
    take(page, "accounts/14-erase")
    page.get_by_label("Reason").fill("The mother asked at the counter.")
    page.get_by_role("button", name="Erase").click()
    expect(page.get_by_text("Erased: 1 photo")).to_be_visible()
    take(page, "accounts/15-erased")
    assert not Photo.objects.exists()
    page.goto("/admin/consultations/consultation/")
    page.get_by_role("link", name="Retention").click()
    expect(page.get_by_text("Due at this moment")).to_be_visible()
    take(page, "accounts/16-retention")
    assert administrator.sideways() == 0
