"""Photo in, safe small photo out.

A file from a phone is the most hostile thing that this service receives. It is counted and hashed on
its way into a bounded temporary file, recognised by its first bytes, and opened only in a child process
that can reach nothing; what comes back is a new picture made from pixels, and the parent looks at every
segment of it before it is believed.
"""

from .intake import make_safe
from .photo import CODES, Limits, PhotoRefused, SafePhoto

__all__ = ["CODES", "Limits", "PhotoRefused", "SafePhoto", "make_safe"]
