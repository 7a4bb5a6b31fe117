"""The signature under the bundle: Ed25519 over the document's one spelling (RFC 8785)."""

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accounts.audit.keys import signing_key

ALGORITHM = "Ed25519"
# Derived, so that nothing signed for phones can ever pass for a checkpoint of the audit log.
_PURPOSE = b"dermatech sync bundle 1"
_SEED_BYTES = 32
_KEY_ID_BYTES = 8


def spelled(document: Mapping[str, Any]) -> bytes:
    """The one spelling of `document`, the same in every language: RFC 8785 (JCS)."""
    return rfc8785.dumps(dict(document))


def signed(document: Mapping[str, Any]) -> dict[str, Any]:
    """`document` with its `signature` over everything else in it."""
    key = _key()
    signature = {
        "algorithm": ALGORITHM,
        "key_id": key_id(),
        "value": base64.b64encode(key.sign(spelled(document))).decode(),
    }
    return {**document, "signature": signature}


def public_key() -> str:
    """32 bytes in base64: what the app is built with."""
    return base64.b64encode(_public()).decode()


def key_id() -> str:
    """Names the key: the first 8 bytes of SHA-256 of the public key, hex."""
    return hashlib.sha256(_public()).digest()[:_KEY_ID_BYTES].hex()


def _public() -> bytes:
    return _key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _key() -> Ed25519PrivateKey:
    return _derived(signing_key().private.private_bytes_raw())


@lru_cache(maxsize=2)
def _derived(seed: bytes) -> Ed25519PrivateKey:
    derived = HKDF(algorithm=SHA256(), length=_SEED_BYTES, salt=None, info=_PURPOSE).derive(seed)
    return Ed25519PrivateKey.from_private_bytes(derived)
