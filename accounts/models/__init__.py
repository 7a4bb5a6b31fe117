"""Accounts: people, places, devices."""

from accounts.audit.models import (
    AuditCheckpoint,
    AuditDisclosure,
    AuditEvent,
    AuditExport,
    AuditFinding,
    AuditLeaf,
    AuditPending,
)
from accounts.models.emergency import EmergencyAccess
from accounts.models.idempotency import IdempotencyRecord
from accounts.models.job import BackgroundJob
from accounts.models.mail import OutgoingMail
from accounts.models.premises import Premises
from accounts.models.second_factor import RecoveryCode, SecondFactor
from accounts.models.session import DeviceSession, RefreshToken
from accounts.models.user import User, normalise_email
from accounts.roles import AccountState, Cadre, EndReason, Region, Role

__all__ = [
    "AccountState",
    "AuditCheckpoint",
    "AuditDisclosure",
    "AuditEvent",
    "AuditExport",
    "AuditFinding",
    "AuditLeaf",
    "AuditPending",
    "BackgroundJob",
    "Cadre",
    "DeviceSession",
    "EmergencyAccess",
    "EndReason",
    "IdempotencyRecord",
    "OutgoingMail",
    "Premises",
    "RecoveryCode",
    "RefreshToken",
    "Region",
    "Role",
    "SecondFactor",
    "User",
    "normalise_email",
]
