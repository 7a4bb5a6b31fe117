"""The audit log: `record` what was done, `denied` what was refused.

Django's models must be loaded before this package is imported.
"""

from accounts.audit.recorder import AuditOutsideTransaction, denied, record, settle
from accounts.audit.vocabulary import Action, Outcome, Purpose

__all__ = ["Action", "AuditOutsideTransaction", "Outcome", "Purpose", "denied", "record", "settle"]
