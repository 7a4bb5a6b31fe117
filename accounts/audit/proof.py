"""What proves the events of a bundle against the signed root: `proof.json`."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from accounts.audit.merkle import Frontier, aligned, node_hash, perfect_root

_RANGES_AT_ONCE: Final = 10_000


class Sink(Protocol):
    """What takes bytes, as a file does."""

    def write(self, content: bytes, /) -> object: ...


class Proof:
    """Grows the tree over everything and writes down the subtrees that are left out.

    Those are the largest that fit between what is included (and the cuts), aligned to their own
    size. They go to `sink` as they are found, so that memory does not grow with the log.
    """

    def __init__(self, sink: Sink, size: int, cuts: Iterable[int] = ()) -> None:
        self.tree = Frontier()
        self.included = 0
        self._sink = sink
        self._cuts = frozenset(cut for cut in cuts if 0 < cut < size)
        self._starts, self._counts = array("Q"), array("Q")
        self._next = 0
        self._gap: list[tuple[int, bytes]] = []  # level and root
        self._separator = ""
        cuts_text = ",".join(str(cut) for cut in sorted(self._cuts))
        sink.write(f'{{"cuts":[{cuts_text}],"left_out":['.encode())

    def include(self, digests: Sequence[bytes]) -> None:
        """The next events are in the bundle: their leaf hashes."""
        if not digests:
            return
        self._close_gap()
        if self._starts and self._starts[-1] + self._counts[-1] == self._next:
            self._counts[-1] += len(digests)
        else:
            self._starts.append(self._next)
            self._counts.append(len(digests))
        self.tree.extend(digests)
        self._next += len(digests)
        self.included += len(digests)

    def leave_out(self, digests: Sequence[bytes]) -> None:
        """The next events are not in the bundle: their leaf hashes."""
        at, end = 0, self._next + len(digests)
        for stop in (*sorted(cut for cut in self._cuts if self._next <= cut < end), end):
            for level in aligned(self._next, stop):
                self._leave_out_subtree(perfect_root(digests[at : at + (1 << level)]), level)
                at += 1 << level
            if stop in self._cuts:
                self._close_gap()

    def finish(self) -> None:
        """Write what is left of the file; nothing may be added afterwards."""
        self._close_gap()
        self._sink.write(b'],"ranges":[')
        for first in range(0, len(self._starts), _RANGES_AT_ONCE):
            some = slice(first, first + _RANGES_AT_ONCE)
            pairs = zip(self._starts[some], self._counts[some], strict=True)
            text = ",".join(f"[{start},{count}]" for start, count in pairs)
            self._sink.write(f"{',' if first else ''}{text}".encode())
        self._sink.write(f'],"tree_size":{self._next}}}\n'.encode())

    def _leave_out_subtree(self, root: bytes, level: int) -> None:
        self._next += 1 << level
        # Join with a neighbour of the same size where the two make an aligned subtree.
        while self._gap and self._gap[-1][0] == level and self._next % (2 << level) == 0:
            root = node_hash(self._gap.pop()[1], root)
            level += 1
        self._gap.append((level, root))

    def _close_gap(self) -> None:
        """Put down the subtrees left out since the last event that was included."""
        for level, root in self._gap:
            self._sink.write(f'{self._separator}"{root.hex()}"'.encode())
            self._separator = ","
            self.tree.add_subtree(root, level)
        self._gap.clear()
