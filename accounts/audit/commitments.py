"""Salted commitments: an event proves which value was recorded without holding it."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from accounts.audit.canonical import canonical_json, plain

SALT_BYTES = 32
_DOMAIN = b"dermatech-audit-commitment-v1\x00"


def commitment(field: str, value: Any, salt: bytes) -> str:
    """Hex SHA-256 over the domain, 32 bytes of salt and the canonical JSON of [field, value]."""
    if len(salt) != SALT_BYTES:
        raise ValueError("A salt is 32 bytes long.")
    return hashlib.sha256(_DOMAIN + salt + canonical_json([field, value]).encode()).hexdigest()


def commit(changes: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Commitments by field, and the values with their salts that open them."""
    commitments: dict[str, str] = {}
    openings: dict[str, Any] = {}
    for field, raw in changes.items():
        salt, value = secrets.token_bytes(SALT_BYTES), plain(raw)
        commitments[field] = commitment(field, value, salt)
        openings[field] = {"salt": salt.hex(), "value": value}
    return commitments, openings
