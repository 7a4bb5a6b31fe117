"""A second model on the same photos, silently: asked after the answer is given, never heard in it.

It runs in the queue that workers empty last, one photo after the other in a thread of the lowest
priority, and writes rows of its own only. Whatever fails here costs a row of statistics.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import DatabaseError

from consultations.inference import active, heap
from consultations.inference.prediction import Prediction, Standing
from consultations.inference.preprocess import decoded_once
from consultations.models import Analysis, Photo, ShadowRun, Status
from consultations.models.modelversion import ModelState, ModelVersion
from consultations.services import photos as photo_service
from consultations.services.case import Case
from consultations.services.dispatch import Queue, publisher
from dermatech.core.errors import Unavailable

logger = logging.getLogger(__name__)

TASK = "consultations.tasks.shadow"
_LOWEST_PRIORITY = 19


def version_in_shadow() -> ModelVersion | None:
    """The model that runs in shadow; there is at most one."""
    return ModelVersion.objects.filter(state=ModelState.SHADOW).first()


def ask(analysis_id: uuid.UUID) -> bool:
    """Let the model in shadow see the photos of a finished analysis, some time. Whether it was asked;
    never raises, as the answer is given already."""
    try:
        if not ModelVersion.objects.filter(state=ModelState.SHADOW).exists():
            return False
    except DatabaseError:
        logger.warning("nobody could be asked for a shadow run of %s", analysis_id, exc_info=True)
        return False
    return publisher.tell(TASK, [str(analysis_id)], queue=Queue.SHADOW)


def run_shadow(analysis_id: uuid.UUID) -> int:
    """Read the photos of a finished analysis with the model in shadow; how many rows that gave. Photos
    that it has read already, that are not good enough or out of its scope are left out."""
    version = version_in_shadow()
    analysis = (
        Analysis.objects.select_related("consultation")
        .filter(pk=analysis_id, status=Status.SUCCEEDED)
        .first()
    )
    if version is None or analysis is None or not analysis.inputs:
        return 0
    case = Case.from_dict(analysis.inputs["case"])
    if case.presentation not in version.scope:
        return 0
    wanted = _unread(analysis, version)
    if not wanted:
        return 0
    with ThreadPoolExecutor(max_workers=1, initializer=_step_back) as calm:
        try:
            model = calm.submit(active.loaded, version).result()
            rows = [_row(analysis, photo, case, model, calm) for photo in wanted]
        except Unavailable as error:  # the store or the model's file is away: not worth another try
            logger.warning("no shadow run of analysis %s: %s", analysis_id, error.code)
            return 0
    heap.give_back()  # the thread that read them is gone, and what it held stays with the process
    return len(ShadowRun.objects.bulk_create(rows, ignore_conflicts=True))


def _unread(analysis: Analysis, version: ModelVersion) -> Sequence[Photo]:
    read = ShadowRun.objects.filter(model=version).values("photo")
    photos = analysis.photos.exclude(pk__in=read)
    return [photo for photo in photos if (photo.quality or {}).get("usable")]


def _row(
    analysis: Analysis, photo: Photo, case: Case, model: active.LoadedModel, calm: ThreadPoolExecutor
) -> ShadowRun:
    tone = ((photo.quality or {}).get("skin_tone") or {}).get("group")
    content = decoded_once(photo_service.picture_to_judge(photo))

    def look() -> tuple[Prediction, float]:
        began = time.perf_counter()
        said = model.predict(content, presentation=case.presentation, facts=case.model_facts, skin_tone=tone)
        return said, (time.perf_counter() - began) * 1000

    said, milliseconds = calm.submit(look).result()
    spoke = said.standing is Standing.USED
    return ShadowRun(
        model_id=model.version_id,
        analysis=analysis,
        photo=photo,
        failed=not spoke,
        label=(said.label or "")[:100],
        score=said.suspicious_score,
        flag=said.flag if said.suspicious_score is not None else None,
        milliseconds=milliseconds,
        **_answered(analysis, photo),
    )


def _answered(analysis: Analysis, photo: Photo) -> dict[str, Any]:
    """What the answer rested on, where it was this photo and another model."""
    evidence = analysis.evidence or {}
    if analysis.model_id is None or evidence.get("photo") != str(photo.pk):
        return {}
    return {
        "answered_by_id": analysis.model_id,
        "answered_label": str(evidence["label"])[:100],
        "answered_score": evidence["suspicious_score"],
        "answered_flag": evidence["flag"] if evidence["suspicious_score"] is not None else None,
    }


def _step_back() -> None:
    """This thread alone gives way to every other one (on Linux, niceness is a thread's own)."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
