"""The product's worker, but that looking at pictures of certain sizes does harm.

Pictures are made safe before they are stored, so none that does this is known; a fault in a library of
the worker's would look like it. `--app tests.campaigns._poison`.
"""

import ctypes
import io
import time
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_process_init
from PIL import Image

from dermatech.celery import app
from tests.campaigns._poison_sizes import SIZES

__all__ = ["app"]


def _memory() -> None:
    held = []
    while True:
        held.append(bytearray(50_000_000))


def _cpu() -> None:
    while True:
        sum(range(100_000))


def _segfault() -> None:
    ctypes.string_at(0)


def _endless() -> None:
    """Deaf to the soft limit."""
    while True:
        try:
            time.sleep(1)
        except SoftTimeLimitExceeded:
            continue


def _huge() -> None:
    bytearray(1 << 42)


_HARM = {"memory": _memory, "cpu": _cpu, "segfault": _segfault, "endless": _endless, "huge": _huge}


@worker_process_init.connect
def _poison(**_: Any) -> None:
    from consultations.imaging import quality

    real = quality.judge

    def judge(content: bytes | Image.Image) -> quality.Quality:
        image = content if isinstance(content, Image.Image) else Image.open(io.BytesIO(content))
        size = image.size
        for kind, harmful in SIZES.items():
            if size == harmful:
                _HARM[kind]()
        return real(content)

    quality.judge = judge
