"""Initials, notes and phone numbers at rest: unreadable, unmovable, rotatable."""

import base64
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from dermatech.core.fields import DecryptionFailed, decrypt, encrypt

OLD = "old:" + base64.urlsafe_b64encode(b"o" * 32).decode()
NEW = "new:" + base64.urlsafe_b64encode(b"n" * 32).decode()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_every_text_comes_back_as_it_was(text: str) -> None:
    stored = encrypt(text, purpose="a.b")
    assert decrypt(stored, purpose="a.b") == text
    assert len(text) < 4 or text not in stored


def test_the_same_text_never_looks_the_same_twice() -> None:
    assert encrypt("AB", purpose="a.b") != encrypt("AB", purpose="a.b")


def test_a_value_moved_to_another_field_does_not_decrypt() -> None:
    with pytest.raises(DecryptionFailed):
        decrypt(encrypt("AB", purpose="consultations.initials"), purpose="accounts.phone")


def test_a_changed_byte_is_noticed() -> None:
    stored = encrypt("AB", purpose="a.b")
    key_id, _, body = stored.partition(".")
    raw = bytearray(base64.urlsafe_b64decode(body))
    raw[-1] ^= 1
    with pytest.raises(DecryptionFailed):
        decrypt(f"{key_id}.{base64.urlsafe_b64encode(bytes(raw)).decode()}", purpose="a.b")


def test_after_a_rotation_old_values_still_open_and_new_ones_use_the_new_key(settings: Any) -> None:
    settings.FIELD_KEYS = OLD
    stored = encrypt("AB", purpose="a.b")
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    assert decrypt(stored, purpose="a.b") == "AB"
    assert encrypt("AB", purpose="a.b").startswith("new.")


def test_a_value_whose_key_was_dropped_says_which_key_is_missing(settings: Any) -> None:
    settings.FIELD_KEYS = OLD
    stored = encrypt("AB", purpose="a.b")
    settings.FIELD_KEYS = NEW
    with pytest.raises(DecryptionFailed, match="'old'"):
        decrypt(stored, purpose="a.b")


@pytest.mark.parametrize("keys", ["nokey", "id:short", "id:" + "A" * 10, ":" + "A" * 44])
def test_a_malformed_keyring_is_refused(settings: Any, keys: str) -> None:
    settings.FIELD_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match="32 bytes"):
        encrypt("AB", purpose="a.b")
