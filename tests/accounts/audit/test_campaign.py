"""Random tampering of every kind: all of it is found, and nobody is accused."""

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.audit import verifier
from tests.accounts.audit.bundles import lines_of, other_key, rewrite, sign_anew, verdict

Bundler = Callable[..., Path]
pytestmark = pytest.mark.one_database
EVENTS = 40
CAMPAIGN = 500


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
        strange = self.chance.choice([b"{}\n", b"\n", lines[0].replace(b"System", b"Sistem")])
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
        spelling = self.chance.choice([b'"v":1.0', b'"v":1e0', b'"v":01', b'"v":"1"'])
        self._line(folder, lambda line: line.replace(b'"v":1', spelling))

    def text_respelled(self, folder: Path) -> None:
        old, new = self.chance.choice(
            [(b"System", b"\\u0053ystem"), (b"System", "S\u0443stem".encode()), (b"TREAT", b"TREAT\xc2\xad")]
        )
        self._line(folder, lambda line: line.replace(old, new))

    def keys_reordered(self, folder: Path) -> None:
        def backwards(line: bytes) -> bytes:
            event = json.loads(line)
            return json.dumps(dict(reversed(event.items())), separators=(",", ":")).encode() + b"\n"

        self._line(folder, backwards)

    def line_ends(self, folder: Path) -> None:
        self._line(folder, lambda line: line[:-1] + b"\r\n")

    @classmethod
    def kinds(cls) -> list[str]:
        return [name for name, value in vars(cls).items() if callable(value) and not name.startswith("_")]


@pytest.mark.slow
def test_a_campaign_of_random_tampering_finds_everything_and_accuses_nobody(
    bundle: Bundler, key: str
) -> None:
    older = bundle(EVENTS - 7, name="older")
    folder = bundle(7, name="newer")
    genuine = {name: (folder / name).read_bytes() for name in verifier.FILES}
    stamps = {name: 1_000_000_000 + at for at, name in enumerate(verifier.FILES)}
    for name, stamp in stamps.items():
        os.utime(folder / name, ns=(0, stamp))
    tamperer = Tamperer(random.Random(8032), older)
    kinds, done = [kind for kind in Tamperer.kinds() if kind != "kinds"], Counter[str]()
    missed = []
    for number in range(CAMPAIGN):
        kind = kinds[number % len(kinds)]
        getattr(tamperer, kind)(folder)
        if verdict(folder, key, genuine["checkpoint"]) != "tampered":
            missed.append((number, kind))
        done[kind] += 1
        for name, content in genuine.items():
            if (folder / name).stat().st_mtime_ns != stamps[name]:
                (folder / name).write_bytes(content)
                os.utime(folder / name, ns=(0, stamps[name]))
        if number % 20 == 0:
            assert verdict(folder, key, genuine["checkpoint"]) == "intact", "a false alarm"
    assert missed == []
    assert min(done.values()) >= CAMPAIGN // len(kinds)
