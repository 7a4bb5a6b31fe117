"""A random sample that anybody can draw again: from the seed, the root and nothing else."""

import hashlib
from collections.abc import Iterator


def draw(seed: str, root: bytes, size: int, count: int) -> list[int]:
    """`count` different numbers below `size`, in ascending order.

    The n-th candidate is SHA-256("<seed>:<root in hex>:<n>") as a number, modulo `size`; repetitions
    are passed over. The root stands for the log as it was signed, so whoever keeps it cannot choose
    the events to fit the seed, and the auditor who chooses the seed cannot choose the events.
    """
    drawn: set[int] = set()
    if not size:
        return []
    for number in _candidates(seed, root, size):
        if len(drawn) >= min(count, size):
            break
        drawn.add(number)
    return sorted(drawn)


def _candidates(seed: str, root: bytes, size: int) -> Iterator[int]:
    at = 0
    while True:
        digest = hashlib.sha256(f"{seed}:{root.hex()}:{at}".encode()).digest()
        yield int.from_bytes(digest, "big") % size
        at += 1
