"""Doing an analysis again from what it kept: the answer must be the same, or the difference named."""

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from consultations import selectors
from consultations.inference import active
from consultations.models import Analysis, Photo, Status
from consultations.services import examination, storage
from consultations.services.case import Case
from consultations.services.evaluation import evaluate
from dermatech.core.errors import Unavailable, Unprocessable
from medications.selectors import formulary_of
from triage.selectors import knowledge_of

# Probabilities of one model on one picture may differ between processors in the last digits.
TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Replay:
    """Whether the same came out, and in plain words what did not."""

    analysis: Analysis
    differences: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def identical(self) -> bool:
        return not self.differences


def replay(*, actor: User | None, analysis_id: uuid.UUID) -> Replay:
    """Evaluate a finished analysis again under its pinned releases, its image model included where
    it is still installed. Changes nothing. Raises NotFound, Unprocessable."""
    analysis = selectors.analysis_for(actor, analysis_id)
    if analysis.status != Status.SUCCEEDED or analysis.guidelines_release is None:
        raise Unprocessable("Only an analysis that succeeded can be replayed.", code="analysis_not_finished")
    kept: dict[str, Any] = analysis.inputs or {}
    case = Case.from_dict(kept["case"])
    release = analysis.formulary_release
    again = evaluate(
        case,
        knowledge=knowledge_of(analysis.guidelines_release),
        formulary=None if release is None else formulary_of(release),
    )
    differences = list(_differences("", kept["outcome"], again.comparable()))
    seen, notes = _image(analysis, case)
    result = Replay(analysis, (*differences, *seen), tuple(notes))
    with transaction.atomic():
        audit.record(
            actor=actor,
            action=audit.Action.ANALYSIS_REPLAYED,
            entity=analysis,
            patient=analysis.consultation_id,
            purpose=audit.Purpose.QUALITY,
            detail={"identical": result.identical, "differences": len(result.differences)},
        )
    return result


def _differences(path: str, before: Any, after: Any) -> Iterator[str]:
    """The leaves that differ, each with its place."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from _differences(f"{path}.{name}".lstrip("."), before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(f"{path}.{index}", old, new)
    elif before != after:
        yield f"{path}: was {before!r}, now {after!r}"


def _image(analysis: Analysis, case: Case) -> tuple[list[str], list[str]]:
    """Differences and notes about the photos and the image evidence."""
    differences, notes = [], []
    for photo in analysis.photos.all():
        try:
            content = storage.read(photo.file.name)
        except Unavailable:
            notes.append(f"Photo {photo.pk} cannot be read now; its evidence was taken as kept.")
            continue
        if hashlib.sha256(content).hexdigest() != photo.sha256_out:
            differences.append(f"Photo {photo.pk} is not the picture that was analysed.")
        elif analysis.evidence and analysis.evidence["photo"] == str(photo.pk):
            found, said = _predict_again(analysis, photo, content, case)
            differences += found
            notes += said
    if analysis.model is None:
        notes.append("No image model took part.")
    return differences, notes


def _predict_again(
    analysis: Analysis, photo: Photo, content: bytes, case: Case
) -> tuple[list[str], list[str]]:
    if analysis.model is None or analysis.evidence is None:
        return [], []
    try:
        # The row was read without its manifest, which the model cannot run without.
        model = active.loaded(type(analysis.model).objects.get(pk=analysis.model.pk))
    except Unavailable:
        return [], [f"Image model {analysis.model} cannot be loaded; its evidence was taken as kept."]
    tone = ((photo.quality or {}).get("skin_tone") or {}).get("group")
    look = examination.Look(
        photo,
        photo.quality or {},
        model.predict(content, presentation=case.presentation, facts=case.model_facts, skin_tone=tone),
    )
    again = look.evidence
    if again is None:
        return [f"Image model {analysis.model} said nothing this time."], []
    return list(_drift(analysis.evidence, again)), []


def _drift(kept: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[str]:
    for name in ("label", "flag"):
        if kept[name] != again[name]:
            yield f"image.{name}: was {kept[name]!r}, now {again[name]!r}"
    before, after = kept["suspicious_score"] or 0.0, again["suspicious_score"] or 0.0
    if abs(before - after) > TOLERANCE:
        yield f"image.suspicious_score: was {before:.3f}, now {after:.3f}"
