"""Encryption at rest for small texts: AES-256-GCM with a key id, so that keys can be rotated."""

import base64
import binascii
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

_NONCE_BYTES = 12
_KEY_BYTES = 32


class DecryptionFailed(ValueError):
    """The stored text was changed, belongs elsewhere, or its key is not configured any more."""


@lru_cache(maxsize=4)
def _keyring(configured: str) -> dict[str, AESGCM]:
    ring: dict[str, AESGCM] = {}
    for entry in configured.split(","):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (ValueError, binascii.Error):
            key = b""
        if not key_id or len(key) != _KEY_BYTES:
            raise ImproperlyConfigured(
                'FIELD_KEYS must be "id:key[,id:key]", each key 32 bytes in urlsafe base64.'
            )
        ring[key_id] = AESGCM(key)
    return ring


def check_keys() -> None:
    """Raise ImproperlyConfigured when FIELD_KEYS cannot encrypt."""
    _keyring(settings.FIELD_KEYS)


def encrypt(text: str, *, purpose: str) -> str:
    """`text` as "key-id.base64"; `purpose` is bound to it, so a value moved elsewhere fails."""
    key_id, cipher = next(iter(_keyring(settings.FIELD_KEYS).items()))
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = cipher.encrypt(nonce, text.encode(), purpose.encode())
    return f"{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def decrypt(stored: str, *, purpose: str) -> str:
    """The text behind `stored`; raises DecryptionFailed."""
    key_id, _, encoded = stored.partition(".")
    cipher = _keyring(settings.FIELD_KEYS).get(key_id)
    if cipher is None:
        raise DecryptionFailed(f"No key {key_id!r} is configured.")
    try:
        raw = base64.urlsafe_b64decode(encoded)
        return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode()).decode()
    except (ValueError, InvalidTag) as error:
        raise DecryptionFailed("The stored text does not decrypt.") from error


if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField


class EncryptedTextField(_TextField):
    """A text that is encrypted in the database and plain in Python. It cannot be searched."""

    def _purpose(self) -> str:
        return f"{self.model._meta.label_lower}.{self.attname}"

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return encrypt(text, purpose=self._purpose()) if text else text

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value, purpose=self._purpose()) if value else value
