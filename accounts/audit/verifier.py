#!/usr/bin/env python3
"""Verify an audit bundle offline, trusting nothing but one public key.

    python3 -I verifier.py DIR --key PUBKEY [--checkpoint FILE]... [--table] [--json]

Needs this file and Python 3.8 or newer: no packages, no network, no server. PUBKEY is the key you
wrote down when you first met the log ("origin+id+base64", or just its 32 bytes in base64), or the
path of a file that holds it. FILE is a checkpoint that you kept from an earlier time: only with one
can a cut tail or an older copy be told from a log that simply ended there.

Exit status: 0 intact, 1 tampered (it says where), 2 unusable (not a whole bundle, not a key, or not
comparable with FILE: nothing can be said).

Checked are: the Ed25519 signatures (RFC 8032) on checkpoint and manifest; that the events, byte for
byte, with the hashes of what was left out, make the Merkle tree (RFC 6962) whose root was signed;
that a kept checkpoint is a beginning of the same log; the digests of all other files; with --table
that events.csv says what the events say. Values that were lawfully erased are named: events hold
commitments only, so the proof does not need them.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import csv
import hashlib
import json
import os
import sys
from collections import Counter
from typing import Any, BinaryIO, Iterator, NamedTuple, Sequence, Tuple  # noqa: UP035  # Python 3.8 reads this too

FORMAT = "dermatech-audit-export/1"
FILES = ("manifest.json", "manifest.sig", "checkpoint", "proof.json", "events.jsonl", "events.csv")
MAX_LINE = 1 << 20
BLOCK = 1 << 20
ERASED = b'"action":"audit.erased"'
MAX_SMALL_FILE = 1 << 28
SHOWN = 20  # places named one by one in a report; the rest are counted


class Unusable(Exception):
    """Nothing can be said: not a whole bundle, not a key, not comparable."""


# --- Ed25519, RFC 8032 section 5.1, verification only ---------------------------------------------
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
Point = Tuple[int, int, int, int]  # extended coordinates  # noqa: UP006


def _recover_x(y: int, sign: int) -> int | None:
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P:
        return None
    return P - x if (x & 1) != sign else x


def _decode_point(raw: bytes) -> Point | None:
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    x = _recover_x(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def _add(a: Point, b: Point) -> Point:
    s, t = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    u, v = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = t - s, v - u, v + u, t + s
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _double(a: Point) -> Point:
    x2, y2 = a[0] * a[0], a[1] * a[1]
    h = x2 + y2
    e, g = h - (a[0] + a[1]) ** 2, x2 - y2
    f = 2 * a[2] * a[2] + g
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _combined(a: int, first: Point, b: int, second: Point) -> Point:
    """a * first + b * second, with one walk over the bits of both."""
    sums = (None, first, second, _add(first, second))
    total: Point = (0, 1, 1, 0)
    for at in range(max(a.bit_length(), b.bit_length()) - 1, -1, -1):
        total = _double(total)
        chosen = sums[(a >> at & 1) | (b >> at & 1) << 1]
        if chosen is not None:
            total = _add(total, chosen)
    return total


_BASE = _decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes) over `message` is by the key `public` (32 bytes)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _decode_point(public), _decode_point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or _BASE is None or scalar >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    # S * BASE - k * KEY must be the commitment R (RFC 8032, 5.1.7, step 3).
    minus_key = (P - key[0], key[1], 1, P - key[3])
    x, y, z, _ = _combined(scalar, _BASE, int.from_bytes(digest, "little") % L, minus_key)
    return (x - commitment[0] * z) % P == 0 and (y - commitment[1] * z) % P == 0


# --- Merkle tree, RFC 6962 section 2.1 ------------------------------------------------------------
class Tree:
    """Grown left to right from leaf hashes and perfect subtrees; only its frontier is held."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def add(self, root: bytes, level: int = 0) -> None:
        """Append a perfect subtree of 2**level leaves."""
        place = self.size >> level
        while place & 1:
            root = hashlib.sha256(b"\x01" + self.peaks.pop() + root).digest()
            place >>= 1
        self.peaks.append(root)
        self.size += 1 << level

    def extend(self, leaves: list[bytes]) -> None:
        """Append many leaf hashes, a level of the tree at a time."""
        nodes, level, left_over, sha256 = list(leaves), 0, [], hashlib.sha256
        while nodes:
            if self.size >> level & 1:
                nodes.insert(0, self.peaks.pop())
            if len(nodes) & 1:
                left_over.append(nodes.pop())
            pairs = zip(nodes[::2], nodes[1::2])  # noqa: B905  # Python 3.8
            nodes = [sha256(b"\x01" + a + b).digest() for a, b in pairs]
            level += 1
        self.peaks += reversed(left_over)
        self.size += len(leaves)

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = hashlib.sha256(b"\x01" + peak + root).digest()
        return root


def leaf_hash(content: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + content).digest()


def aligned(start: int, end: int) -> Iterator[int]:
    """[start, end) as the largest perfect subtrees that can stand there: levels, left to right."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level
        start += 1 << level


# --- Keys, signed notes, checkpoints (C2SP) -------------------------------------------------------
class Key:
    """A pinned public key; `name` is None when only its 32 bytes were given."""

    def __init__(self, text: str) -> None:
        text = text.strip()
        self.name: str | None = None
        self.public = decode_base64(text.replace("-", "+").replace("_", "/")) or b""
        if len(self.public) == 32:
            return
        name, _, rest = text.partition("+")
        identity, _, encoded = rest.partition("+")
        raw = decode_base64(encoded) or b""
        if len(raw) != 33 or raw[0] != 1:
            raise Unusable("The key is neither origin+id+base64 nor 32 bytes in base64.")
        self.name, self.public = name, raw[1:]
        if key_id(name, self.public).hex() != identity.lower():
            raise Unusable("The key is misspelt: its id does not belong to it.")

    @classmethod
    def given(cls, text: str) -> Key:
        """From the command line: the key itself, or a file that holds it."""
        if os.path.isfile(text):
            try:
                with open(text, encoding="utf-8") as file:
                    text = file.read(4096)
            except (OSError, UnicodeDecodeError) as error:
                raise Unusable(f"The key file cannot be read: {error}") from error
        return cls(text)


def key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def decode_base64(text: str) -> bytes | None:
    """The bytes, or None. One spelling only: stray bits behind the last byte are refused."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if base64.b64encode(raw).rstrip(b"=") == text.rstrip("=").encode() else None


def signature_fault(key: Key, text: bytes, line: str) -> str:
    """What keeps `line` from being the key's signature over `text`; empty when it is."""
    parts = line.split(" ")
    raw = decode_base64(parts[2]) if len(parts) == 3 and len(parts[2]) % 4 == 0 else None
    if raw is None or len(raw) != 68 or parts[0] != "\u2014":
        return "the signature line cannot be read"
    if (key.name is not None and parts[1] != key.name) or raw[:4] != key_id(parts[1], key.public):
        return f"it is signed by another key ({parts[1][:80]}) than the one you gave"
    return "" if ed25519_verify(key.public, text, raw[4:]) else "the signature does not fit the text"


class Checkpoint(NamedTuple):
    origin: str
    size: int
    root: bytes


class Broken(Exception):
    """A part of the bundle that cannot be what was signed."""


def open_checkpoint(raw: bytes, key: Key) -> Checkpoint:
    """The checkpoint in a signed note; raises Broken."""
    text, separator, signature = raw.partition(b"\n\n")
    try:
        line, lines = signature.decode("utf-8"), (text + b"\n").decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise Broken("it is not text") from None
    if not separator or not line.endswith("\n") or "\n" in line[:-1]:
        raise Broken("it is not a note with one signature")
    fault = signature_fault(key, text + b"\n", line[:-1])
    if fault:
        raise Broken(fault)
    root = decode_base64(lines[2]) if len(lines) == 4 else None
    number = lines[1] if len(lines) == 4 and lines[1].isascii() and lines[1].isdigit() else ""
    if root is None or len(root) != 32 or not number or line.split(" ")[1] != lines[0]:
        raise Broken("it is signed but has not the form of a checkpoint")
    return Checkpoint(lines[0], int(number), root)


# --- The bundle -----------------------------------------------------------------------------------
class Part(NamedTuple):
    """`events` lines of the file from `number` on, or one subtree that was left out."""

    number: int
    events: int
    level: int = 0
    root: bytes = b""


class Report:
    """What was found. No problems means intact."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.problems: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.facts: dict[str, Any] = {}

    def add(self, code: str, message: str, **where: Any) -> None:
        self.problems.append({"code": code, "message": message, **where})

    def as_dict(self) -> dict[str, Any]:
        verdict = "tampered" if self.problems else "intact"
        return {
            "verdict": verdict, "bundle": self.folder, **self.facts,
            "problems": self.problems, "notes": self.notes,
        }  # fmt: skip


def verify(folder: str, key: Key, kept: Sequence[tuple[str, bytes]] = (), table: bool = False) -> Report:
    """The report on the bundle in `folder`; `kept` are (name, content) of earlier checkpoints.
    With `table` every row of events.csv is compared with its event, which takes longer.

    Raises Unusable when there is nothing that could be verified.
    """
    missing = [name for name in FILES if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        raise Unusable(f"This is not a whole bundle, {', '.join(missing)} missing: {folder}")
    earlier = [(name, _open_kept(name, raw, key)) for name, raw in kept]
    report, checkpoint = Report(folder), None
    try:
        checkpoint = open_checkpoint(_read(folder, "checkpoint"), key)
    except Broken as fault:
        report.add("checkpoint", f"checkpoint: {fault}.", file="checkpoint")
    manifest = _open_manifest(report, folder, key)
    if manifest is not None:
        _check_digests(report, folder, manifest)
    if checkpoint is None or manifest is None:
        return report
    if (manifest["origin"], manifest["tree_size"], manifest["root"]) != (
        checkpoint.origin, checkpoint.size, checkpoint.root.hex(),
    ):  # fmt: skip
        report.add("checkpoint", "checkpoint: not the one this bundle was made with.", file="checkpoint")
    report.facts = {name: manifest[name] for name in ("origin", "exported_at", "selection", "events")}
    report.facts.update(tree_size=checkpoint.size, root=checkpoint.root.hex())
    _check_events(report, manifest, checkpoint, earlier)
    if table and not report.problems:
        _check_table(report, folder)
    elif not table:
        report.notes.append(
            "events.csv is as the server signed it; the proof is about events.jsonl. Give --table to "
            "compare the two line by line."
        )
    return report


def _read(folder: str, name: str) -> bytes:
    try:
        with open(os.path.join(folder, name), "rb") as file:
            raw = file.read(MAX_SMALL_FILE + 1)
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error}") from error
    if len(raw) > MAX_SMALL_FILE:
        raise Unusable(f"{name} is larger than anything an export writes.")
    return raw


def _open_kept(name: str, raw: bytes, key: Key) -> Checkpoint:
    try:
        return open_checkpoint(raw, key)
    except Broken as fault:
        raise Unusable(f"The kept checkpoint {name} cannot be used: {fault}.") from fault


def _open_manifest(report: Report, folder: str, key: Key) -> dict[str, Any] | None:
    """The manifest, or None with a problem reported. Its signature is checked before it is read."""
    raw, line = _read(folder, "manifest.json"), _read(folder, "manifest.sig").decode("utf-8", "replace")
    fault = signature_fault(key, raw, line[:-1]) if line.endswith("\n") else "the signature line is cut"
    if fault:
        report.add("manifest", f"manifest.json or manifest.sig: {fault}.", file="manifest.json")
        return None
    try:
        manifest: dict[str, Any] = json.loads(raw)
        if manifest["format"] != FORMAT:
            raise Unusable(f"The bundle has the format {manifest['format']}; this verifier knows {FORMAT}.")
        for name in ("origin", "exported_at", "events", "tree_size", "root"):
            manifest[name]
        manifest["selection"]["since"], manifest["selection"]["until"], manifest["files"].items()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable("The manifest is signed but is not that of an export.") from error
    return manifest


def _check_digests(report: Report, folder: str, manifest: dict[str, Any]) -> None:
    """Every file but the events, which the Merkle tree proves line by line."""
    for name in ("checkpoint", "events.csv", "proof.json"):
        digest = hashlib.sha256()
        with open(os.path.join(folder, name), "rb") as file:
            for block in iter(lambda source=file: source.read(1 << 20), b""):  # type: ignore[misc]
                digest.update(block)
        if digest.hexdigest() != manifest["files"].get(name, {}).get("sha256"):
            report.add("file", f"{name}: changed after it was exported.", file=name)


def _plan(raw: bytes, size: int, events: int) -> list[Part]:
    """What the tree is made of, left to right, from proof.json; raises Broken."""
    try:
        proof = json.loads(raw)
        ranges, hashes, cuts = proof["ranges"], iter(proof["left_out"]), sorted(proof["cuts"])
        parts, at = [], 0
        for first, count in [*ranges, [size, 0]]:
            if not at <= first <= first + count <= size or (count < 1 and first != size):
                raise Broken("its ranges do not fit the log")
            for end in [*[cut for cut in cuts if at < cut < first], first]:
                for level in aligned(at, end):
                    parts.append(Part(at, 0, level, bytes.fromhex(next(hashes))))
                    at += 1 << level
            if count:
                parts.append(Part(first, count))
            at = first + count
        exact = next(hashes, None) is None and sum(part.events for part in parts) == events
    except (ValueError, KeyError, TypeError, StopIteration):
        raise Broken("it cannot be read") from None
    if not exact or any(len(part.root) != (0 if part.events else 32) for part in parts):
        raise Broken("it does not belong to these events")
    return parts


def _check_events(
    report: Report, manifest: dict[str, Any], checkpoint: Checkpoint, earlier: list[tuple[str, Checkpoint]]
) -> None:
    try:
        plan = _plan(_read(report.folder, "proof.json"), checkpoint.size, manifest["events"])
    except Broken as fault:
        report.add("proof", f"proof.json: {fault}.", file="proof.json")
        return
    report.facts["numbers"] = [[part.number, part.number + part.events - 1] for part in plan if part.events]
    path = os.path.join(report.folder, "events.jsonl")
    marks = {kept.size for _, kept in earlier}
    tree, whole, seen, erasures = _grow(path, plan, marks)
    intact = whole and (tree.size, tree.root()) == (checkpoint.size, checkpoint.root)
    if not intact:
        _locate(report, path, plan, checkpoint)
    elif any(manifest["selection"].values()):
        _check_selection(report, path, manifest["selection"])
    if intact and erasures:
        _tell_erasures(report, path)
    seen.update({0: Tree().root(), checkpoint.size: checkpoint.root})
    _check_kept(report, checkpoint, earlier, seen if intact else {checkpoint.size: checkpoint.root}, intact)


class Lines:
    """The lines of a file, a block at a time: leaf hashes, and whether any line is an erasure."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.hashes, self.rest, self.erasures = file, [], b"", False  # type: ignore[var-annotated]

    def take(self, most: int) -> list[bytes]:
        """The hashes of the next lines, at most so many; none at the end or before a line that is
        cut or longer than any event."""
        sha256 = hashlib.sha256
        while not self.hashes:
            block = self.file.read(BLOCK)
            self.erasures = self.erasures or ERASED in block
            *lines, self.rest = (self.rest + block).split(b"\n")
            self.hashes = [sha256(b"\x00" + line).digest() for line in lines]
            if not block or len(self.rest) > MAX_LINE:
                break
        taken, self.hashes = self.hashes[:most], self.hashes[most:]
        return taken

    def used_up(self) -> bool:
        return not self.hashes and not self.rest and not self.file.read(1)


def _grow(path: str, plan: list[Part], marks: set[int]) -> tuple[Tree, bool, dict[int, bytes], bool]:
    """The tree that the file makes, whether the file is used up exactly, the roots at `marks`, and
    whether the file may tell of erasures."""
    tree, seen = Tree(), {}
    with open(path, "rb") as file:
        source = Lines(file)
        for part in plan:
            end = part.number + part.events
            if not part.events:
                tree.add(part.root, part.level)
                if tree.size in marks:
                    seen[tree.size] = tree.root()
            for stop in sorted({mark for mark in marks if part.number < mark < end} | {end}):
                while part.events and tree.size < stop:
                    hashes = source.take(stop - tree.size)
                    if not hashes:
                        return tree, False, seen, False
                    tree.extend(hashes)
                if tree.size in marks:
                    seen[tree.size] = tree.root()
        return tree, source.used_up(), seen, source.erasures


def _check_selection(report: Report, path: str, selection: dict[str, Any]) -> None:
    with open(path, "rb") as file:
        strays = [n for n, line in enumerate(file, 1) if not _asked_for(json.loads(line), selection)]
    if strays:
        report.add("selection", "events.jsonl: events that were not asked for.", lines=strays[:SHOWN])
    report.notes.append(
        "This is a part of the log. It proves that these events stand in the log, unchanged and with "
        "these numbers. It cannot prove that no other event should be among them: compare the numbers "
        "to see where others lie between, and ask for the whole log where that matters."
    )


def _asked_for(event: dict[str, Any], selection: dict[str, Any]) -> bool:
    since, until = selection["since"] or "", selection["until"] or "~"
    return (
        since <= event["recorded_at"] < until
        and selection.get("person") in (None, event["agent"]["id"], event["agent"]["name"])
        and selection.get("patient") in (None, event["patient"])
        and selection.get("action") in (None, event["action"])
    )


def _tell_erasures(report: Report, path: str) -> None:
    """What was lawfully removed: values only, never an event. The log says so itself."""
    with open(path, "rb") as file:
        for line in file:
            if ERASED not in line:
                continue
            event = json.loads(line)
            if event["action"] != "audit.erased" or event["outcome"] != "success":
                continue
            detail, patient = event["detail"], event["patient"]
            report.notes.append(
                f"Lawfully erased on {event['recorded_at'][:10]} by {event['agent']['name']}: the recorded "
                f"values of {detail.get('events')} events"
                + (f" about the patient {patient}" if patient else "")
                + (f", all before {detail['before']}" if detail.get("before") else "")
                + f'. Reason given: "{detail.get("reason")}". The events themselves stand.'
            )


def _check_table(report: Report, folder: str) -> None:
    """Whether events.csv says what events.jsonl says, cell by cell."""
    numbers = (n for first, last in report.facts["numbers"] for n in range(first, last + 1))
    name = os.path.join(folder, "events.csv")
    with open(os.path.join(folder, "events.jsonl"), "rb") as events:  # noqa: SIM117  # Python 3.8
        with open(name, encoding="utf-8", newline="") as table:
            for row, number, line in zip(csv.DictReader(table), numbers, events):  # noqa: B905  # 3.8
                if row == _row(number, line[:-1]):
                    continue
                message = f"events.csv: the row of event number {number} belies the event."
                report.add("table", message, file="events.csv", number=number)
                if len(report.problems) >= SHOWN:
                    return


def _row(number: int, line: bytes) -> dict[str, str]:
    """The row of an event: the apostrophe keeps spreadsheets from running a cell."""
    event = json.loads(line)
    agent, entity = event["agent"], event["entity"] or {"type": "", "id": ""}
    detail = json.dumps(event["detail"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    cells = {
        "number": str(number), "recorded_at": event["recorded_at"], "action": event["action"],
        "fhir_action": event["fhir"], "outcome": event["outcome"], "purpose": event["purpose"],
        "actor_id": agent["id"] or "", "actor_name": agent["name"], "actor_role": agent["role"],
        "address": agent["address"], "device": agent["device"], "entity_type": entity["type"],
        "entity_id": entity["id"], "patient_id": event["patient"] or "", "request_id": event["request_id"],
        "changed_fields": " ".join(sorted(event["changes"])), "detail": detail if event["detail"] else "",
        "id": event["id"], "leaf_hash": leaf_hash(line).hex(),
    }  # fmt: skip
    runs = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
    return {name: f"'{cell}" if cell.startswith(runs) else cell for name, cell in cells.items()}


def _check_kept(
    report: Report,
    checkpoint: Checkpoint,
    earlier: list[tuple[str, Checkpoint]],
    seen: dict[int, bytes],
    intact: bool,
) -> None:
    """Each kept checkpoint must be a beginning of this log."""
    for name, kept in earlier:
        if kept.origin != checkpoint.origin:
            report.add("kept", f"{name}: the kept checkpoint is of another log, {kept.origin}.", file=name)
        elif kept.size > checkpoint.size:
            message = (
                f"{name}: when that checkpoint was kept the log had {kept.size} events, in this bundle it "
                f"has {checkpoint.size}. It is an older copy, or its tail was cut off."
            )
            report.add("tail", message, file=name, numbers=[checkpoint.size, kept.size - 1])
        elif kept.size in seen and seen[kept.size] != kept.root:
            message = f"{name}: the first {kept.size} events are not those of the kept checkpoint."
            report.add("history", message, file=name, numbers=[0, kept.size - 1])
        elif kept.size not in seen and intact:
            raise Unusable(
                f"This part of the log cannot be compared with {name}; ask for an export --against it."
            )


# --- Where ----------------------------------------------------------------------------------------
def _locate(report: Report, path: str, plan: list[Part], checkpoint: Checkpoint) -> None:
    """Say which events differ, by the leaf hashes that events.csv lists. Those prove themselves:
    either they make the signed root, or they were changed too and are a hint only."""
    numbers = [part.number + offset for part in plan for offset in range(part.events)]
    listed = _listed_hashes(os.path.join(report.folder, "events.csv"))
    if listed is None or len(listed) != len(numbers):
        report.add("events", "events.jsonl: not the events that were signed; events.csv was changed too, so "
                   "the place cannot be told.", file="events.jsonl")  # fmt: skip
        return
    tree, leaves = Tree(), iter(listed)
    for part in plan:
        if not part.events:
            tree.add(part.root, part.level)
        for _ in range(part.events):
            tree.add(next(leaves))
    proven = tree.root() == checkpoint.root
    found = list(_places(listed, _file_hashes(path), numbers))
    hint = "" if proven else " (a hint only: events.csv was changed too)"
    for where in found[:SHOWN]:
        report.add("events", f"events.jsonl: {where.pop('what')}{hint}.", file="events.jsonl", **where)
    if len(found) > SHOWN or not found:
        more = f"{len(found) - SHOWN} more places" if found else "not the events that were signed"
        report.add("events", f"events.jsonl: {more}.", file="events.jsonl")


def _file_hashes(path: str) -> list[bytes]:
    """The leaf hash of each line; a last line that is cut never fits one."""
    with open(path, "rb") as file:
        return [leaf_hash(line[:-1] if line.endswith(b"\n") else line + b"\n") for line in file]


def _listed_hashes(path: str) -> list[bytes] | None:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            hashes = [bytes.fromhex(row["leaf_hash"]) for row in csv.DictReader(file)]
    except (ValueError, KeyError, TypeError, csv.Error):
        return None
    return hashes if all(len(digest) == 32 for digest in hashes) else None


def _places(expected: list[bytes], actual: list[bytes], numbers: list[int]) -> Iterator[dict[str, Any]]:
    """How `actual` differs from `expected`: changed, removed, inserted or moved."""
    removed, foreign = Counter(expected), Counter(actual)
    removed.subtract(actual)
    foreign.subtract(expected)
    i = j = 0
    while i < len(expected) or j < len(actual):
        want = expected[i] if i < len(expected) else None
        have = actual[j] if j < len(actual) else None
        gone = want is not None and removed[want] > 0
        alien = have is not None and foreign[have] > 0
        if want is not None and want == have:
            i, j = i + 1, j + 1
        elif want is not None and have is not None and gone == alien:
            what = (
                f"event number {numbers[i]} (line {j + 1}) {'was changed' if gone else 'is not in its place'}"
            )
            yield {"what": what, "number": numbers[i], "line": j + 1}
            removed[want] -= 1
            foreign[have] -= 1
            i, j = i + 1, j + 1
        elif want is not None and (gone or have is None):
            yield {"what": f"event number {numbers[i]} was removed", "number": numbers[i]}
            removed[want] -= 1
            i += 1
        elif have is not None:
            yield {"what": f"line {j + 1} was inserted, it is no event of this place", "line": j + 1}
            foreign[have] -= 1
            j += 1


# --- Command line ---------------------------------------------------------------------------------
def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an audit bundle offline.")
    parser.add_argument("folder", metavar="DIR", help="the bundle")
    parser.add_argument("--key", required=True, help="the public key you pinned, or a file that holds it")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE", help="one you kept")
    parser.add_argument("--table", action="store_true", help="compare events.csv with the events too")
    parser.add_argument("--json", action="store_true", help="report for a program")
    options = parser.parse_args(arguments)
    try:
        kept = [(path, _read(*os.path.split(path))) for path in options.checkpoint]
        report = verify(options.folder, Key.given(options.key), kept, options.table).as_dict()
    except Unusable as error:
        report = {"verdict": "unusable", "bundle": options.folder, "problems": [
            {"code": "unusable", "message": str(error)}], "notes": []}  # fmt: skip
    print(json.dumps(report, indent=2) if options.json else _told(report, len(options.checkpoint)))
    return {"intact": 0, "tampered": 1, "unusable": 2}[report["verdict"]]


def _told(report: dict[str, Any], kept: int) -> str:
    """The report for a person."""
    lines = [f"{report['verdict'].upper()}: {report['bundle']}"]
    if "origin" in report:
        span = {name: value for name, value in report["selection"].items() if value}
        lines += [
            f"  log         {report['origin']}, {report['tree_size']} events, root {report['root']}",
            f"  exported    {report['exported_at']}, {report['events']} events"
            + "".join(f", {name} {value}" for name, value in span.items()),
        ]
    lines += [f"  - {problem['message']}" for problem in report["problems"]]
    lines += [f"  note: {note}" for note in report["notes"]]
    if report["verdict"] == "intact":
        lines.append(
            f"  Agrees with the {kept} checkpoint(s) you kept." if kept else
            "  note: no kept checkpoint was given, so an older copy of this log would look the same. "
            "Keep this bundle's checkpoint for next time."
        )  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
