"""The admin site of consultations: looked at, never edited; the patient's record is the pharmacist's."""

from consultations.admin import (
    analyses,
    consultations,
    emergency,
    notifiable,
    photos,
    recommendations,
    reviewing,
)
from consultations.inference import admin as models
from consultations.webhooks import admin as webhooks

__all__ = [
    "analyses",
    "consultations",
    "emergency",
    "models",
    "notifiable",
    "photos",
    "recommendations",
    "reviewing",
    "webhooks",
]
