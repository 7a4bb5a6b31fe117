"""Phone numbers and professional registration numbers."""

import re
from typing import Final

import phonenumbers
from django.conf import settings

from accounts.roles import Cadre

_COUNTRY: Final = "GH"
_LONGEST_PHONE: Final = 30

# What a registration number may look like, per cadre. The Pharmacy Council publishes no grammar for
# them, so the default only keeps out what cannot be one; `settings.REGISTRATION_NUMBER_PATTERNS`
# ({cadre: regular expression}) narrows it, and a supervisor looks each number up on the register.
_ANY_NUMBER: Final = r"(?=.*\d)[A-Z0-9][A-Z0-9 ./-]{1,38}[A-Z0-9]"
DEFAULT_PATTERNS: Final[dict[str, str]] = {cadre.value: _ANY_NUMBER for cadre in Cadre}


class NotANumber(ValueError):
    """The text is no valid number; the message says what would be."""


def ghana_phone(text: str) -> str:
    """`text` as an E.164 number of Ghana; raises NotANumber.

    Takes "024 123 4567", "+233 24 123 4567" and "00233241234567" alike.
    """
    problem = "Give a phone number of Ghana, as 024 123 4567 or +233241234567."
    cleaned = text.strip()
    if cleaned.startswith("00"):
        cleaned = "+" + cleaned[2:]
    if len(cleaned) > _LONGEST_PHONE:
        raise NotANumber(problem)
    try:
        number = phonenumbers.parse(cleaned, _COUNTRY)
    except phonenumbers.NumberParseException:
        raise NotANumber(problem) from None
    if number.extension or not phonenumbers.is_valid_number_for_region(number, _COUNTRY):
        raise NotANumber(problem)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def registration_number(text: str, *, cadre: str) -> str:
    """`text` as it is stored: capitals, single spaces; raises NotANumber."""
    number = tidy_number(text)
    patterns = {**DEFAULT_PATTERNS, **getattr(settings, "REGISTRATION_NUMBER_PATTERNS", {})}
    if not re.fullmatch(patterns.get(cadre, _ANY_NUMBER), number, re.ASCII):
        raise NotANumber("This is not a registration number of this cadre; copy it from your certificate.")
    return number


def tidy_number(text: str) -> str:
    """A registration or licence number in capitals with single spaces."""
    return " ".join(text.upper().split())
