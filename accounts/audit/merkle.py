"""The RFC 6962 Merkle tree, grown from its frontier by leaves and whole subtrees."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
_sha256 = hashlib.sha256


def leaf_hash(content: bytes) -> bytes:
    """RFC 6962, 2.1: SHA-256(0x00 || content)."""
    return _sha256(b"\x00" + content).digest()


def leaf_hashes(contents: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of each, without a call for each."""
    sha256 = _sha256
    return [sha256(b"\x00" + content).digest() for content in contents]


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, 2.1: SHA-256(0x01 || left || right)."""
    return _sha256(b"\x01" + left + right).digest()


def parents(nodes: Sequence[bytes]) -> list[bytes]:
    """The level above an even number of nodes."""
    sha256 = _sha256
    return [sha256(b"\x01" + a + b).digest() for a, b in zip(nodes[::2], nodes[1::2], strict=True)]


def perfect_root(leaves: Sequence[bytes]) -> bytes:
    """The root over 2**n leaf hashes."""
    while len(leaves) > 1:
        leaves = parents(leaves)
    return leaves[0]


def aligned(start: int, end: int) -> Iterator[int]:
    """[start, end) as the largest perfect subtrees that can stand there: levels, left to right."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level
        start += 1 << level


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

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append many leaf hashes, a level of the tree at a time."""
        nodes, level, left_over = list(leaves), 0, []
        while nodes:
            if self.size >> level & 1:
                nodes.insert(0, self.peaks.pop())
            if len(nodes) & 1:
                left_over.append(nodes.pop())
            nodes = parents(nodes)
            level += 1
        self.peaks += reversed(left_over)
        self.size += len(leaves)

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
