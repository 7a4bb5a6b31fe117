"""The tables of this app."""

from consultations.models.analysis import FINISHED, LIVE, Analysis, Status
from consultations.models.consultation import (
    URGENT_LEVELS,
    Consultation,
    GivenBy,
    Presentation,
    Sex,
    State,
    TriageLevel,
)
from consultations.models.modelversion import ModelVersion
from consultations.models.notification import Channel, NotifiableCase, Notification
from consultations.models.photo import Format, Photo
from consultations.models.recommendation import Recommendation
from consultations.models.review import OTHER_DIAGNOSIS, Review, Verdict
from consultations.models.shadow import ShadowRun
from consultations.models.upload import Upload, UploadState
from consultations.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "FINISHED",
    "LIVE",
    "OTHER_DIAGNOSIS",
    "URGENT_LEVELS",
    "Analysis",
    "Channel",
    "Consultation",
    "Format",
    "GivenBy",
    "ModelVersion",
    "NotifiableCase",
    "Notification",
    "Photo",
    "Presentation",
    "Recommendation",
    "Review",
    "Sex",
    "ShadowRun",
    "State",
    "Status",
    "TriageLevel",
    "Upload",
    "UploadState",
    "Verdict",
    "Webhook",
    "WebhookDelivery",
]
