"""Forgotten passwords: letters, single use, and what a new password ends."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts import mail, resets
from accounts.models import DeviceSession, OutgoingMail, User
from tests.accounts.conftest import API
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db
NEW = "nine green baskets on sunday"


def _ask(api: Any, email: str) -> Any:
    return api.post(f"{API}/password-reset", {"email": email})


def _confirm(api: Any, uid: str, token: str, password: str = NEW) -> Any:
    return api.post(f"{API}/password-reset/confirm", {"uid": uid, "token": token, "new_password": password})


def test_known_and_unknown_addresses_get_the_same_answer_for_the_same_work(
    api: Any, ama: Any, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(5) as known:
        # The transaction, the letter, the audit event (event, mark), the end.
        first = _ask(api, ama.email)
    with django_assert_num_queries(len(known)):
        second = _ask(api, "nobody@dermatech.example")
    assert (first.status_code, first.content) == (202, second.content)
    assert set(first.headers) == set(second.headers)
    assert OutgoingMail.objects.count() == 2


def test_the_letter_holds_a_code_that_sets_a_new_password_once(
    api: Any, ama: Any, sign_in: Any, mailoutbox: Any, events: Any
) -> None:
    _ask(api, ama.email.upper())
    assert mail.deliver_due() == 1
    letter = mailoutbox[0]
    assert letter.to == [ama.email]
    uid = re.search(r"uid:\s+(\S+)", letter.body)
    token = re.search(r"token:\s+(\S+)", letter.body)
    assert uid is not None
    assert token is not None
    assert _confirm(api, uid[1], token[1]).status_code == 204
    assert sign_in(ama, NEW).status_code == 200
    assert sign_in(ama).status_code == 401
    again = _confirm(api, uid[1], token[1], "another good pass phrase")
    assert again.json()["errors"][0]["code"] == "reset_token_invalid"
    assert events()[:3] == [
        "auth.password_reset_requested success",
        "auth.password_reset_requested success",
        "auth.password_changed success",
    ]


def test_nobody_gets_a_letter_for_an_unknown_or_closed_account(api: Any, kofi: Any, mailoutbox: Any) -> None:
    User.objects.filter(pk=kofi.pk).update(state="deactivated")
    _ask(api, "nobody@dermatech.example")
    _ask(api, kofi.email)
    assert mail.deliver_due() == 0
    assert mailoutbox == []
    assert set(OutgoingMail.objects.values_list("state", "address")) == {("dropped", "")}


def test_a_new_password_signs_all_devices_out(api: Any, ama: Any, pair: Any, me: Any, events: Any) -> None:
    phone, tablet = pair(ama), pair(ama)
    assert _confirm(api, *resets.make(ama)).status_code == 204
    for device in (phone, tablet):
        assert me(device["access"]).json()["code"] == "token_invalid"
        assert api.post(f"{API}/refresh", {"refresh": device["refresh"]}).status_code == 401
    assert set(DeviceSession.objects.values_list("end_reason", flat=True)) == {"password_changed"}
    assert events()[2:] == ["session.ended success"] * 2 + ["auth.password_changed success"]


def test_a_weak_new_password_is_refused_and_the_code_stays_good(api: Any, ama: Any) -> None:
    uid, token = resets.make(ama)
    answer = _confirm(api, uid, token, "ama@dermatech")
    assert {(e["field"], e["code"]) for e in answer.json()["errors"]} == {
        ("new_password", "password_too_similar")
    }
    assert _confirm(api, uid, token).status_code == 204


@pytest.mark.parametrize(
    ("uid", "token"),
    [
        ("", "x"),
        ("x", "x"),
        ("AAAA", "x-y"),
        ("!!!", "c0ffee-" + "0" * 32),
        ("x", "\N{SNOWMAN}"),
        ("é", "a-b"),
    ],
)
def test_a_made_up_code_is_refused(api: Any, ama: Any, uid: str, token: str) -> None:
    assert _confirm(api, uid, token).status_code == 400


def test_the_code_of_one_person_is_no_good_for_another(api: Any, ama: Any, kofi: Any) -> None:
    uid, _ = resets.make(ama)
    _, token = resets.make(kofi)
    assert _confirm(api, uid, token).json()["errors"][0]["code"] == "reset_token_invalid"


def test_a_code_is_good_for_an_hour(api: Any, ama: Any) -> None:
    uid, token = resets.make(ama)
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=True):
        assert _confirm(api, uid, token).status_code == 400
    with time_machine.travel(timezone.now() + timedelta(minutes=59), tick=True):
        assert _confirm(api, uid, token).status_code == 204


def test_a_code_dies_when_the_password_is_changed_otherwise(api: Any, ama: Any) -> None:
    first, second = resets.make(ama), resets.make(ama)
    assert _confirm(api, *first).status_code == 204
    assert _confirm(api, *second).status_code == 400


def test_somebody_pending_may_reset_and_stays_pending(api: Any, akosua: Any, sign_in: Any) -> None:
    assert _confirm(api, *resets.make(akosua)).status_code == 204
    assert sign_in(akosua, NEW).json()["code"] == "registration_pending"


def test_requests_from_one_address_are_limited(api: Any, settings: Any) -> None:
    settings.ACCOUNT_LIMITS = {"reset_address": (1, 60)}
    assert _ask(api, "a@dermatech.example").status_code == 202
    assert _ask(api, "b@dermatech.example").status_code == 429


def test_one_person_is_not_flooded_with_letters(api: Any, ama: Any, mailoutbox: Any) -> None:
    for _ in range(3):
        _ask(api, ama.email)
    mail.deliver_due()
    assert len(mailoutbox) == 1


def test_the_old_password_is_gone_for_good(api: Any, ama: Any) -> None:
    _confirm(api, *resets.make(ama))
    ama.refresh_from_db()
    assert not ama.check_password(PASSWORD)
