"""The closed vocabulary of the audit log, after FHIR R4 AuditEvent."""

from typing import Final

from django.db import models


class Action(models.TextChoices):
    """What was done, as "<entity>.<verb>". A new act needs a new member here, never a free text."""

    AUTH_LOGIN = "auth.login", "Signed in"
    AUTH_LOGIN_FAILED = "auth.login_failed", "Sign-in failed"
    AUTH_LOCKED_OUT = "auth.locked_out", "Sign-in locked out"
    AUTH_LOGOUT = "auth.logout", "Signed out"
    AUTH_REFRESH = "auth.refresh", "Session renewed"
    AUTH_TOKEN_REUSED = "auth.token_reused", "Used-up token presented again"
    AUTH_PASSWORD_RESET_REQUESTED = "auth.password_reset_requested", "Password reset requested"
    AUTH_PASSWORD_CHANGED = "auth.password_changed", "Password changed"
    AUTH_SECOND_FACTOR_CHANGED = "auth.second_factor_changed", "Second factor changed"

    ACCOUNT_REGISTERED = "account.registered", "Registration received"
    ACCOUNT_CREATED = "account.created", "Account created"
    ACCOUNT_VERIFIED = "account.verified", "Registration verified"
    ACCOUNT_REFUSED = "account.refused", "Registration refused"
    ACCOUNT_DEACTIVATED = "account.deactivated", "Account deactivated"
    ACCOUNT_UPDATED = "account.updated", "Account changed"
    ACCOUNT_READ = "account.read", "Account read"
    PREMISES_CREATED = "premises.created", "Premises created"
    PREMISES_UPDATED = "premises.updated", "Premises changed"
    SESSION_READ = "session.read", "Signed-in devices read"
    SESSION_ENDED = "session.ended", "Device signed out"
    ACCESS_DENIED = "access.denied", "Access denied"
    EMERGENCY_OPENED = "emergency_access.opened", "Record opened in an emergency"
    EMERGENCY_ENDED = "emergency_access.ended", "Emergency access ended"
    EMERGENCY_REVIEWED = "emergency_access.reviewed", "Emergency access reviewed"

    CONSULTATION_CREATED = "consultation.created", "Consultation opened"
    CONSULTATION_UPDATED = "consultation.updated", "Consultation changed"
    CONSULTATION_READ = "consultation.read", "Consultation read"
    CONSULTATION_LISTED = "consultation.listed", "Consultations listed"
    CONSULTATION_CLOSED = "consultation.closed", "Consultation closed"
    PHOTO_ADDED = "photo.added", "Photo added"
    PHOTO_REFUSED = "photo.refused", "Photo refused"
    PHOTO_READ = "photo.read", "Photo looked at"
    PHOTO_QUARANTINED = "photo.quarantined", "Photo quarantined"
    ANALYSIS_QUEUED = "analysis.queued", "Analysis queued"
    ANALYSIS_STARTED = "analysis.started", "Analysis started"
    ANALYSIS_SUCCEEDED = "analysis.succeeded", "Analysis succeeded"
    ANALYSIS_FAILED = "analysis.failed", "Analysis failed"
    ANALYSIS_READ = "analysis.read", "Analysis read"
    ANALYSIS_REPLAYED = "analysis.replayed", "Analysis replayed"
    HEATMAP_READ = "heatmap.read", "Heatmap looked at"
    RECOMMENDATION_MADE = "recommendation.made", "Recommendation made"
    DECISION_RECORDED = "decision.recorded", "Decision recorded"
    REPORT_READ = "report.read", "Report read"
    REVIEW_RECORDED = "review.recorded", "Case reviewed"
    NOTIFICATION_SENT = "notification.sent", "Notifiable case passed on"
    NOTIFICATION_WITHDRAWN = "notification.withdrawn", "Mark of a notifiable case taken back"

    KNOWLEDGE_LOADED = "knowledge.loaded", "Starter knowledge loaded"
    KNOWLEDGE_EDITED = "knowledge.edited", "Working knowledge edited"
    RELEASE_PROPOSED = "release.proposed", "Release proposed"
    RELEASE_APPROVED = "release.approved", "Release approved"
    RELEASE_REJECTED = "release.rejected", "Release rejected"
    RELEASE_ROLLED_BACK = "release.rolled_back", "Release brought back"
    MODEL_INSTALLED = "model.installed", "Image model installed"
    MODEL_ACTIVATED = "model.activated", "Image model activated"
    MODEL_RETIRED = "model.retired", "Image model retired"
    MODEL_SHADOWED = "model.shadowed", "Image model put in shadow"
    MODEL_RETIREMENT_ASKED = "model.retirement_asked", "Retirement of an image model asked for"
    MODEL_RETIREMENT_REFUSED = "model.retirement_refused", "Retirement of an image model refused"
    MODEL_STOPPED = "model.stopped", "Image model stopped in an emergency"
    MODEL_STOP_REVIEWED = "model.stop_reviewed", "Emergency stop of an image model reviewed"

    WEBHOOK_CREATED = "webhook.created", "Webhook registered"
    WEBHOOK_UPDATED = "webhook.updated", "Webhook changed"
    WEBHOOK_SENT = "webhook.sent", "Webhook told of an analysis"

    AUDIT_EXPORTED = "audit.exported", "Audit log exported"
    AUDIT_DOWNLOADED = "audit.downloaded", "Audit export downloaded"
    AUDIT_READ = "audit.read", "Audit log read"
    AUDIT_DISCLOSED = "audit.disclosed", "Recorded values disclosed"
    AUDIT_ERASED = "audit.erased", "Recorded values lawfully erased"
    FINDING_OPENED = "finding.opened", "Audit finding opened"
    FINDING_ANSWERED = "finding.answered", "Audit finding answered"
    FINDING_CLOSED = "finding.closed", "Audit finding closed"
    RETENTION_APPLIED = "retention.applied", "Time limit of pictures applied"
    ADMIN_VIEWED = "admin.viewed", "Admin page viewed"
    SYSTEM_HEARTBEAT = "system.heartbeat", "Log alive"

    @property
    def verb(self) -> str:
        """The part after the dot: "read" of "consultation.read"."""
        return self.value.partition(".")[2]

    @property
    def fhir(self) -> str:
        """FHIR AuditEvent.action: C(reate), R(ead), U(pdate), D(elete) or E(xecute)."""
        return _FHIR_OF_VERB[self.verb]


# Every verb of the vocabulary and its FHIR action (http://hl7.org/fhir/audit-event-action).
_FHIR_OF_VERB: Final[dict[str, str]] = {
    "added": "C", "created": "C", "installed": "C", "loaded": "C", "made": "C", "opened": "C",
    "proposed": "C", "queued": "C", "recorded": "C", "registered": "C",
    "disclosed": "R", "downloaded": "R", "exported": "R", "listed": "R", "read": "R", "viewed": "R",
    "activated": "U", "answered": "U", "approved": "U", "closed": "U", "deactivated": "U", "edited": "U",
    "failed": "U", "password_changed": "U", "quarantined": "U", "refused": "U", "rejected": "U",
    "retired": "U", "retirement_asked": "U", "retirement_refused": "U", "reviewed": "U", "rolled_back": "U",
    "second_factor_changed": "U", "shadowed": "U", "started": "U", "stop_reviewed": "U", "stopped": "U",
    "succeeded": "U", "updated": "U", "verified": "U", "withdrawn": "U",
    "applied": "D", "ended": "D", "erased": "D",
    "denied": "E", "heartbeat": "E", "locked_out": "E", "login": "E", "login_failed": "E",
    "logout": "E", "password_reset_requested": "E", "refresh": "E", "replayed": "E", "sent": "E",
    "token_reused": "E",
}  # fmt: skip


class Outcome(models.TextChoices):
    """How it ended."""

    SUCCESS = "success", "Done"
    DENIED = "denied", "Denied"
    FAILED = "failed", "Failed"

    @property
    def fhir(self) -> str:
        """FHIR AuditEvent.outcome: 0 success, 4 minor failure, 8 serious failure."""
        return {"success": "0", "denied": "4", "failed": "8"}[self.value]


class Purpose(models.TextChoices):
    """Why it was done; `fhir` is the HL7 v3 PurposeOfUse code."""

    TREATMENT = "treatment", "Care of the patient"
    OPERATIONS = "operations", "Running the service"
    ADMINISTRATION = "administration", "Administration of accounts and systems"
    QUALITY = "quality", "Keeping and improving quality"
    COMPLIANCE = "compliance", "Audit and compliance"
    PATIENT_REQUEST = "patient_request", "At the patient's request"
    EMERGENCY = "emergency", "In an emergency, outside the usual boundary"

    @property
    def fhir(self) -> str:
        """The code of http://terminology.hl7.org/CodeSystem/v3-ActReason."""
        return _PURPOSE_OF_USE[self.value]


_PURPOSE_OF_USE: Final[dict[str, str]] = {
    "treatment": "TREAT",
    "operations": "HOPERAT",
    "administration": "HSYSADMIN",
    "quality": "HQUALIMP",
    "compliance": "HCOMPL",
    "patient_request": "PATRQT",
    "emergency": "BTG",
}
