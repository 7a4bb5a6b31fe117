"""Keys that are rotated: two live ones, progress, and what is found by a blind index."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.services import keys
from dermatech.core.fields import DecryptionFailed
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db
PHONE = "+233241234567"


def _key(name: str) -> str:
    return f"{name}:" + base64.urlsafe_b64encode(name[0].encode() * 32).decode()


OLD, NEW = _key("old"), _key("new")


@pytest.fixture
def people(settings: Any) -> list[User]:
    """Five with a phone number under the old key, one without."""
    settings.FIELD_KEYS = OLD
    made = [
        User.objects.create_user(
            f"p{number}@x.example", PASSWORD, full_name="P", role="auditor", phone=f"+23324123456{number}"
        )
        for number in range(5, 10)
    ]
    User.objects.create_user("none@x.example", PASSWORD, full_name="N", role="auditor")
    return made


def _stored() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone FROM accounts_user ORDER BY email")
        return [row[0] for row in cursor.fetchall()]


def test_everything_comes_under_the_new_key_and_the_old_one_may_go(
    people: list[User], settings: Any, capsys: Any
) -> None:
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    with pytest.raises(CommandError, match=r"accounts\.user\.phone: 5"):
        call_command("rotate_keys", check=True)
    call_command("rotate_keys", batch=2)
    said = capsys.readouterr().out
    assert "accounts.user.phone" in said
    assert "2 of 5" in said
    assert "5 of 5" in said
    assert "Nothing is under an older key." in said
    assert [text.partition(".")[0] for text in _stored()] == ["", *["new"] * 5]
    settings.FIELD_KEYS = NEW
    assert User.objects.get(email="p7@x.example").phone == PHONE
    assert keys.rotate() == 0


def test_both_keys_are_read_while_they_are_rotated(people: list[User], settings: Any) -> None:
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    assert User.objects.get(email="p7@x.example").phone == PHONE
    assert list(User.objects.with_phone(PHONE)) == [people[2]]
    keys.rotate()
    assert list(User.objects.with_phone(PHONE)) == [people[2]]


def test_without_the_old_key_nothing_is_guessed(people: list[User], settings: Any) -> None:
    settings.FIELD_KEYS = NEW
    with pytest.raises(DecryptionFailed):
        User.objects.get(email="p7@x.example")
    with pytest.raises(DecryptionFailed):
        keys.rotate()


def test_a_row_that_somebody_changes_meanwhile_keeps_the_change(
    people: list[User], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    real: Callable[..., Any] = keys.under_older_keys
    waiting = real(User, User._meta.get_field("phone"))
    row = waiting.get(email="p7@x.example")
    people[2].phone = "+233209999999"
    people[2].save()
    assert waiting.filter(pk=row.pk, raw=row.raw).update(phone=PHONE) == 0
    keys.rotate()
    assert User.objects.get(email="p7@x.example").phone == "+233209999999"


def test_every_encrypted_field_is_rotated() -> None:
    found = {field.purpose for _, field in keys.encrypted_fields()}
    assert found >= {
        "accounts.user.phone", "accounts.outgoingmail.address", "accounts.secondfactor.secret",
        "accounts.idempotencyrecord.body", "accounts.auditdisclosure.values",
        "consultations.consultation.initials", "consultations.consultation.notes",
    }  # fmt: skip


def test_the_index_says_nothing_without_the_key_and_differs_from_key_to_key(
    people: list[User], settings: Any
) -> None:
    before = User.objects.get(email="p7@x.example").phone_index
    assert before.startswith("old.")
    assert PHONE[1:] not in before
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    keys.rotate()
    after = User.objects.get(email="p7@x.example").phone_index
    assert after.startswith("new.")
    assert after.partition(".")[2] != before.partition(".")[2]


def test_a_supervisor_finds_somebody_by_phone_number(yaw: Any, ama: Any, kofi: Any) -> None:
    ama.phone = PHONE
    ama.save()
    client = Client()
    client.force_login(yaw)
    page = client.get(reverse("admin:accounts_user_changelist"), {"q": "024 123 4567"})
    assert list(page.context["cl"].result_list) == [ama]


def test_a_changed_profile_is_found_by_the_new_number(ama: Any, as_user: Any) -> None:
    as_user(ama).patch("/api/v1/auth/me", {"phone": "020 999 9999"})
    assert list(User.objects.with_phone("+233209999999")) == [ama]


def test_what_people_disclosed_to_the_log_is_rotated_too(ama: Any, as_user: Any, settings: Any) -> None:
    settings.FIELD_KEYS = OLD
    as_user(ama).patch("/api/v1/auth/me", {"full_name": "Ama Mensah-Boateng"})
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    keys.rotate()
    settings.FIELD_KEYS = NEW
    assert all(keys.under_older_keys(model, field).count() == 0 for model, field in keys.encrypted_fields())
