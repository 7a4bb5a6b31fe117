"""Checkpoints as text: C2SP tlog-checkpoint inside a signed note."""

import base64
import binascii
from dataclasses import dataclass

from accounts.audit.keys import SigningKey
from accounts.audit.merkle import HASH_BYTES


class NotACheckpoint(ValueError):
    """A text that is no checkpoint of this log, or is not signed with its key."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log had `size` events under `root`."""

    size: int
    root: bytes

    def signed(self, key: SigningKey) -> str:
        """The signed note: origin, size and base64 root on a line each, then the signature."""
        return key.signed(f"{key.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n")

    @classmethod
    def opened(cls, note: str, key: SigningKey) -> "Checkpoint":
        """The checkpoint in a note of this log; raises NotACheckpoint."""
        text = key.opened(note)
        if text is None:
            raise NotACheckpoint("It does not bear the signature of this log's key.")
        lines = text.split("\n")
        try:
            origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
        except (IndexError, ValueError, binascii.Error):
            raise NotACheckpoint("It is signed but not in the form of a checkpoint.") from None
        if origin != key.origin or size < 0 or len(root) != HASH_BYTES:
            raise NotACheckpoint("It is signed but not a checkpoint of this log.")
        return cls(size, root)
