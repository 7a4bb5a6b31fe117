"""The key that signs checkpoints, and the names by which auditors know it."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

_ED25519 = b"\x01"  # C2SP signed-note: the type of the key
_SEED_BYTES = 32


class KeyUnusable(ValueError):
    """AUDIT_SIGNING_KEY or AUDIT_ORIGIN is not what a checkpoint can be signed with."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key under the name (origin) of its log."""

    origin: str
    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> bytes:
        """4 bytes, after C2SP signed-note: SHA-256(name, newline, type, public key)."""
        return hashlib.sha256(self.origin.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def verifier_key(self) -> str:
        """What an auditor pins: "<origin>+<key id>+<type and public key>" (C2SP vkey)."""
        return f"{self.origin}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def signature_line(self, text: str) -> str:
        """The line that follows the empty line of a signed note with this `text`."""
        signature = self.key_id + self.private.sign(text.encode())
        return f"\N{EM DASH} {self.origin} {base64.b64encode(signature).decode()}\n"

    def signed(self, text: str) -> str:
        """`text`, which ends with a newline, as a signed note."""
        return f"{text}\n{self.signature_line(text)}"

    def opened(self, note: str) -> str | None:
        """The text of a note that bears this key's signature, else None."""
        text, separator, signatures = note.rpartition("\n\n")
        text += "\n"
        if not separator:
            return None
        for line in signatures.splitlines():
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            if dash == "\N{EM DASH}" and name == self.origin and self._signed(text, encoded):
                return text
        return None

    def _signed(self, text: str, encoded: str) -> bool:
        try:
            raw = base64.b64decode(encoded, validate=True)
            self.private.public_key().verify(raw[4:], text.encode())
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return raw[:4] == self.key_id


def signing_key() -> SigningKey:
    """The key of the settings; raises KeyUnusable."""
    return _signing_key(settings.AUDIT_ORIGIN, settings.AUDIT_SIGNING_KEY)


@lru_cache(maxsize=4)
def _signing_key(origin: str, encoded: str) -> SigningKey:
    if not origin or any(character.isspace() or character == "+" for character in origin):
        raise KeyUnusable("AUDIT_ORIGIN must be a name without spaces and plus signs, like a web address.")
    try:
        seed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (ValueError, binascii.Error):
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise KeyUnusable("AUDIT_SIGNING_KEY must be 32 bytes in urlsafe base64.")
    return SigningKey(origin, Ed25519PrivateKey.from_private_bytes(seed))
