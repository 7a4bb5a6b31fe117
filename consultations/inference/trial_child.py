"""Runs a package's golden cases: `python -m consultations.inference.trial_child`, order on stdin.

The order is eight bytes of length, a JSON object, then the model. The answer is one JSON object on
stdout: the figures of `Trial`, or `code` and `detail` of a refusal.
"""

import json
import math
import resource
import statistics
import sys
import time
from collections.abc import Mapping
from typing import Any

from consultations.inference.errors import InferenceFailed, PackageRefused
from consultations.inference.limits import Limits
from consultations.inference.manifest import GoldenCase, Manifest
from consultations.inference.manifest_reader import parse_manifest
from consultations.inference.session import ORT_ERRORS, Outcome, Session

_REPEATS = 3
_FLOAT = "tensor(float)"
_MEMORY_WORDS = ("Failed to allocate memory", "bad_alloc", "bad allocation")


def confine(seconds: float, memory_bytes: int) -> None:
    """Limits that the kernel keeps, whatever the model does: address space, processor time, no files
    written, no core dump. Half a second is left for saying so."""
    processor = math.ceil(seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def try_out(
    model: bytes, manifest: Manifest, *, seconds: float, latency_limit_ms: float
) -> dict[str, float | int]:
    """Make the session and run every golden case; the figures of `Trial`."""
    started = time.perf_counter()
    try:
        session = Session(model, manifest, seconds=seconds)
    except ORT_ERRORS as error:
        raise _runtime_refusal(str(error), "model_rejected", "The runtime rejects model.onnx") from error
    check_shapes(session)
    session_ms = (time.perf_counter() - started) * 1000
    deviation, times = 0.0, []
    for case in manifest.golden:
        outcomes = []
        for _ in range(_REPEATS):
            before = time.perf_counter()
            outcomes.append(_run_case(session, case))
            times.append((time.perf_counter() - before) * 1000)
        if any(outcome.probabilities != outcomes[0].probabilities for outcome in outcomes):
            raise PackageRefused(
                "model_not_deterministic",
                f"Golden case “{case.name}” gives different answers when run again.",
            )
        deviation = max(deviation, compare(case, outcomes[0].probabilities))
    latency = statistics.median(times)
    if latency > latency_limit_ms:
        raise PackageRefused(
            "model_too_slow",
            f"One photo takes {latency:.0f} ms; {latency_limit_ms:.0f} ms are allowed.",
        )
    return {
        "session_ms": round(session_ms, 1),
        "latency_ms": round(latency, 2),
        "peak_mb": peak_megabytes(),
        "deviation": deviation,
        "cases": len(manifest.golden),
    }


def peak_megabytes() -> float:
    """The most memory this process held. Not `ru_maxrss`, which counts the parent before the exec."""
    with open("/proc/self/status") as status:
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return round(kilobytes * 1024 / 1_000_000, 1)


def compare(case: GoldenCase, found: Mapping[str, float]) -> float:
    """The largest absolute difference from what was expected; a refusal beyond the tolerance."""
    worst = max(case.expected, key=lambda label: abs(case.expected[label] - found[label]))
    difference = abs(case.expected[worst] - found[worst])
    if difference > case.tolerance:
        raise PackageRefused(
            "golden_mismatch",
            f"Golden case “{case.name}” expects {case.expected[worst]:.4f} for “{worst}”, the model gives "
            f"{found[worst]:.4f}, which is beyond the tolerance of {case.tolerance:g}.",
        )
    return difference


def check_shapes(session: Session) -> None:
    """Declared shapes and types agree with the manifest; a free dimension agrees with any size."""
    manifest = session.manifest
    inputs, outputs = session.shapes()
    wanted_in: dict[str, tuple[int, ...]] = {manifest.image.name: manifest.image.shape}
    if manifest.facts:
        wanted_in[manifest.facts.name] = (1, len(manifest.facts.features))
    for name, wanted in wanted_in.items():
        if not _agrees(inputs.get(name, []), wanted):
            raise PackageRefused(
                "model_input_shape",
                f"Input “{name}” has the shape {inputs.get(name)}; the manifest says {list(wanted)}.",
            )
    scores = outputs.get(manifest.output.scores, [])
    if not _agrees(scores, (1, len(manifest.labels))):
        raise PackageRefused(
            "model_output_shape",
            f"Output “{manifest.output.scores}” has the shape {scores} for {len(manifest.labels)} labels.",
        )
    types = session.types()
    for name in (*wanted_in, *manifest.output_names):
        if types.get(name) != _FLOAT:
            raise PackageRefused(
                "model_type", f"“{name}” is a {types.get(name)}; only {_FLOAT} is supported."
            )


def _agrees(declared: list[Any], wanted: tuple[int, ...]) -> bool:
    if len(declared) != len(wanted):
        return False
    return all(not isinstance(size, int) or size == want for size, want in zip(declared, wanted, strict=True))


def _run_case(session: Session, case: GoldenCase) -> Outcome:
    try:
        return session.run(case.image, case.facts)
    except InferenceFailed as failure:
        where = f"Golden case “{case.name}”"
        match failure.code:
            case "photo_unreadable":
                raise PackageRefused("golden_image_unreadable", f"{where} is no picture.") from failure
            case "inference_timeout":
                raise PackageRefused("trial_timeout", f"{where}: {failure.detail}") from failure
            case "inference_not_finite":
                raise PackageRefused("model_not_finite", f"{where} gives infinity or NaN.") from failure
            case "inference_shape":
                raise PackageRefused("model_output_shape", f"{where}: {failure.detail}") from failure
            case _:
                raise _runtime_refusal(failure.detail, "model_fails", f"{where} fails") from failure


def _runtime_refusal(words: str, code: str, what: str) -> PackageRefused:
    if any(sign in words for sign in _MEMORY_WORDS):
        return PackageRefused("trial_memory", f"{what}: it needs more memory than is allowed.")
    return PackageRefused(code, f"{what}: {words[:300]}")


def main() -> None:
    """Read the order, confine this process, answer."""
    stream = sys.stdin.buffer
    order = json.loads(stream.read(int.from_bytes(stream.read(8), "big")))
    model = stream.read()
    confine(order["seconds"], order["memory_bytes"])
    limits = Limits(manifest_bytes=order["manifest_bytes"])
    try:
        answer: Mapping[str, object] = try_out(
            model,
            parse_manifest(order["manifest"], limits),
            # The runtime is asked to stop a little before the parent would end this process.
            seconds=order["seconds"] * 0.8,
            latency_limit_ms=order["latency_ms"],
        )
    except PackageRefused as refusal:
        answer = {"code": refusal.code, "detail": refusal.detail}
    except MemoryError:
        answer = {"code": "trial_memory", "detail": "The golden cases need more memory than is allowed."}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
