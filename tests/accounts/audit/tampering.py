"""A forger who may do one thing to a bundle, whatever it is: every method is a kind."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from accounts.audit import verifier
from accounts.audit.canonical import canonical_json
from tests.accounts.audit.bundles import lines_of, other_key, rewrite, sign_anew, verdict


class Tamperer:
    """Does one random thing to a bundle; every method is a kind. `chance` decides where."""

    def __init__(self, chance: random.Random, older: Path) -> None:
        self.chance, self.older = chance, older

    def _line(self, folder: Path, change: Callable[[bytes], bytes]) -> None:
        lines = lines_of(folder)
        at = self.chance.randrange(len(lines))
        lines[at] = change(lines[at])
        rewrite(folder, lines)

    def bit_flip(self, folder: Path) -> None:
        path = folder / self.chance.choice(verifier.FILES)
        raw = bytearray(path.read_bytes())
        raw[self.chance.randrange(len(raw))] ^= 1 << self.chance.randrange(8)
        path.write_bytes(raw)

    def delete(self, folder: Path) -> None:
        lines = lines_of(folder)
        del lines[self.chance.randrange(len(lines))]
        rewrite(folder, lines)

    def insert(self, folder: Path) -> None:
        lines = lines_of(folder)
        strange = self.chance.choice([b"{}\n", b"\n", lines[0].replace(b"Mensah", b"Mensa")])
        lines.insert(self.chance.randrange(len(lines) + 1), strange)
        rewrite(folder, lines)

    def duplicate(self, folder: Path) -> None:
        lines = lines_of(folder)
        lines.insert(self.chance.randrange(len(lines) + 1), self.chance.choice(lines))
        rewrite(folder, lines)

    def reorder(self, folder: Path) -> None:
        lines = lines_of(folder)
        a, b = self.chance.sample(range(len(lines)), 2)
        lines[a], lines[b] = lines[b], lines[a]
        rewrite(folder, lines)

    def cut_bytes(self, folder: Path) -> None:
        path = folder / self.chance.choice(verifier.FILES)
        raw = path.read_bytes()
        path.write_bytes(raw[: self.chance.randrange(len(raw))])

    def append_bytes(self, folder: Path) -> None:
        path = folder / self.chance.choice(verifier.FILES)
        path.write_bytes(path.read_bytes() + self.chance.choice([b"\n", b" ", b"\x00", b"{}\n", b"\r\n"]))

    def tail_with_checkpoint(self, folder: Path) -> None:
        """The whole bundle is an older, genuine one; only the kept checkpoint knows."""
        for name in verifier.FILES:
            shutil.copy(self.older / name, folder / name)

    def mixed_with_older(self, folder: Path) -> None:
        names = self.chance.sample(verifier.FILES, self.chance.randrange(1, 5))
        for name in names:
            shutil.copy(self.older / name, folder / name)

    def signed_by_another(self, folder: Path) -> None:
        if self.chance.random() < 0.5:
            self.delete(folder)
        sign_anew(folder, other_key())

    def table_edited(self, folder: Path) -> None:
        path = folder / "events.csv"
        rows = path.read_bytes().split(b"\r\n")
        at = self.chance.randrange(1, len(rows) - 1)
        rows[at] = rows[at].replace(b"success", b"denied")
        path.write_bytes(b"\r\n".join(rows))

    def spelled_with_spaces(self, folder: Path) -> None:
        self._line(folder, lambda line: json.dumps(json.loads(line)).encode() + b"\n")

    def number_respelled(self, folder: Path) -> None:
        spelling = self.chance.choice([b'"v":1.0', b'"v":1e0', b'"v":01', b'"v":"1"', b'"v":+1'])
        self._line(folder, lambda line: line.replace(b'"v":1', spelling))

    def text_respelled(self, folder: Path) -> None:
        old, new = self.chance.choice(
            [(b"Mensah", b"\\u004densah"), (b"Mensah", "M\u0435nsah".encode()), (b"TREAT", b"TREAT\xc2\xad")]
        )
        self._line(folder, lambda line: line.replace(old, new))

    def keys_reordered(self, folder: Path) -> None:
        def backwards(line: bytes) -> bytes:
            event = json.loads(line)
            return json.dumps(dict(reversed(event.items())), separators=(",", ":")).encode() + b"\n"

        self._line(folder, backwards)

    def line_ends(self, folder: Path) -> None:
        self._line(folder, lambda line: line[:-1] + b"\r\n")

    def row_of_table_moved(self, folder: Path) -> None:
        rows = (folder / "events.csv").read_bytes().split(b"\r\n")
        a, b = self.chance.sample(range(1, len(rows) - 1), 2)
        rows[a], rows[b] = rows[b], rows[a]
        (folder / "events.csv").write_bytes(b"\r\n".join(rows))

    def tail_cut(self, folder: Path) -> None:
        """The last events go, and the manifest is made to agree, without the key."""
        lines = lines_of(folder)
        keep = self.chance.randrange(1, len(lines))
        rewrite(folder, lines[:keep])
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["events"] = manifest["tree_size"] = keep
        (folder / "manifest.json").write_text(json.dumps(manifest) + "\n")

    def proof_edited(self, folder: Path) -> None:
        proof = json.loads((folder / "proof.json").read_text())
        what = self.chance.choice(["range", "hash", "size", "cut"])
        if what == "range":
            proof["ranges"][0][self.chance.randrange(2)] += self.chance.choice([-1, 1])
        elif what == "hash":
            proof["left_out"].append("00" * 32)
        elif what == "size":
            proof["tree_size"] += 1
        else:
            proof["cuts"] = [self.chance.randrange(1, proof["tree_size"])]
        (folder / "proof.json").write_text(json.dumps(proof) + "\n")

    def text_composed_otherwise(self, folder: Path) -> None:
        """The same name to the eye: a letter and its accent as one character, or as two."""
        self._line(folder, lambda line: line.replace("\u00e9".encode(), "e\u0301".encode()))

    def time_moved(self, folder: Path) -> None:
        def later(line: bytes) -> bytes:
            event = json.loads(line)
            moment = event["recorded_at"]
            event["recorded_at"] = moment[:-2] + str((int(moment[-2]) + 1) % 10) + "Z"
            return canonical_json(event).encode() + b"\n"

        self._line(folder, later)

    def person_swapped(self, folder: Path) -> None:
        """Somebody else did it, in both files."""
        for name in ("events.jsonl", "events.csv"):
            path = folder / name
            rows = path.read_bytes().split(b"\n")
            at = self.chance.choice([n for n, row in enumerate(rows) if "Am\u00e9".encode() in row])
            rows[at] = rows[at].replace("Am\u00e9 Mensah".encode(), b"Esi Alhassan")
            path.write_bytes(b"\n".join(rows))

    @classmethod
    def kinds(cls) -> list[str]:
        return [name for name, value in vars(cls).items() if callable(value) and name[0] != "_"]


class Trial:
    """One genuine bundle that is tampered with again and again, and put right in between."""

    def __init__(self, folder: Path, older: Path, key: str, seed: int) -> None:
        self.folder, self.key = folder, key
        self.tamperer = Tamperer(random.Random(seed), older)
        self.genuine = {name: (folder / name).read_bytes() for name in verifier.FILES}
        self.done: Counter[str] = Counter()
        self.missed: list[str] = []
        self.idle = self.false_alarms = self.looked = 0

    def run(self, tries: int, *, look_every: int = 10) -> None:
        """`tries` tamperings, each kind in turn; every `look_every` the genuine bundle is judged too."""
        kinds = Tamperer.kinds()
        while sum(self.done.values()) < tries:
            number = sum(self.done.values())
            kind = kinds[number % len(kinds)]
            getattr(self.tamperer, kind)(self.folder)
            changed = self._changed()
            if changed:
                self.done[kind] += 1
                if self._verdict() != "tampered":
                    self.missed.append(f"{number} {kind}")
            else:
                self.idle += 1
            for name in changed:
                (self.folder / name).write_bytes(self.genuine[name])
            if number % look_every == 0:
                self.looked += 1
                self.false_alarms += self._verdict() != "intact"

    def _changed(self) -> list[str]:
        return [
            name for name, content in self.genuine.items() if (self.folder / name).read_bytes() != content
        ]

    def _verdict(self) -> str:
        return verdict(self.folder, self.key, self.genuine["checkpoint"])
