"""Damaged, invented and hostile files, thousands of them, through the whole way of an upload.

    make campaign NAME=photos ARGS="--inputs 20000 --seed 1"

Every input must come out as a safe photo or as a refusal with a code, within its time and the child
within its memory. A death of the child is counted; it is a finding only when it is not answered with a
code. At the end no child, no descriptor and no memory of the caller may be left behind.
"""

import argparse
import gc
import io
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil  # type: ignore[import-untyped]
from hypothesis import HealthCheck, Phase, given, seed, settings

from consultations.imaging import CODES, Limits, PhotoRefused, make_safe
from consultations.imaging.bare import foreign_parts
from consultations.imaging.pool import Pool
from dermatech.core.errors import DomainError
from tests.consultations.imaging import hostile

# The bound that `Pool` recycles a child at, and what one job may take beside it.
MOST_MEMORY_MB = 400.0
SLOWEST_SECONDS = 10.0
_MORE_FILES = 2  # descriptors: the warm child's two pipes


@dataclass(slots=True)
class Found:
    """What came out of the inputs so far."""

    inputs: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest: float = 0.0
    peak_mb: float = 0.0
    children: set[int] = field(default_factory=set)


def try_one(content: bytes, pool: Pool, found: Found, *, save: Path | None = None) -> None:
    """Send one input and judge what comes back."""
    found.inputs += 1
    began = time.perf_counter()
    wrong = ""
    try:
        photo = make_safe(io.BytesIO(content), pool=pool, limits=Limits())
        found.accepted += 1
        if photo.bytes >= 2_000_000 or foreign_parts(photo.content, photo.format):
            wrong = "an accepted photo is too large or carries more than pixels"
    except PhotoRefused as refusal:
        found.refused[refusal.code] += 1
        if refusal.code not in CODES or not 400 <= refusal.status < 500:
            wrong = f"refused by {refusal.code} with {refusal.status}"
    except DomainError as error:
        wrong = f"{error.status} {error.code}"
    except Exception as error:
        wrong = f"uncaught {type(error).__name__}: {error}"
    seconds = time.perf_counter() - began
    found.slowest = max(found.slowest, seconds)
    if seconds > SLOWEST_SECONDS:
        wrong = wrong or f"took {seconds:.1f} s"
    if wrong:
        found.findings.append(wrong)
        if save is not None:
            save.mkdir(parents=True, exist_ok=True)
            (save / f"{len(found.findings)}.bin").write_bytes(content)
    _look_at_children(pool, found)


def _look_at_children(pool: Pool, found: Found) -> None:
    for pid in pool.pids():
        found.children.add(pid)
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        peak = next((int(line.split()[1]) / 1024 for line in status.splitlines() if "VmHWM" in line), 0.0)
        found.peak_mb = max(found.peak_mb, peak)


def byte_mutations(count: int, *, seed: int) -> Iterator[bytes]:
    """`count` files: seeds of every format, damaged by a dozen kinds of byte surgery."""
    random = Random(seed)
    seeds = hostile.seeds()
    for _ in range(count):
        yield hostile.damage(random.choice(seeds), random)


def run(inputs: int, *, seed_: int, pool: Pool, save: Path | None = None, talk: bool = False) -> Found:
    """Half of the inputs are byte mutations, half are drawn by hypothesis."""
    found = Found()

    def tell() -> None:
        if talk and found.inputs % 1000 == 0:
            print(f"{found.inputs} inputs, {len(found.findings)} findings", flush=True)

    for content in byte_mutations(inputs // 2, seed=seed_):
        try_one(content, pool, found, save=save)
        tell()

    @seed(seed_)
    @settings(
        max_examples=inputs - inputs // 2,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(hostile.files())
    def drawn(content: bytes) -> None:
        try_one(content, pool, found, save=save)
        tell()

    drawn()
    # Hypothesis stops when it believes that it has seen everything; the rest is mutations again.
    for content in byte_mutations(inputs - found.inputs, seed=seed_ + 1):
        try_one(content, pool, found, save=save)
    return found


def leaks(before: tuple[int, set[int]], found: Found) -> list[str]:
    """What the run has left behind: children alive or unreaped, open descriptors."""
    gc.collect()
    me = psutil.Process()
    left = [f"child {child.pid} is still there" for child in me.children() if child.pid in found.children]
    more = me.num_fds() - before[0]
    if more > _MORE_FILES:
        left.append(f"{more} more open descriptors")
    return left


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="photos", description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder for the inputs of findings")
    asked = parser.parse_args(arguments)
    me = psutil.Process()
    began, pool = time.monotonic(), Pool(1)
    before = (me.num_fds(), {child.pid for child in me.children()})
    memory = me.memory_info().rss
    found = run(asked.inputs, seed_=asked.seed, pool=pool, save=asked.save, talk=True)
    pool.close()
    found.findings += leaks(before, found)
    if found.peak_mb > MOST_MEMORY_MB:
        found.findings.append(f"the child took {found.peak_mb:.0f} MB")
    grown = (me.memory_info().rss - memory) / 2**20
    report(found, seconds=time.monotonic() - began, grown=grown)
    return 1 if found.findings else 0


def report(found: Found, *, seconds: float, grown: float) -> None:
    print(f"inputs     {found.inputs} in {seconds:.0f} s, {len(found.children)} children")
    print(f"accepted   {found.accepted}")
    for code, count in found.refused.most_common():
        print(f"refused    {count:6} {code}")
    print(f"slowest    {found.slowest:.2f} s")
    print(f"memory     child at most {found.peak_mb:.0f} MB, caller grew by {grown:.0f} MB")
    print(f"findings   {len(found.findings)}")
    for finding, count in Counter(found.findings).most_common(20):
        print(f"           {count:6} {finding}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
