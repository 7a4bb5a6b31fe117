"""Photos: time and memory of the decoding child against the least that its libraries need, against
libvips, and against the loop that everybody writes first.

The floor of a file is one full decode and one encode, as a progressive JPEG of quality 80, of the same
pixels by the same libraries, in a warm process and without any search, check, thumbnail or pipe. Every
ratio is the median over rounds in which each peer ran once, so that a busy machine troubles all alike.
"""

import io
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image
from skimage.metrics import structural_similarity

from consultations.imaging import Limits, make_safe
from consultations.imaging.pool import Pool
from tests.bench import Figure
from tests.consultations.imaging.pictures import luma, pack, skin

_ROUNDS = 9
# The upload limit is above 10 MB here: what is measured is pixels.
_LIMITS = Limits(max_upload_bytes=60_000_000, wall_seconds=120, cpu_seconds=120)
_STORED: dict[str, Any] = {"format": "JPEG", "quality": 80, "progressive": True, "optimize": True}
_FAST_HEVC = {"preset": "ultrafast"}
_FLOOR = """
import io, sys
import pillow_heif
from PIL import Image
pillow_heif.register_heif_opener()
with Image.open(sys.argv[1]) as picture:
    picture.convert("RGB").save(io.BytesIO(), "JPEG", quality=80, progressive=True, optimize=True)
"""
_ALONE = """
import resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
took = time.perf_counter() - began
print(done.returncode, took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One file, and what is promised for it: time as a ratio to the floor, memory in MB."""

    name: str
    make: Callable[[], bytes]
    most_time: float
    most_memory: float
    suffix: str
    naive: bool = False


@lru_cache(maxsize=1)
def daylight(width: int = 4032, height: int = 3024) -> Image.Image:
    """As phones make them: the sensor's detail is a little coarser than its pixels."""
    coarse = skin(width * 2 // 3, height * 2 // 3, noise=2.5)
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def night() -> Image.Image:
    return skin(4032, 3024, noise=28.0, light=0.35)


CASES = (
    Case("12-megapixel JPEG", lambda: pack(daylight(), "JPEG", quality=90), 3.0, 260, "jpg", naive=True),
    Case("12-megapixel HEIC", lambda: pack(daylight(), "HEIF", enc_params=_FAST_HEVC), 1.3, 260, "heic"),
    Case("12-megapixel PNG", lambda: pack(daylight(), "PNG"), 1.1, 400, "png"),
    Case("12-megapixel WebP", lambda: pack(daylight(), "WEBP", quality=85, method=2), 1.8, 400, "webp"),
    Case("48-megapixel JPEG", lambda: pack(daylight(8064, 6048), "JPEG", quality=80), 1.3, 260, "jpg"),
    Case("noisy 12-megapixel JPEG", lambda: pack(night(), "JPEG", quality=75), 8.0, 260, "jpg"),
)


def measure() -> Iterable[Figure]:
    """Figures of all cases; libvips only where `vipsthumbnail` is installed."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    if shutil.which("vipsthumbnail") is None:
        print("vipsthumbnail is not installed (Debian: libvips-tools); there is no comparison with it")
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            file = Path(folder) / f"{case.name.replace(' ', '-')}.{case.suffix}"
            file.write_bytes(case.make())
            daylight.cache_clear()
            skin.cache_clear()
            yield from _figures(case, file)


def _figures(case: Case, file: Path) -> Iterable[Figure]:
    content = file.read_bytes()
    pool = Pool(1)
    try:
        make_safe(io.BytesIO(content), limits=_LIMITS, pool=pool)
        ours, floor, vips, memory = [], [], [], []
        for _ in range(_ROUNDS):
            forget_peak(pool.pids()[0])
            ours.append(_seconds(lambda: make_safe(io.BytesIO(content), limits=_LIMITS, pool=pool)))
            memory.append(peak_mb(pool.pids()[0]))
            floor.append(_seconds(lambda: _least(content)))
            vips.append(_vips(file, file.with_suffix(".out.jpg")))
    finally:
        pool.close()
    yield Figure(
        case.name, _median_ratio(ours, floor), "ratio", "one decode and one encode", bound=case.most_time
    )
    _, least = _alone([sys.executable, "-c", _FLOOR, str(file)])
    yield Figure(f"{case.name}: memory", max(memory), "MB", bound=case.most_memory)
    yield Figure(f"{case.name}: memory", max(memory) / least, "ratio", "one decode and one encode")
    if all(seconds is not None for seconds, _ in vips):
        yield Figure(case.name, _median_ratio(ours, [s for s, _ in vips if s]), "ratio", "vipsthumbnail")
        theirs = max(mb for _, mb in vips)
        yield Figure(f"{case.name}: memory", max(memory) / theirs, "ratio", "vipsthumbnail")
    if case.naive:
        naive = _seconds(lambda: _naive(content))
        faster, peer = naive / statistics.median(ours), "Pillow, scikit-image"
        yield Figure("times faster than the naive loop", faster, "ratio", peer, 12, "higher")


def _least(content: bytes) -> None:
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert("RGB").save(io.BytesIO(), **_STORED)


def _naive(content: bytes) -> bytes:
    """Lower the quality until the file fits and is still like the original, looking at both each time."""
    with Image.open(io.BytesIO(content)) as picture:
        original = picture.convert("RGB")
    grey = luma(original)
    for quality in range(95, 5, -5):
        file = pack(original, "JPEG", quality=quality, progressive=True, optimize=True)
        with Image.open(io.BytesIO(file)) as again:
            like = structural_similarity(  # type: ignore[no-untyped-call]
                grey,
                luma(again),
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=255,
            )
        if len(file) < _LIMITS.max_bytes and like > _LIMITS.ssim_floor:
            return file
    raise ValueError("no quality fits")


def _vips(file: Path, out: Path) -> tuple[float | None, float]:
    """Seconds and MB of vipsthumbnail for a JPEG as large and as good as ours, once and unchecked; None
    where it is missing or cannot read this format."""
    if shutil.which("vipsthumbnail") is None:
        return None, 0.0
    target = f"{out}[Q=80,strip,interlace,optimize_coding]"
    return _alone(["vipsthumbnail", str(file), "--size", "4032x4032>", "--output", target])


def _alone(command: list[str]) -> tuple[float | None, float]:
    """Seconds and MB of a command, None when it fails. A small process starts it: what a process
    starts is charged with the memory of its parent until it is another program."""
    told = subprocess.run([sys.executable, "-I", "-c", _ALONE, *command], capture_output=True, check=True)
    status, seconds, kilobytes = told.stdout.split()[-3:]
    return (float(seconds) if status == b"0" else None), int(kilobytes) / 1024


def forget_peak(pid: int) -> None:
    """Let the kernel count the peak of a process anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pid: int) -> float:
    """Most memory that a process has held since, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _median_ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
