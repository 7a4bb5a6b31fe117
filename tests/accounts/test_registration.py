"""Registering, and what a supervisor decides about it."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts import mail, services
from accounts.models import OutgoingMail, Premises, User
from accounts.roles import Cadre, Region
from dermatech.core.errors import Conflict, Forbidden, ValidationFailed
from tests.accounts.conftest import API
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db


def _wrong(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


def test_a_registration_is_received_and_waits_for_a_supervisor(api: Any, form: Any, events: Any) -> None:
    answer = api.post(f"{API}/register", form)
    assert answer.status_code == 202
    assert answer.json() == {
        "detail": "Your registration was received. You will get an e-mail.",
        "code": "registration_received",
    }
    user = User.objects.get()
    assert (user.email, user.state, user.role) == ("akosua@osu.example", "pending", "pharmacist")
    assert (user.phone, user.full_name) == ("+233241234567", "Akosua Sarpong")
    assert user.registration_number == "PS/12345"
    assert user.premises is not None
    assert (user.premises.name, user.premises.licence_number) == ("Labone Chemists", "PC/GAR/0999")
    assert user.check_password(form["password"])
    assert events() == ["premises.created success", "account.registered success"]


def test_a_known_address_gets_the_same_answer_and_a_letter_but_no_second_account(
    api: Any, form: Any, ama: Any, events: Any
) -> None:
    fresh = api.post(f"{API}/register", form)
    again = api.post(f"{API}/register", {**form, "email": ama.email.upper()})
    assert (again.status_code, again.content) == (fresh.status_code, fresh.content)
    assert set(again.headers) == set(fresh.headers)
    assert User.objects.filter(email=ama.email).count() == 1
    ama.refresh_from_db()
    assert ama.full_name == "Ama Mensah"
    letters = OutgoingMail.objects.order_by("created_at").values_list("kind", "user__email")
    assert list(letters) == [
        ("registration_received", "akosua@osu.example"),
        ("registration_duplicate", ama.email),
    ]
    assert events()[-1] == "account.registered success"


def test_registering_a_known_address_leaves_no_premises_behind(api: Any, form: Any, ama: Any) -> None:
    api.post(f"{API}/register", {**form, "email": ama.email})
    assert not Premises.objects.filter(licence_number="PC/GAR/0999").exists()


def test_colleagues_of_one_licence_share_the_premises_on_record(api: Any, form: Any, ama: Any) -> None:
    claim = {"name": "Another Name", "licence_number": " pc/gar/0101 ", "region": "oti"}
    assert api.post(f"{API}/register", {**form, "premises": claim}).status_code == 202
    user = User.objects.get(email="akosua@osu.example")
    assert user.premises == ama.premises
    assert user.premises is not None
    assert user.premises.name == "Osu Pharmacy"


@pytest.mark.parametrize("known", [True, False])
def test_a_weak_password_is_refused_alike_for_known_and_unknown_addresses(
    api: Any, form: Any, ama: Any, known: bool
) -> None:
    email = ama.email if known else form["email"]
    wrong = _wrong(api.post(f"{API}/register", {**form, "email": email, "password": "password"}))
    assert set(wrong) == {"password"}


def test_a_password_like_ones_own_name_is_refused(api: Any, form: Any) -> None:
    answer = api.post(f"{API}/register", {**form, "password": "akosua sarpong"})
    assert _wrong(answer) == {"password": "password_too_similar"}


def test_fields_that_nobody_knows_are_refused_also_inside_premises(api: Any, form: Any) -> None:
    assert _wrong(api.post(f"{API}/register", {**form, "role": "admin"})) == {"role": "unknown_field"}
    nested = {**form, "premises": {**form["premises"], "verified": True}}
    assert _wrong(api.post(f"{API}/register", nested)) == {"premises.verified": "unknown_field"}
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("email", "no address", "invalid"),
        ("cadre", "dermatologist", "invalid_choice"),
        ("phone", "+44 20 7946 0958", "invalid_phone"),
        ("phone", "12345", "invalid_phone"),
        ("phone", "not a phone", "invalid_phone"),
        ("registration_number", "none", "invalid_registration_number"),
        ("registration_number", "<script>1", "invalid_registration_number"),
        ("full_name", "", "blank"),
        ("full_name", "Two\nlines", "line"),
        ("full_name", 42, "invalid"),
        ("password", None, "null"),
    ],
)
def test_a_wrong_field_is_named(api: Any, form: Any, field: str, value: Any, code: str) -> None:
    assert _wrong(api.post(f"{API}/register", {**form, field: value})) == {field: code}


def test_a_region_outside_ghanas_sixteen_is_refused(api: Any, form: Any) -> None:
    assert len(Region.values) == 16
    form["premises"]["region"] = "lagos"
    assert _wrong(api.post(f"{API}/register", form)) == {"premises.region": "invalid_choice"}


def test_the_pattern_of_registration_numbers_is_configurable_per_cadre(
    api: Any, form: Any, settings: Any
) -> None:
    settings.REGISTRATION_NUMBER_PATTERNS = {Cadre.PHARMACIST.value: r"PS/\d{4,6}"}
    assert _wrong(api.post(f"{API}/register", {**form, "registration_number": "OTC 1"})) == {
        "registration_number": "invalid_registration_number"
    }
    assert api.post(f"{API}/register", form).status_code == 202


def test_registrations_from_one_address_are_limited(api: Any, form: Any, settings: Any) -> None:
    settings.ACCOUNT_LIMITS = {"register_address": (2, 600)}
    for _ in range(2):
        assert api.post(f"{API}/register", form).status_code == 202
    answer = api.post(f"{API}/register", form)
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 0 < int(answer["Retry-After"]) <= 600


def test_a_supervisor_verifies_and_the_pharmacist_can_sign_in(
    akosua: Any, yaw: Any, sign_in: Any, events: Any
) -> None:
    services.verify_registration(actor=yaw, user=akosua)
    assert (akosua.state, akosua.decided_by) == ("verified", yaw)
    assert OutgoingMail.objects.get().kind == mail.Kind.REGISTRATION_VERIFIED
    assert events() == ["account.verified success"]
    assert sign_in(akosua).status_code == 200


def test_a_registration_is_decided_once(akosua: Any, yaw: Any, abena: Any) -> None:
    stale = User.objects.get(pk=akosua.pk)
    services.verify_registration(actor=yaw, user=akosua)
    with pytest.raises(Conflict) as refusal:
        services.refuse_registration(actor=abena, user=stale, reason="Not on the register")
    assert refusal.value.code == "registration_decided"
    akosua.refresh_from_db()
    assert akosua.state == "verified"


def test_a_refusal_needs_a_reason_and_the_person_is_told_it(akosua: Any, yaw: Any, mailoutbox: Any) -> None:
    with pytest.raises(ValidationFailed):
        services.refuse_registration(actor=yaw, user=akosua, reason="  ")
    services.refuse_registration(actor=yaw, user=akosua, reason="Number not on the register")
    mail.deliver_due()
    assert akosua.state == "refused"
    assert "Number not on the register" in mailoutbox[0].body


def test_only_supervisors_and_administrators_verify(akosua: Any, ama: Any, efua: Any) -> None:
    for actor in (ama, efua):
        with pytest.raises(Forbidden):
            services.verify_registration(actor=actor, user=akosua)


def test_two_verified_people_cannot_have_one_registration_number(akosua: Any, ama: Any, yaw: Any) -> None:
    User.objects.filter(pk=akosua.pk).update(registration_number=ama.registration_number)
    with pytest.raises(Conflict) as refusal:
        services.verify_registration(actor=yaw, user=akosua)
    assert refusal.value.code == "registration_number_taken"
    akosua.refresh_from_db()
    assert akosua.state == "pending"


# --- the first letter and the supervisor's questions ---------------------------------------------
def _codes(kind: str, user: User) -> dict[str, str]:
    """uid and token as they stand in a letter."""
    text = mail.compose(kind, user).text
    return {name: re.search(rf"{name}:\s+(\S+)", text)[1] for name in ("uid", "token")}  # type: ignore[index]


def test_the_first_letter_confirms_the_address(api: Any, akosua: Any, events: Any) -> None:
    code = _codes("registration_received", akosua)
    assert [api.post(f"{API}/confirm-email", code).status_code for _ in "ab"] == [204, 204]
    akosua.refresh_from_db()
    assert akosua.email_confirmed_at is not None
    assert events() == ["account.updated success"]
    assert "uid:" not in mail.compose("registration_received", akosua).text


def test_a_wrong_old_or_foreign_code_confirms_nothing(api: Any, akosua: Any, ama: Any) -> None:
    code = _codes("registration_received", akosua)
    resetting = _codes("password_reset", akosua)
    for wrong in (
        {**code, "token": code["token"][:-1] + "x"},
        {**code, "uid": _codes("registration_received", ama)["uid"]},
        {**code, "uid": "nonsense"},
        resetting,
    ):
        assert _wrong(api.post(f"{API}/confirm-email", wrong)) == {"token": "confirmation_token_invalid"}
    with time_machine.travel(timezone.now() + timedelta(days=4), tick=True):
        assert api.post(f"{API}/confirm-email", code).status_code == 400
    akosua.refresh_from_db()
    assert akosua.email_confirmed_at is None
    # And the code of this letter sets no password.
    body = {**code, "new_password": "nine green baskets on sunday"}
    assert _wrong(api.post(f"{API}/password-reset/confirm", body)) == {"token": "reset_token_invalid"}


def test_where_it_is_asked_for_nobody_is_verified_before_the_address_is_confirmed(
    api: Any, akosua: Any, yaw: Any, settings: Any
) -> None:
    settings.CONFIRMED_EMAIL_REQUIRED = True
    with pytest.raises(Conflict) as refused:
        services.verify_registration(actor=yaw, user=akosua)
    assert refused.value.code == "email_unconfirmed"
    api.post(f"{API}/confirm-email", _codes("registration_received", akosua))
    akosua.refresh_from_db()
    services.verify_registration(actor=yaw, user=akosua)
    assert akosua.state == "verified"


def test_a_supervisor_asks_the_person_answers_and_is_verified(
    api: Any, akosua: Any, yaw: Any, sign_in: Any, events: Any
) -> None:
    services.ask_applicant(actor=yaw, user=akosua, question="Which number stands on the certificate?")
    letter = OutgoingMail.objects.get()
    assert "Which number stands" in mail.compose(letter.kind, akosua).html
    who = {"email": akosua.email, "password": PASSWORD}
    told = {"answer": "I left out a digit.", "registration_number": "ps/7778"}
    assert _wrong(api.post(f"{API}/register/answer", {**who, **told, "registration_number": "?"})) == {
        "registration_number": "invalid_registration_number"
    }
    answer = api.post(f"{API}/register/answer", {**who, **told})
    assert (answer.status_code, answer.json()["code"]) == (202, "answer_received")
    akosua.refresh_from_db()
    assert (akosua.answer, akosua.registration_number) == ("I left out a digit.", "PS/7778")
    assert api.post(f"{API}/register/answer", {**who, **told}).json()["code"] == "nothing_asked"
    services.verify_registration(actor=yaw, user=akosua)
    assert sign_in(akosua).status_code == 200
    assert events()[:2] == ["account.updated success"] * 2


def test_only_who_knows_the_password_answers(api: Any, akosua: Any, yaw: Any) -> None:
    services.ask_applicant(actor=yaw, user=akosua, question="Which number?")
    body = {"email": akosua.email, "password": "wrong", "answer": "Mine."}
    assert api.post(f"{API}/register/answer", body).status_code == 401
    akosua.refresh_from_db()
    assert akosua.answer == ""


def test_only_who_verifies_may_ask_and_only_somebody_who_waits(
    akosua: Any, ama: Any, efua: Any, yaw: Any
) -> None:
    for person in (ama, efua):
        with pytest.raises(Forbidden):
            services.ask_applicant(actor=person, user=akosua, question="Which number?")
    with pytest.raises(Conflict):
        services.ask_applicant(actor=yaw, user=ama, question="Which number?")
    with pytest.raises(ValidationFailed):
        services.ask_applicant(actor=yaw, user=akosua, question="  ")
