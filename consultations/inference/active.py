"""The models in force, made ready once per process and kept until another one takes their place."""

import hashlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from consultations.inference import heap
from consultations.inference.errors import InferenceFailed, PackageRefused
from consultations.inference.limits import DEFAULT_LIMITS
from consultations.inference.manifest import Manifest
from consultations.inference.manifest_reader import parse_manifest
from consultations.inference.prediction import Prediction, failed, from_outcome, no_model, out_of_scope
from consultations.inference.preprocess import Photograph
from consultations.inference.session import ORT_ERRORS, Session
from consultations.models.modelversion import ModelState, ModelVersion
from consultations.services import storage
from dermatech.core import env
from dermatech.core.errors import Unavailable

logger = logging.getLogger(__name__)

# The active one, and one more that is replayed or runs in its shadow.
_KEPT = 2
# A model that could not be loaded is not tried again for every photo.
_RETRY_AFTER_SECONDS = 60.0
_RUN_SECONDS = 10.0
_LOAD_ERRORS: tuple[type[Exception], ...] = (Unavailable, PackageRefused, *ORT_ERRORS)
UNAVAILABLE = "The installed image model could not be loaded, so this answer does not use it."
FAILED = "The image model failed on this photo, so this answer does not use it."


class ModelUnavailable(Unavailable):
    """503: a model version is installed but cannot be made ready."""

    code = "model_unavailable"
    detail = UNAVAILABLE


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model version with its session, ready to run in this process."""

    version_id: uuid.UUID
    manifest: Manifest
    session: Session

    def covers(self, presentation: str | None) -> bool:
        """Whether the model was made for this presentation."""
        return presentation in self.manifest.scope

    def predict(
        self,
        content: Photograph,
        *,
        presentation: str | None,
        facts: Mapping[str, object],
        skin_tone: str | None = None,
    ) -> Prediction:
        """Evidence of one stored photo. `facts` by name, unknown ones left out; `skin_tone` is the
        ITA group. Never raises for a photo or a model that fails: it says so in the prediction."""
        if not self.covers(presentation):
            prediction = out_of_scope(self.manifest, presentation)
        else:
            try:
                outcome = self.session.run(content, facts)
                prediction = from_outcome(outcome, self.manifest, skin_tone)
            except InferenceFailed as failure:
                logger.error("image model %s failed: %s: %s", self.version_id, failure.code, failure.detail)
                prediction = failed(FAILED, self.manifest)
        return replace(prediction, version_id=self.version_id)


class _Process:
    """What this process holds. A fork starts with nothing, as sessions do not survive one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loaded: dict[tuple[uuid.UUID, str], LoadedModel] = {}
        self.broken: dict[uuid.UUID, float] = {}


_process = _Process()


def forget() -> None:
    """Drop every session of this process; the next use makes them anew."""
    global _process  # noqa: PLW0603  # one holder per process, replaced whole
    _process = _Process()


os.register_at_fork(after_in_child=forget)


def active_version() -> ModelVersion | None:
    """The row of the active model; None where none is installed and active."""
    # The manifest carries its golden pictures; it is fetched only when a session is made.
    return ModelVersion.objects.filter(state=ModelState.ACTIVE).defer("manifest", "checks").first()


def active_model() -> LoadedModel | None:
    """The active model, ready to run; None where none is. Raises ModelUnavailable."""
    version = active_version()
    return None if version is None else loaded(version)


def loaded(version: ModelVersion) -> LoadedModel:
    """One version ready to run, made ready on first use. Raises ModelUnavailable."""
    holder, key = _process, (version.pk, version.sha256)
    with holder.lock:
        if key in holder.loaded:
            return holder.loaded[key]
        if time.monotonic() < holder.broken.get(version.pk, 0.0):
            raise ModelUnavailable
        try:
            model = _load(version)
        except ModelUnavailable:
            holder.broken[version.pk] = time.monotonic() + _RETRY_AFTER_SECONDS
            raise
        while len(holder.loaded) >= _KEPT:
            del holder.loaded[next(iter(holder.loaded))]
        holder.loaded[key] = model
        holder.broken.pop(version.pk, None)
        return model


def predict(
    content: Photograph,
    *,
    presentation: str | None,
    facts: Mapping[str, object],
    skin_tone: str | None = None,
) -> Prediction:
    """What the active model says of one stored photo; where there is none, it is out of its scope or it
    fails, a prediction without evidence whose `note` says so."""
    try:
        model = active_model()
    except ModelUnavailable:
        return failed(UNAVAILABLE)
    if model is None:
        return no_model()
    return model.predict(content, presentation=presentation, facts=facts, skin_tone=skin_tone)


def warm() -> bool:
    """Make the active model ready before the first photo comes; whether there is one that works."""
    try:
        return active_model() is not None
    except ModelUnavailable:
        return False  # logged where it happened; photos are analysed without it


def _load(version: ModelVersion) -> LoadedModel:
    started = time.perf_counter()
    try:
        content = storage.read(version.storage_key)
        if hashlib.sha256(content).hexdigest() != version.sha256:
            raise ModelUnavailable("The stored model file is not the one that was installed.")
        manifest = parse_manifest(version.manifest, DEFAULT_LIMITS)
        threads = env.integer("INFERENCE_THREADS", default=1, low=1, high=64)
        session = Session(content, manifest, threads=threads, seconds=_RUN_SECONDS)
        session.warm_up()
        del content  # the session holds its own copy
    except _LOAD_ERRORS as error:
        logger.error("image model %s %s cannot be loaded: %s", version.name, version.version, error)
        raise ModelUnavailable from error
    heap.give_back()
    spent = (time.perf_counter() - started) * 1000
    logger.info("image model %s %s ready after %.0f ms", version.name, version.version, spent)
    return LoadedModel(version.pk, manifest, session)
