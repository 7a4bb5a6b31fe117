"""What the database itself refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.hashers import Argon2idHasher
from accounts.models import (
    DeviceSession,
    IdempotencyRecord,
    Premises,
    RefreshToken,
    User,
    normalise_email,
)
from accounts.roles import AccountState, Cadre, Role

pytestmark = pytest.mark.django_db


def _refused(make: Any) -> str:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        make()
    return str(refusal.value)


def test_one_address_has_one_account_in_whatever_case(ama: Any) -> None:
    _refused(lambda: User.objects.create_user("AMA@dermatech.example", role="supervisor"))
    # Also past Python's own normalising.
    shouting = User(email="AMA@DERMATECH.EXAMPLE", role="auditor", password="!")
    _refused(lambda: User.objects.bulk_create([shouting]))


def test_addresses_are_stored_in_one_spelling() -> None:
    assert normalise_email("  Ama@Example.COM ") == "ama@example.com"
    assert normalise_email("\uff41ma@example.com") == "ama@example.com"  # a full-width a


def test_a_pharmacist_needs_a_cadre_and_others_have_none() -> None:
    _refused(lambda: User.objects.create_user("a@x.example", role=Role.PHARMACIST))
    _refused(lambda: User.objects.create_user("b@x.example", role=Role.AUDITOR, cadre=Cadre.PHARMACIST))
    _refused(lambda: User.objects.create_user("c@x.example", role=Role.PHARMACIST, cadre="wizard"))


def test_a_verified_pharmacist_has_premises() -> None:
    _refused(
        lambda: User.objects.create_user(
            "a@x.example", role=Role.PHARMACIST, cadre=Cadre.PHARMACIST, state=AccountState.VERIFIED
        )
    )


def test_role_and_state_are_of_the_vocabulary(yaw: Any) -> None:
    _refused(lambda: User.objects.filter(pk=yaw.pk).update(role="king"))
    _refused(lambda: User.objects.filter(pk=yaw.pk).update(state="asleep"))


def test_a_licence_is_one_premises(ama: Any) -> None:
    _refused(lambda: Premises.objects.create(name="Other", licence_number="pc/gar/0101", region="oti"))
    _refused(lambda: Premises.objects.create(name="Other", licence_number="PC/1", region="lagos"))


def test_a_session_ends_with_a_reason(ama: Any) -> None:
    now = timezone.now()
    session = DeviceSession.objects.create(user=ama, epoch=1, last_used_at=now, expires_at=now)
    _refused(lambda: DeviceSession.objects.filter(pk=session.pk).update(ended_at=now))
    _refused(lambda: DeviceSession.objects.filter(pk=session.pk).update(end_reason="signed_out"))


def test_a_refresh_token_exists_once(ama: Any) -> None:
    now = timezone.now()
    session = DeviceSession.objects.create(user=ama, epoch=1, last_used_at=now, expires_at=now)
    RefreshToken.objects.create(session=session, digest="a" * 64, expires_at=now)
    _refused(lambda: RefreshToken.objects.create(session=session, digest="a" * 64, expires_at=now))


def test_an_idempotency_key_is_one_per_user_and_done_has_a_status(ama: Any, kofi: Any) -> None:
    facts = {"key": "k", "fingerprint": "f" * 64, "expires_at": timezone.now() + timedelta(hours=24)}
    IdempotencyRecord.objects.create(user=ama, **facts)
    IdempotencyRecord.objects.create(user=kofi, **facts)
    _refused(lambda: IdempotencyRecord.objects.create(user=ama, **facts))
    _refused(lambda: IdempotencyRecord.objects.update(state="done"))


def test_phone_numbers_are_encrypted_in_the_table(ama: Any) -> None:
    ama.phone = "+233241234567"
    ama.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone FROM accounts_user WHERE email = %s", [ama.email])
        stored = cursor.fetchone()[0]
    assert "241234567" not in stored
    assert User.objects.get(pk=ama.pk).phone == "+233241234567"


def test_a_new_password_is_a_new_epoch(ama: Any) -> None:
    before, session_hash = ama.epoch, ama.get_session_auth_hash()
    ama.set_password("another good pass phrase")
    assert ama.epoch == before + 1
    assert ama.get_session_auth_hash() != session_hash


def test_who_sees_whom(ama: Any, kofi: Any, efua: Any) -> None:
    assert list(User.objects.visible_to(ama)) == [ama]
    assert User.objects.visible_to(efua).count() == 3
    assert not User.objects.visible_to(None).exists()
    assert not DeviceSession.objects.visible_to(None).exists()


def test_passwords_are_hashed_with_argon2id_at_the_stated_cost() -> None:
    hasher = Argon2idHasher()
    assert (hasher.memory_cost, hasher.time_cost, hasher.parallelism) == (19_456, 2, 1)
    encoded = hasher.encode("seven blue canoes", hasher.salt())
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert hasher.verify("seven blue canoes", encoded)
    assert not hasher.verify("seven red canoes", encoded)


def test_createsuperuser_makes_a_verified_administrator() -> None:
    user = User.objects.create_superuser("root@x.example", "seven blue canoes", full_name="Root")
    assert (user.role, user.state, user.is_staff) == ("admin", "verified", True)
