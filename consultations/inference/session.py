"""A model ready to run: one onnxruntime session, used for many photos. Pure: no settings, no clock."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from consultations.inference.calibrate import probabilities
from consultations.inference.errors import InferenceFailed
from consultations.inference.manifest import Manifest
from consultations.inference.preprocess import FloatArray, Photograph, facts_tensor, picture_tensor

# onnxruntime's exceptions share no base but Exception.
ORT_ERRORS: tuple[type[Exception], ...] = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    RuntimeError,
    MemoryError,
)
_FATAL_ONLY = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """One photo's result: probability by label and, where exported, features (channels, h, w) with the
    weights (labels, channels) that turn them into scores."""

    probabilities: Mapping[str, float]
    features: FloatArray | None
    weights: FloatArray | None
    photo_size: tuple[int, int]


class Session:
    """An onnxruntime session with its manifest. Making one costs tens of milliseconds and must
    happen after a fork, as the runtime's threads do not survive one."""

    def __init__(self, model: bytes, manifest: Manifest, *, threads: int = 1, seconds: float = 10.0) -> None:
        """`seconds` bounds every run. Raises one of `ORT_ERRORS` where the runtime rejects the model."""
        self.manifest = manifest
        self._seconds = seconds
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL_ONLY
        options.use_deterministic_compute = True
        # Spinning threads would eat the cores that the other workers need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._ort = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def shapes(self) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """Declared shapes of inputs and outputs by name; a free dimension is a string or None."""
        inputs = {item.name: list(item.shape) for item in self._ort.get_inputs()}
        return inputs, {item.name: list(item.shape) for item in self._ort.get_outputs()}

    def types(self) -> dict[str, str]:
        """The tensor types of inputs and outputs by name, such as `tensor(float)`."""
        return {item.name: str(item.type) for item in [*self._ort.get_inputs(), *self._ort.get_outputs()]}

    def warm_up(self) -> None:
        """Run once on an empty picture, so that no patient waits for the runtime's first allocations."""
        feeds: dict[str, FloatArray] = {
            self.manifest.image.name: np.zeros(self.manifest.image.shape, np.float32)
        }
        if self.manifest.facts:
            feeds[self.manifest.facts.name] = facts_tensor({}, self.manifest.facts)
        self._run(feeds)

    def run(self, content: Photograph, facts: Mapping[str, object]) -> Outcome:
        """The calibrated outcome for one stored photo. Raises InferenceFailed: `photo_unreadable`,
        `inference_timeout`, `inference_error`, `inference_shape` or `inference_not_finite`."""
        picture, size = picture_tensor(content, self.manifest.image)
        feeds = {self.manifest.image.name: picture}
        if self.manifest.facts:
            feeds[self.manifest.facts.name] = facts_tensor(facts, self.manifest.facts)
        found = self._run(feeds)
        output = self.manifest.output
        scores = found[output.scores]
        count = len(self.manifest.labels)
        if scores.shape != (1, count):
            raise InferenceFailed(
                f"The model gave scores of shape {list(scores.shape)} for {count} labels.",
                code="inference_shape",
            )
        if not all(np.isfinite(values).all() for values in found.values()):
            raise InferenceFailed("The model gave numbers that are not finite.", code="inference_not_finite")
        values = probabilities(scores[0], output.activation, self.manifest.temperature)
        by_label = {
            label.label: float(value) for label, value in zip(self.manifest.labels, values, strict=True)
        }
        features, weights = self._sight(found)
        return Outcome(by_label, features, weights, size)

    def _sight(self, found: Mapping[str, FloatArray]) -> tuple[FloatArray | None, FloatArray | None]:
        output = self.manifest.output
        if output.features is None or output.weights is None:
            return None, None
        features, weights = found[output.features], found[output.weights]
        if features.ndim != 4 or weights.shape != (len(self.manifest.labels), features.shape[1]):
            raise InferenceFailed(
                f"Features of shape {list(features.shape)} and weights of shape {list(weights.shape)} do not "
                "fit each other and the labels.",
                code="inference_shape",
            )
        return features[0], weights

    def _run(self, feeds: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        options = onnxruntime.RunOptions()
        overrun = threading.Event()

        def stop() -> None:
            overrun.set()
            options.terminate = True

        watch = threading.Timer(self._seconds, stop)
        watch.daemon = True
        watch.start()
        names = self.manifest.output_names
        try:
            found = self._ort.run(list(names), dict(feeds), options)
        except ORT_ERRORS as error:
            if overrun.is_set():
                raise InferenceFailed(
                    f"The model needed more than {self._seconds:g} seconds.", code="inference_timeout"
                ) from error
            raise InferenceFailed(
                f"The runtime failed: {_first_line(error)}", code="inference_error"
            ) from error
        finally:
            watch.cancel()
        return {name: np.asarray(value, dtype=np.float32) for name, value in zip(names, found, strict=True)}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
