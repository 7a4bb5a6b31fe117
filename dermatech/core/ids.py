"""Identifiers: UUIDv7, so that keys sort by time and inserts stay local in every index."""

import uuid

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> uuid.UUID:
    """A new UUIDv7 (RFC 9562) as the standard library's UUID."""
    return _uuid7()
