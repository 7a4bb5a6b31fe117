"""The second factor of the admin site: set up, asked for, replayed, lost, reset."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services, totp
from accounts.audit.models import AuditExport
from accounts.models import OutgoingMail, RecoveryCode, SecondFactor, User
from dermatech.core.errors import Conflict, Forbidden, Unauthenticated
from tests.cast import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
LOGIN, CODE, CONFIRM = "/admin/login/", "/admin/second-factor/", "/admin/confirm/"
OWN = "/admin/second-factor/own/"


@pytest.fixture
def required(settings: Any) -> None:
    """The admin site as in production."""
    settings.ADMIN_TOTP = "required"
    settings.ADMIN_PROOF_SECONDS = 300


def shown(user: Any, *, later: int = 0) -> str:
    """What the app shows, `later` codes from now."""
    factor = SecondFactor.objects.get(user=user)
    return totp.code_at(factor.secret, int(time.time()) // totp.STEP_SECONDS + later)


def enrol(user: Any) -> list[str]:
    """An app in use whose present code is unspent; the recovery codes."""
    services.begin_enrolment(actor=user)
    codes = services.confirm_enrolment(actor=user, code=shown(user))
    SecondFactor.objects.update(last_step=-1)
    return codes


def password_step(user: Any, client: Client | None = None) -> Client:
    client = client or Client()
    answer = client.post(LOGIN, {"username": user.email, "password": PASSWORD})
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, CODE)
    return client


def signed_in(user: Any) -> Client:
    client = password_step(user)
    assert client.post(CODE, {"code": shown(user)}).status_code == 302
    return client


def problem(answer: Any) -> str:
    return " ".join(str(error) for errors in answer.context["form"].errors.values() for error in errors)


# --- the arithmetic ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", appendix B
    assert totp.step_of(secret, code, now=seconds) == seconds // 30


def test_a_code_counts_one_step_early_and_late_and_no_further() -> None:
    secret, now = totp.new_secret(), 1_000_000 * 30.0
    taken = [
        step for step in range(-3, 4) if totp.step_of(secret, totp.code_at(secret, 1_000_000 + step), now=now)
    ]
    assert taken == [-1, 0, 1]
    assert totp.step_of(secret, "１２３４５６", now=now) is None  # noqa: RUF001  # digits of another script
    assert totp.step_of(secret, "", now=now) is None


def test_recovery_codes_are_ten_different_ones_and_forgive_how_they_are_typed() -> None:
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}", code) for code in codes)
    typed = codes[0].upper().replace("-", " ")
    assert totp.looks_like_recovery_code(typed)
    assert totp.recovery_digest(typed) == totp.recovery_digest(codes[0])


# --- setting up ----------------------------------------------------------------------------------
@pytest.mark.usefixtures("required")
def test_who_must_have_a_second_factor_sets_it_up_at_the_first_sign_in(yaw: Any, events: Any) -> None:
    client = password_step(yaw)
    assert client.get("/admin/").status_code == 302  # the password alone opens nothing
    page = client.get(CODE).content.decode()
    assert "<svg" in page
    assert SecondFactor.objects.get().secret in page.replace(" ", "")
    wrong = client.post(CODE, {"code": "000000"})
    assert "not the code that the app shows" in problem(wrong)
    done = client.post(CODE, {"code": shown(yaw), "next": "/admin/accounts/user/"})
    assert re.findall(r"<li>((?:[a-z2-9]{4}-?){4})</li>", done.content.decode())[9]
    assert 'href="/admin/accounts/user/"' in done.content.decode()
    assert client.get("/admin/").status_code == 200
    assert events() == ["auth.second_factor_changed success", "auth.login success"]
    assert OutgoingMail.objects.get().kind == "second_factor_changed"


def test_the_secret_and_the_recovery_codes_are_not_readable_in_the_database(yaw: Any) -> None:
    codes = enrol(yaw)
    factor = SecondFactor.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM accounts_secondfactor")
        stored = cursor.fetchone()[0]
    assert factor.secret not in stored
    assert not RecoveryCode.objects.filter(digest__in=codes).exists()


def test_a_reload_shows_the_same_picture_and_a_second_app_is_refused(yaw: Any) -> None:
    first = services.begin_enrolment(actor=yaw)
    assert services.begin_enrolment(actor=yaw).secret == first.secret
    services.confirm_enrolment(actor=yaw, code=shown(yaw))
    with pytest.raises(Conflict):
        services.begin_enrolment(actor=yaw)


def test_where_it_is_optional_a_password_is_enough_until_one_sets_an_app_up(yaw: Any) -> None:
    client = Client()
    client.post(LOGIN, {"username": yaw.email, "password": PASSWORD})
    assert client.get("/admin/").status_code == 200
    assert "<svg" in client.get(OWN).content.decode()
    codes = client.post(OWN, {"code": shown(yaw)})
    assert "shown now and never again" in codes.content.decode()
    assert "10 unused recovery codes" in client.get(OWN).content.decode()
    password_step(yaw)


def test_pharmacists_have_no_second_factor(ama: Any) -> None:
    with pytest.raises(Forbidden):
        services.begin_enrolment(actor=ama)


# --- signing in ----------------------------------------------------------------------------------
@pytest.mark.usefixtures("required")
@pytest.mark.parametrize("who", ["yaw", "efua", "adjoa"])
def test_supervisors_auditors_and_administrators_enter_by_password_and_code(
    who: str, request: pytest.FixtureRequest, events: Any
) -> None:
    user = request.getfixturevalue(who)
    enrol(user)
    before = len(events())
    client = signed_in(user)
    assert client.get("/admin/").status_code == 200
    assert events()[before:] == ["auth.login success"]


@pytest.mark.usefixtures("required")
def test_a_session_that_never_proved_a_second_factor_opens_nothing(yaw: Any) -> None:
    enrol(yaw)
    client = Client()
    client.force_login(yaw)
    for path in (
        "/admin/",
        "/admin/password_change/",
        OWN,
        CONFIRM,
        reverse("admin:accounts_user_changelist"),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, LOGIN), path


def test_a_code_that_was_used_is_refused_and_written_down(yaw: Any, events: Any) -> None:
    enrol(yaw)
    code = shown(yaw)
    assert password_step(yaw).post(CODE, {"code": code}).status_code == 302
    again = password_step(yaw).post(CODE, {"code": code})
    assert "used before" in problem(again)
    # An older one of the window is refused as well: steps only go forward.
    assert "used before" in problem(password_step(yaw).post(CODE, {"code": shown(yaw, later=-1)}))
    assert events()[-1] == "auth.login_failed denied"
    assert password_step(yaw).post(CODE, {"code": shown(yaw, later=1)}).status_code == 302


def test_a_recovery_code_opens_once(yaw: Any) -> None:
    codes = enrol(yaw)
    assert password_step(yaw).post(CODE, {"code": codes[3].upper()}).status_code == 302
    assert "not right" in problem(password_step(yaw).post(CODE, {"code": codes[3]}))
    assert password_step(yaw).post(CODE, {"code": codes[4]}).status_code == 302
    assert RecoveryCode.objects.filter(used_at__isnull=True).count() == 8


def test_new_recovery_codes_void_the_old_ones(yaw: Any) -> None:
    old = enrol(yaw)
    services.renew_recovery_codes(actor=yaw)
    with pytest.raises(Unauthenticated):
        services.check_second_factor(user=yaw, code=old[0])
    assert RecoveryCode.objects.count() == 10


def test_guessing_codes_ends_after_five_and_the_owners_known_browser_still_gets_in(
    yaw: Any, events: Any
) -> None:
    enrol(yaw)
    owner = signed_in(yaw)
    SecondFactor.objects.update(last_step=-1)
    owner.post("/admin/logout/")
    thief = password_step(yaw)
    said = [problem(thief.post(CODE, {"code": f"00000{n}"})) for n in range(6)]
    assert "Too many wrong codes" in said[5]
    assert "Too many wrong codes" in problem(thief.post(CODE, {"code": shown(yaw)}))
    assert events()[-1] == "auth.locked_out denied"
    # The owner's browser bears the mark of an earlier sign-in.
    assert password_step(yaw, owner).post(CODE, {"code": shown(yaw)}).status_code == 302


def test_wrong_passwords_from_elsewhere_do_not_lock_the_owners_browser_out(yaw: Any) -> None:
    owner = Client()
    owner.post(LOGIN, {"username": yaw.email, "password": PASSWORD})
    owner.post("/admin/logout/")
    for _ in range(8):
        Client().post(LOGIN, {"username": yaw.email, "password": "wrong"})
    assert Client().post(LOGIN, {"username": yaw.email, "password": PASSWORD}).status_code == 200
    assert owner.post(LOGIN, {"username": yaw.email, "password": PASSWORD}).status_code == 302


def test_the_step_after_the_password_lapses(yaw: Any) -> None:
    enrol(yaw)
    client = password_step(yaw)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        answer = client.post(CODE, {"code": shown(yaw)})
        assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    late = password_step(yaw)
    services.change_own_password(actor=yaw, new_password="nine green baskets on sunday")
    assert late.post(CODE, {"code": shown(yaw)})["Location"] == LOGIN
    assert Client().get(CODE)["Location"] == LOGIN


def test_nobody_is_sent_to_another_site(yaw: Any) -> None:
    enrol(yaw)
    client = password_step(yaw)
    answer = client.post(CODE, {"code": shown(yaw), "next": "https://evil.example/admin/"})
    assert answer["Location"] == "/admin/"


# --- losing it -----------------------------------------------------------------------------------
def test_an_administrator_resets_it_and_everything_open_ends(
    yaw: Any, adjoa: Any, pair: Any, me: Any, events: Any
) -> None:
    codes = enrol(yaw)
    tokens, client = pair(yaw, otp=codes[0]), signed_in(yaw)
    administrator = Client()
    administrator.force_login(adjoa)
    url = reverse("admin:accounts_user_reset_second_factor", args=[yaw.pk])
    assert url in administrator.get(reverse("admin:accounts_user_change", args=[yaw.pk])).content.decode()
    assert "Take this person" in administrator.get(url).content.decode()
    administrator.post(url, {"confirmed": "yes", "reason": "Phone stolen."})
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert client.get("/admin/").status_code == 302
    assert me(tokens["access"]).status_code == 401
    assert events()[-2:] == ["session.ended success", "auth.second_factor_changed success"]


@pytest.mark.parametrize("who", ["yaw", "efua", "ama"])
def test_only_administrators_reset_it(who: str, abena: Any, request: pytest.FixtureRequest) -> None:
    enrol(abena)
    with pytest.raises(Forbidden):
        services.reset_second_factor(actor=request.getfixturevalue(who), user=abena, reason="Lost.")
    assert SecondFactor.objects.filter(user=abena).exists()


def test_nobody_resets_their_own(adjoa: Any) -> None:
    enrol(adjoa)
    with pytest.raises(Forbidden):
        services.reset_second_factor(actor=adjoa, user=adjoa, reason="Lost.")


def test_the_operator_at_the_server_resets_the_last_administrators(adjoa: Any, capsys: Any) -> None:
    from django.core.management import CommandError, call_command

    enrol(adjoa)
    call_command("reset_second_factor", adjoa.email, reason="Only administrator; phone lost.")
    assert not SecondFactor.objects.exists()
    assert "sets up a new one" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no authenticator app"):
        call_command("reset_second_factor", adjoa.email, reason="Again.")
    with pytest.raises(CommandError, match="Nobody"):
        call_command("reset_second_factor", "nobody@dermatech.example", reason="Again.")


# --- grave acts ----------------------------------------------------------------------------------
@pytest.mark.usefixtures("required")
def test_a_grave_act_asks_again_who_sits_there(adjoa: Any, kofi: Any) -> None:
    enrol(adjoa)
    client = signed_in(adjoa)
    url = reverse("admin:accounts_user_change_role", args=[kofi.pk])
    assert "Give this person another role?" in client.get(url).content.decode()
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=True):
        asked = client.get(url)
        assert asked["Location"].startswith(CONFIRM)
        assert client.post(url, {"confirmed": "yes", "role": "auditor"})["Location"].startswith(CONFIRM)
        kofi.refresh_from_db()
        assert kofi.role == "pharmacist"
        back = {"next": url}
        assert "wrong" in problem(client.post(CONFIRM, {**back, "password": "wrong", "code": shown(adjoa)}))
        assert "not right" in problem(client.post(CONFIRM, {**back, "password": PASSWORD, "code": "000000"}))
        assert client.post(CONFIRM, {**back, "password": PASSWORD}).status_code == 200
        proved = client.post(CONFIRM, {**back, "password": PASSWORD, "code": shown(adjoa)})
        assert proved["Location"] == url
        client.post(url, {"confirmed": "yes", "role": "auditor"})
    kofi.refresh_from_db()
    assert kofi.role == "auditor"


def test_without_an_app_the_password_is_asked_again(adjoa: Any, kofi: Any, settings: Any) -> None:
    settings.ADMIN_PROOF_SECONDS = 300
    client = Client()
    client.force_login(adjoa)
    url = reverse("admin:accounts_user_change_role", args=[kofi.pk])
    assert client.get(url)["Location"].startswith(CONFIRM)
    assert client.post(CONFIRM, {"password": PASSWORD, "next": url})["Location"] == url
    assert client.get(url).status_code == 200


def test_an_export_of_the_log_asks_again_before_it_is_fetched(efua: Any, settings: Any) -> None:
    settings.ADMIN_PROOF_SECONDS = 300
    export = AuditExport.objects.create(requested_by=efua)
    url = reverse("admin:accounts_auditexport_download", args=[export.pk])
    client = Client()
    client.force_login(efua)
    assert client.get(url)["Location"].startswith(CONFIRM)
    client.post(CONFIRM, {"password": PASSWORD})
    assert not client.get(url)["Location"].startswith(CONFIRM)  # not made yet


def test_the_list_of_second_factors_shows_no_secret(adjoa: Any, yaw: Any) -> None:
    enrol(yaw)
    client = Client()
    client.force_login(adjoa)
    secret = SecondFactor.objects.get().secret
    for url in (
        reverse("admin:accounts_secondfactor_changelist"),
        reverse("admin:accounts_secondfactor_change", args=[SecondFactor.objects.get().pk]),
    ):
        page = client.get(url)
        assert page.status_code == 200
        assert secret not in page.content.decode()
    assert User.objects.count() == 2


# --- the API -------------------------------------------------------------------------------------
def _codes(answers: list[Any]) -> list[tuple[int, str]]:
    return [(answer.status_code, answer.json().get("code", "")) for answer in answers]


def test_staff_with_an_app_need_its_code_for_the_api_too(yaw: Any, sign_in: Any, events: Any) -> None:
    enrol(yaw)
    events()
    code = shown(yaw)
    answers = [
        sign_in(yaw), sign_in(yaw, otp=""), sign_in(yaw, otp="000000"), sign_in(yaw, otp=code),
        sign_in(yaw, otp=code), sign_in(yaw, "wrong", otp=code),
    ]  # fmt: skip
    assert _codes(answers) == [
        (401, "second_factor_required"), (401, "second_factor_required"), (401, "second_factor_wrong"),
        (200, ""),
        (401, "second_factor_replayed"), (401, "invalid_credentials"),
    ]  # fmt: skip
    assert all("WWW-Authenticate" in answer.headers for answer in answers if answer.status_code == 401)
    assert events()[-6:].count("auth.login_failed denied") == 5


def test_a_recovery_code_enters_the_api_once(efua: Any, sign_in: Any) -> None:
    codes = enrol(efua)
    answers = [sign_in(efua, otp=codes[0]), sign_in(efua, otp=codes[0])]
    assert _codes(answers) == [(200, ""), (401, "second_factor_wrong")]


def test_wrong_codes_at_the_api_and_at_the_desk_are_counted_together(yaw: Any, sign_in: Any) -> None:
    enrol(yaw)
    assert [sign_in(yaw, otp="000000").status_code for _ in range(6)] == [401] * 5 + [429]
    client = password_step(yaw)
    assert "Too many wrong codes" in problem(client.post(CODE, {"code": shown(yaw)}))


@pytest.mark.usefixtures("required")
def test_where_an_app_is_demanded_staff_without_one_do_not_enter_and_pharmacists_do(
    adjoa: Any, ama: Any, sign_in: Any
) -> None:
    assert _codes([sign_in(adjoa), sign_in(ama)]) == [(403, "second_factor_missing"), (200, "")]


def test_where_it_is_optional_staff_without_an_app_enter_by_the_password(yaw: Any, sign_in: Any) -> None:
    assert sign_in(yaw).status_code == 200


def test_setting_up_an_app_ends_what_the_password_alone_had_opened(yaw: Any, pair: Any, me: Any) -> None:
    before = pair(yaw)["access"]
    enrol(yaw)
    assert me(before).status_code == 401


def test_where_an_app_is_demanded_since_an_older_sign_in_is_not_renewed(
    yaw: Any, ama: Any, pair: Any, api: Any, settings: Any
) -> None:
    old = {person: pair(person)["refresh"] for person in (yaw, ama)}
    settings.ADMIN_TOTP = "required"
    renewed = [api.post("/api/v1/auth/refresh", {"refresh": old[person]}) for person in (yaw, ama)]
    assert _codes(renewed) == [(401, "token_invalid"), (200, "")]
