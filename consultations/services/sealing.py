"""Pictures encrypted at rest: AES-256-GCM in chunks, under a key of each file's own.

A sealed file is `DTP1`, the length of the key's id and the id, 16 random bytes, and then chunks of 64 KiB
each with its 16-byte tag. The file's key is HKDF-SHA256 of the named key and the random bytes, so that
nonces, which count the chunks, are never used twice; the last chunk's nonce says that it is the last
(the STREAM construction, Hoang, Reyhanitabar, Rogaway and Vizár 2015), so that a file cut off at a chunk
does not decrypt either. Header and owner are authenticated with every chunk: a file put in another's
place is refused.
"""

import base64
import binascii
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.core.exceptions import ImproperlyConfigured

MAGIC = b"DTP1"
CHUNK = 64 * 1024
_SALT, _TAG, _KEY = 16, 16, 32
# What a database column and one byte of length hold.
LONGEST_KEY_ID = 32


class SealBroken(Exception):
    """The file was changed, cut off, or belongs to another picture."""


class KeyMissing(Exception):
    """The file is sealed with a key that is not configured."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by their id. `current` seals, all unseal; without keys nothing is sealed."""

    current: str
    keys: Mapping[str, bytes]


@lru_cache(maxsize=4)
def keyring(configured: str) -> Keyring:
    """`PHOTO_KEYS`, "id:key[,id:key]". Raises ImproperlyConfigured."""
    keys: dict[str, bytes] = {}
    for entry in filter(None, configured.split(",")):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (ValueError, binascii.Error):
            key = b""
        if not 0 < len(key_id.encode()) <= LONGEST_KEY_ID or len(key) != _KEY or key_id in keys:
            raise ImproperlyConfigured(
                'PHOTO_KEYS must be "id:key[,id:key]", each id once and of at most 32 bytes, each key '
                "32 bytes in urlsafe base64."
            )
        keys[key_id] = key
    return Keyring(next(iter(keys), ""), keys)


def seal(content: bytes, *, ring: Keyring, owner: str) -> bytes:
    """`content` sealed with the current key, for the place that `owner` names."""
    key_id = ring.current.encode()
    header = MAGIC + bytes([len(key_id)]) + key_id + secrets.token_bytes(_SALT)
    cipher = _cipher(ring.keys[ring.current], header)
    parts = [header]
    for nonce, start, end in _chunks(len(content), CHUNK):
        parts.append(cipher.encrypt(nonce, content[start:end], header + owner.encode()))
    return b"".join(parts)


def unseal(sealed: bytes, *, ring: Keyring, owner: str) -> bytes:
    """What was sealed for `owner`. Raises SealBroken, KeyMissing."""
    key_id = sealed_with(sealed)
    if key_id is None:
        raise SealBroken("no sealed file")
    if key_id not in ring.keys:
        raise KeyMissing(key_id)
    length = len(MAGIC) + 1 + len(key_id.encode()) + _SALT
    header, body = sealed[:length], memoryview(sealed)[length:]
    cipher = _cipher(ring.keys[key_id], header)
    try:
        return b"".join(
            cipher.decrypt(nonce, bytes(body[start:end]), header + owner.encode())
            for nonce, start, end in _chunks(len(body), CHUNK + _TAG)
        )
    except InvalidTag as error:
        raise SealBroken("a chunk does not decrypt") from error


def sealed_with(content: bytes) -> str | None:
    """Id of the key of a sealed file, None for a plain one. Enough: the first 64 bytes."""
    if not content.startswith(MAGIC) or len(content) < len(MAGIC) + 1:
        return None
    start = len(MAGIC) + 1
    name = content[start : start + content[len(MAGIC)]]
    return name.decode("utf-8", "replace")


def _cipher(key: bytes, header: bytes) -> AESGCM:
    salt = header[-_SALT:]
    return AESGCM(HKDF(SHA256(), _KEY, salt=salt, info=b"dermatech photo").derive(key))


def _chunks(length: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(nonce, start, end) of each chunk: 11 bytes of counter, and whether it is the last."""
    count = max(1, -(-length // size))
    for index in range(count):
        last = index == count - 1
        yield index.to_bytes(11, "big") + bytes([last]), index * size, min(length, (index + 1) * size)
