"""How a supervisor signs in with a second factor, and lets a new pharmacist in, in a real browser."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from rest_framework.test import APIClient

from accounts import throttle, totp
from accounts.models import User
from tests.browser.conftest import Visitor
from tests.browser.pictures import take
from tests.cast import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Enter = Callable[[], Visitor]
AUTH = "/api/v1/auth"


@pytest.fixture(autouse=True)
def _as_in_production(settings: Any) -> Iterator[None]:
    settings.ADMIN_TOTP = "required"
    settings.ADMIN_PROOF_SECONDS = 300
    throttle.forget()
    yield
    throttle.forget()


def _password(page: Page, person: Any) -> None:
    page.goto("/admin/login/")
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/second-factor/**")


def _present_step() -> int:
    return int(time.time()) // totp.STEP_SECONDS


def _registered(api: APIClient) -> dict[str, Any]:
    form = {
        "email": "akosua@dermatech.example", "password": PASSWORD, "full_name": "Akosua Boadu",
        "phone": "024 123 4567", "cadre": "pharmacist", "registration_number": "PS/20417",
        "premises": {"name": "Labone Chemists", "licence_number": "PC/GAR/0999", "region": "greater_accra"},
    }  # fmt: skip
    assert api.post(f"{AUTH}/register", form).status_code == 202
    return {"email": form["email"], "password": PASSWORD}


def test_a_supervisor_sets_up_an_app_signs_in_with_it_and_lets_a_pharmacist_in(
    visitor: Enter, yaw: Any
) -> None:
    phone = APIClient()
    newcomer = _registered(phone)
    assert phone.post(f"{AUTH}/login", newcomer).json()["code"] == "registration_pending"

    # The first sign-in: the picture, the first code, the recovery codes.
    supervisor = visitor()
    page = supervisor.page
    _password(page, yaw)
    expect(page.locator(".dt-qr svg")).to_be_visible()
    take(page, "accounts/1-set-up")
    secret = (page.locator("#secret").text_content() or "").replace(" ", "")
    first = _present_step()
    page.get_by_label("The code that the app shows now").fill(totp.code_at(secret, first))
    page.get_by_role("button", name="Take it into use").click()
    expect(page.locator(".dt-codes li")).to_have_count(10)
    take(page, "accounts/2-recovery-codes")
    page.get_by_role("link", name="I have them on paper").click()
    expect(page.get_by_role("region", name="People", exact=True)).to_be_visible()

    # Another browser: the code that was used is refused, the next one is taken.
    again = visitor()
    page = again.page
    _password(page, yaw)
    page.get_by_label("Code").fill(totp.code_at(secret, first))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("This code was used before")).to_be_visible()
    take(page, "accounts/3-replayed")
    page.get_by_label("Code").fill(totp.code_at(secret, first + 1))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("region", name="People", exact=True)).to_be_visible()

    # The registration, and what comes of it.
    page.get_by_role("region", name="People").get_by_role("link", name=re.compile(r"People\s+1")).click()
    page.get_by_role("link", name="Akosua Boadu").click()
    take(page, "accounts/4-registration")
    page.get_by_role("link", name="Verify").click()
    take(page, "accounts/5-verify")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("Akosua Boadu was verified.")).to_be_visible()
    assert again.sideways() == 0
    signed_in = phone.post(f"{AUTH}/login", newcomer)
    assert signed_in.status_code == 200
    phone.credentials(HTTP_AUTHORIZATION=f"Bearer {signed_in.json()['access']}")
    assert phone.get("/api/v1/consultations").status_code == 200


def test_who_only_knows_the_password_sees_no_page(visitor: Enter, yaw: Any) -> None:
    page = visitor().page
    _password(page, yaw)
    for path in ("/admin/", "/admin/accounts/user/", "/admin/password_change/"):
        page.goto(path)
        expect(page.get_by_label("Password")).to_be_visible()


def test_a_grave_act_asks_again_who_sits_there(visitor: Enter, adjoa: Any, kofi: Any, settings: Any) -> None:
    settings.ADMIN_TOTP = "optional"
    administrator = visitor()
    page = administrator.sign_in(adjoa)
    settings.ADMIN_PROOF_SECONDS = 1
    page.wait_for_timeout(1_100)
    page.goto(f"/admin/accounts/user/{kofi.pk}/change/")
    page.get_by_role("link", name="Change role").click()
    expect(page.get_by_text("Is it still you?").first).to_be_visible()
    take(page, "accounts/6-still-you")
    settings.ADMIN_PROOF_SECONDS = 300
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Role").select_option("auditor")
    page.get_by_role("button", name="Change the role").click()
    expect(page.get_by_text("Kofi Boateng was given another role.")).to_be_visible()
    assert User.objects.get(pk=kofi.pk).role == "auditor"
