"""The auditor's pages: events and checkpoints to read, exports to ask for, findings to settle."""

from accounts.audit.admin import checkpoints, events, exports, findings

__all__ = ["checkpoints", "events", "exports", "findings"]
