"""The RFC 6962 Merkle tree, grown leaf by leaf from its frontier."""

import hashlib
from dataclasses import dataclass, field

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(content: bytes) -> bytes:
    """RFC 6962, 2.1: SHA-256(0x00 || content)."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, 2.1: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """The roots of the perfect subtrees that `size` leaves make, largest first.

    Their sizes are the set bits of `size`; the tree's root and every later tree follow from them.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        self.add_subtree(leaf, 0)

    def add_subtree(self, root: bytes, level: int) -> None:
        """Append a perfect subtree of 2**level leaves. Raises ValueError where none can stand."""
        if self.size % (1 << level):
            raise ValueError(f"A subtree of {1 << level} leaves cannot follow {self.size} leaves.")
        place = self.size >> level
        while place & 1:
            root = node_hash(self.peaks.pop(), root)
            place >>= 1
        self.peaks.append(root)
        self.size += 1 << level

    @property
    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def packed(self) -> bytes:
        """The peaks, 32 bytes each, as they are stored with a checkpoint."""
        return b"".join(self.peaks)

    @classmethod
    def unpacked(cls, size: int, stored: bytes) -> "Frontier":
        """From `packed`; raises ValueError when that is not a frontier of `size` leaves."""
        if len(stored) != HASH_BYTES * size.bit_count():
            raise ValueError(f"{len(stored)} bytes are no frontier of {size} leaves.")
        return cls(size, [stored[at : at + HASH_BYTES] for at in range(0, len(stored), HASH_BYTES)])
