"""What must hold before photos are taken, as system checks."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from consultations.services import sealing


@register(Tags.security)
def check_photo_keys(**_context: Any) -> list[CheckMessage]:
    """consultations.E001: PHOTO_KEYS cannot encrypt; better no start than plain pictures."""
    try:
        sealing.keyring(settings.PHOTO_KEYS)
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="openssl rand -base64 32 makes a key.", id="consultations.E001")]
    return []
