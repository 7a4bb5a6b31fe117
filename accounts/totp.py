"""Codes of an authenticator app and codes on paper: pure arithmetic, no database, no clock."""

import base64
import hashlib
import secrets
from typing import Final
from urllib.parse import quote, urlencode

from django_otp.oath import hotp

from dermatech.core import qr

STEP_SECONDS: Final = 30
_DIGITS: Final = 6
# Phones' clocks go wrong: a code counts from one step early to one step late (RFC 6238 section 5.2).
_TOLERANCE: Final = 1
_SECRET_BYTES: Final = 20  # as many as SHA-1 gives (RFC 4226 section 4, R6)
_ISSUER: Final = "DermaTech Ghana"

RECOVERY_CODES: Final = 10
# 31 letters and digits that do not look alike; 16 of them are 79 bits, so a plain hash keeps them.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 4, 4


def new_secret() -> str:
    """A fresh secret in base32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """The six digits that belong to a step."""
    return str(hotp(base64.b32decode(secret), step, _DIGITS)).zfill(_DIGITS)


def step_of(secret: str, code: str, *, now: float) -> int | None:
    """The step of which `code` is the code, within the tolerance around `now` (seconds since 1970)."""
    digits = "".join(code.split())
    present = int(now) // STEP_SECONDS
    found = None
    for step in range(present - _TOLERANCE, present + _TOLERANCE + 1):
        if secrets.compare_digest(code_at(secret, step).encode(), digits.encode("utf-8", "surrogatepass")):
            found = step
    return found


def address(secret: str, *, account: str) -> str:
    """What the picture says (Google's Key URI format, which every authenticator app reads)."""
    label = quote(f"{_ISSUER}:{account}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': _ISSUER}, quote_via=quote)}"


def picture(text: str) -> str:
    """`text` as a QR code: an SVG element."""
    return qr.svg(text)


def new_recovery_codes() -> list[str]:
    """Ten codes to be written down, as "abcd-efgh-jkmn-pqrs"."""
    return [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def looks_like_recovery_code(code: str) -> bool:
    """Whether it is one by its shape; case, spaces and dashes do not matter."""
    return len(_bare(code)) == _GROUPS * _GROUP_LENGTH


def recovery_digest(code: str) -> str:
    """SHA-256 (hex) of a recovery code, as it is stored."""
    return hashlib.sha256(_bare(code).encode("utf-8", "surrogatepass")).hexdigest()


def _bare(code: str) -> str:
    return "".join(letter for letter in code.lower() if letter not in "- \t")
