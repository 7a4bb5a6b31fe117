"""The admin site of consultations: looked at, never edited; the patient's record is the pharmacist's."""

from consultations.admin import analyses, consultations, photos, recommendations
from consultations.inference import admin as models

__all__ = ["analyses", "consultations", "models", "photos", "recommendations"]
