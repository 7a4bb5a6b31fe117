"""The log as a stream, at the speed of the database's own bulk reading.

PostgreSQL joins a thousand lines into one row of a binary COPY, so that neither side works row by
row; SQLite hands out plain rows. Ranges of numbers are read one statement at a time: no statement
runs into the time limit, and no transaction stays open for long.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from accounts.audit.merkle import HASH_BYTES
from accounts.audit.models import AuditEvent, AuditLeaf
from accounts.audit.table import LINE_END, event_row

# Number, line and, where it is kept, the row of the table.
_Row = tuple[int, str, str | None]
_STATEMENT: Final = 1 << 16  # events read by one statement
_GROUP: Final = 1 << 10  # events handed over at once
# Each group is found by number and joined in its order. That it stayed so shows in the root.
_JOINED: Final = f"""
SELECT joined.* FROM generate_series(%s, %s, {_GROUP}) AS start (number), LATERAL (
    SELECT count(*), count(cells), min(seq), string_agg(hash, ''::bytea), string_agg(line, E'\\n'),
           string_agg(cells, E'\\r\\n')
    FROM (
        SELECT leaf.seq, leaf.leaf_hash, event.canonical_json, leaf.table_row
        FROM {AuditLeaf._meta.db_table} leaf
        JOIN {AuditEvent._meta.db_table} event ON event.id = leaf.event_id
        WHERE leaf.seq >= start.number AND leaf.seq < least(start.number + {_GROUP}, %s)
        ORDER BY leaf.seq
    ) AS log (seq, hash, line, cells)
) AS joined (found, ready, first, hashes, lines, cells) WHERE joined.found > 0
"""  # nosec B608: table names of our own models  # noqa: S608  # table names of our own
# A thousand rows by index: every other plan reads or sorts a table for each of the groups.
_BY_INDEX: Final = (
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off; "
    "SET LOCAL enable_bitmapscan = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off"
)
# Text and bytea look the same in the binary form: nothing is decoded only to be encoded.
_TYPES: Final = ["int8", "int8", "int8", "bytea", "bytea", "bytea"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some events, one after the other in the log. `hashes` are as stored, 32 bytes each.

    `lines` and `rows` are those of `events.jsonl` and `events.csv`, with their ends; both empty when
    the events are left out.
    """

    hashes: bytes
    lines: bytes = b""
    rows: bytes = b""

    @property
    def left_out(self) -> bool:
        return not self.lines

    @property
    def digests(self) -> list[bytes]:
        return [self.hashes[at : at + HASH_BYTES] for at in range(0, len(self.hashes), HASH_BYTES)]


def read(size: int, condition: Q) -> Iterator[Chunk]:
    """The first `size` events in their order; those that do not meet `condition` are left out."""
    for first in range(0, size, _STATEMENT):
        end = min(first + _STATEMENT, size)
        if connection.vendor == "postgresql" and not condition:
            yield from _copied(first, end)
            continue
        leaves = AuditLeaf.objects.filter(seq__gte=first, seq__lt=end).order_by("seq")
        yield from _part(leaves, condition) if condition else _fetched(leaves)


def _copied(first: int, end: int) -> Iterator[Chunk]:
    """Groups of events, joined by PostgreSQL while those before are written here."""
    command = f"COPY ({_JOINED}) TO STDOUT (FORMAT binary)"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_BY_INDEX)
        with cursor.copy(command, (first, end - 1, end)) as copy:
            copy.set_types(_TYPES)
            for found, ready, number, hashes, text, cells in copy.rows():
                lines = text + b"\n"
                # What was sealed before the rows were kept with the leaves has none.
                whole = ready == found
                rows = cells + LINE_END.encode() if whole else _made(number, hashes, lines.split(b"\n"))
                yield Chunk(hashes, lines, rows)


def _fetched(leaves: "QuerySet[AuditLeaf]") -> Iterator[Chunk]:
    """Whole groups of rows as SQLite hands them out."""
    query, parameters = _compiled(
        leaves.values_list("seq", "leaf_hash", "event__canonical_json", "table_row")
    )
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        while group := cursor.fetchmany(_GROUP):
            numbers, hashes, lines, cells = zip(*group, strict=True)
            blob, text = b"".join(hashes), "\n".join((*lines, "")).encode()
            if None in cells:
                rows = _made(numbers[0], blob, text.split(b"\n"))
            else:
                rows = LINE_END.join((*cells, "")).encode()
            yield Chunk(blob, text, rows)


def _part(leaves: "QuerySet[AuditLeaf]", condition: Q) -> Iterator[Chunk]:
    """The events that meet `condition`, and the hashes between them."""
    every = [(seq, bytes(digest)) for seq, digest in leaves.values_list("seq", "leaf_hash")]
    numbers = {seq: at for at, (seq, _) in enumerate(every)}
    hashes = b"".join(digest for _, digest in every)
    at = 0
    chosen = leaves.filter(condition).values_list("seq", "event__canonical_json", "table_row")
    for group in _neighbours(chosen.iterator(chunk_size=_GROUP)):
        place, end = numbers[group[0][0]], numbers[group[-1][0]] + 1
        if place > at:
            yield Chunk(hashes[at * HASH_BYTES : place * HASH_BYTES])
        own = hashes[place * HASH_BYTES : end * HASH_BYTES]
        lines = [line.encode() for _, line, _ in group]
        cells = [row for _, _, row in group if row is not None]
        if len(cells) == len(group):
            rows = LINE_END.join((*cells, "")).encode()
        else:
            rows = _made(group[0][0], own, lines)
        yield Chunk(own, b"\n".join((*lines, b"")), rows)
        at = end
    if at < len(every):
        yield Chunk(hashes[at * HASH_BYTES :])


def _neighbours(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    """Rows with consecutive numbers, together."""
    group: list[_Row] = []
    for row in rows:
        if group and (row[0] != group[-1][0] + 1 or len(group) == _GROUP):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _made(first: int, hashes: bytes, lines: Sequence[bytes]) -> bytes:
    """The rows of events that have none yet; a text that is no event gets an empty one."""
    rows = []
    for at, line in enumerate(lines[: len(hashes) // HASH_BYTES]):
        digest = hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES]
        try:
            rows.append(event_row(first + at, digest, json.loads(line)))
        except (ValueError, KeyError, TypeError):
            rows.append(str(first + at))
    return (LINE_END.join(rows) + LINE_END).encode()


def _compiled(query: "QuerySet[AuditLeaf, Any]") -> tuple[str, tuple[Any, ...]]:
    sql, parameters = query.query.sql_with_params()
    return sql, parameters
