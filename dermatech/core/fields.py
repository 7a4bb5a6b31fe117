"""Encryption at rest for small texts: AES-256-GCM with a key id, so that keys can be rotated."""

import base64
import binascii
import hmac
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
_INDEX_DIGITS = 40  # 160 bits; the rest would only make the index larger


class DecryptionFailed(ValueError):
    """The stored text was changed, belongs elsewhere, or its key is not configured any more."""


@lru_cache(maxsize=4)
def _keys(configured: str) -> dict[str, bytes]:
    """Key id -> key, the first of which encrypts."""
    ring: dict[str, bytes] = {}
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
        ring[key_id] = key
    return ring


@lru_cache(maxsize=4)
def _keyring(configured: str) -> dict[str, AESGCM]:
    return {key_id: AESGCM(key) for key_id, key in _keys(configured).items()}


def current_key() -> str:
    """The id of the key that encrypts."""
    return next(iter(_keys(settings.FIELD_KEYS)))


def key_ids() -> list[str]:
    """The ids of all keys that decrypt."""
    return list(_keys(settings.FIELD_KEYS))


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


def blind_indexes(text: str, *, purpose: str) -> list[str]:
    """By what an encrypted `text` is found: "key-id.hex" under every live key, the present one first.

    A keyed hash (HMAC-SHA-256, under a key made from the field key for this alone): equal texts look
    equal, and without the key nobody can try out what they are.
    """
    return [_blind(key_id, key, text, purpose) for key_id, key in _keys(settings.FIELD_KEYS).items()]


def _blind(key_id: str, key: bytes, text: str, purpose: str) -> str:
    own = hmac.digest(key, b"blind index", "sha256")
    mark = hmac.digest(own, f"{purpose}\n{text}".encode("utf-8", "surrogatepass"), "sha256")
    return f"{key_id}.{mark.hex()[:_INDEX_DIGITS]}"


if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
    _CharField = models.CharField[str, str]
else:
    _TextField, _CharField = models.TextField, models.CharField


class EncryptedTextField(_TextField):
    """A text that is encrypted in the database and plain in Python. It cannot be searched."""

    @property
    def purpose(self) -> str:
        """What the ciphertext is bound to."""
        return f"{self.model._meta.label_lower}.{self.attname}"

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return encrypt(text, purpose=self.purpose) if text else text

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value, purpose=self.purpose) if value else value


class BlindIndexField(_CharField):
    """By what an encrypted field of the same row is found. Set whenever the row is saved; who saves with
    `update_fields` names it too."""

    def __init__(self, *args: Any, of: str, **kwargs: Any) -> None:
        self.of = of
        super().__init__(
            *args, **{"max_length": 80, "blank": True, "default": "", "editable": False, **kwargs}
        )

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        text: str = getattr(model_instance, self.of)
        found = self.candidates(text)[0] if text else ""
        setattr(model_instance, self.attname, found)
        return found

    def candidates(self, text: str) -> list[str]:
        """What a row with `text` may have here, under any live key."""
        source = self.model._meta.get_field(self.of)
        assert isinstance(source, EncryptedTextField)  # noqa: S101  # a mistake in a model
        return blind_indexes(text, purpose=source.purpose)
