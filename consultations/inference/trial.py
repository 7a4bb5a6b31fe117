"""The golden cases, run in a child process: a package that loops, swallows memory or crashes the
runtime is stopped there and refused here."""

import json
import os
import signal
import subprocess  # nosec B404
import sys
from dataclasses import dataclass
from pathlib import Path

from consultations.inference.errors import PackageRefused
from consultations.inference.limits import Limits
from consultations.inference.manifest import Manifest

_ROOT = Path(__file__).resolve().parents[2]
_CHILD = "consultations.inference.trial_child"
_HEADER_BYTES = 8
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Trial:
    """Measured on this machine: milliseconds to make the session and per photo (median), megabytes
    of memory at the peak, and the largest deviation from a golden case."""

    session_ms: float
    latency_ms: float
    peak_mb: float
    deviation: float
    cases: int


def run_trial(model: bytes, manifest: Manifest, limits: Limits) -> Trial:
    """Run every golden case under limits of time and memory. PackageRefused with the child's own
    code, or `trial_timeout`, `trial_memory`, `trial_crashed`."""
    order = {
        "manifest": dict(manifest.raw),
        "seconds": limits.trial_seconds,
        "memory_bytes": limits.trial_memory_bytes,
        "manifest_bytes": limits.manifest_bytes,
        "latency_ms": limits.latency_ms,
    }
    header = json.dumps(order).encode()
    message = len(header).to_bytes(_HEADER_BYTES, "big") + header + model
    with subprocess.Popen(  # noqa: S603  # nosec B603
        [sys.executable, "-s", "-m", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        # Nothing of this process's environment: no secret, no address.
        env={"PATH": os.defpath, "PYTHONPATH": str(_ROOT), **_ONE_THREAD},
        start_new_session=True,
    ) as child:
        try:
            answer, _ = child.communicate(message, timeout=limits.trial_seconds)
        except subprocess.TimeoutExpired:
            raise PackageRefused(
                "trial_timeout",
                f"The golden cases were not finished within {limits.trial_seconds:g} seconds.",
            ) from None
        finally:
            child.kill()  # nothing happens where it has ended by itself
    return _judge(child.returncode, answer, limits)


def _judge(returncode: int, answer: bytes, limits: Limits) -> Trial:
    if returncode == -signal.SIGXCPU:
        raise PackageRefused(
            "trial_timeout",
            f"The golden cases took more than {limits.trial_seconds:g} seconds of a core.",
        )
    try:
        result = json.loads(answer)
    except ValueError:
        how = f"signal {-returncode}" if returncode < 0 else f"exit status {returncode}"
        raise PackageRefused(
            "trial_crashed", f"The process that ran the golden cases ended with {how} and gave no answer."
        ) from None
    if "code" in result:
        raise PackageRefused(str(result["code"]), str(result["detail"]))
    return Trial(**result)
