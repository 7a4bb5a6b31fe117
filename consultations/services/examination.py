"""Looking at the photos of one analysis: quality first, then the image model where it applies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consultations import selectors
from consultations.imaging import quality
from consultations.inference import active
from consultations.inference.prediction import Prediction, Standing
from consultations.inference.preprocess import decoded_once
from consultations.models import Photo
from consultations.services import photos as photo_service
from dermatech.core.counting import MODEL, Tally

NOT_USABLE = "The photo is not good enough for the image model; take it again as advised."


@dataclass(frozen=True, slots=True)
class Look:
    """What one photo showed."""

    photo: Photo
    quality: Mapping[str, Any]
    prediction: Prediction | None  # None: the photo was not good enough to ask

    @property
    def evidence(self) -> dict[str, Any] | None:
        """What the model said, as JSON; None when it said nothing."""
        said = self.prediction
        if said is None or said.standing is not Standing.USED:
            return None
        return {
            "photo": str(self.photo.pk),
            "label": said.label,
            "likelihoods": dict(said.likelihoods),
            "suspicious_score": said.suspicious_score,
            "threshold": said.threshold,
            "flag": said.flag,
        }

    @property
    def note(self) -> str:
        """The sentence that belongs beside the answer."""
        return NOT_USABLE if self.prediction is None else self.prediction.note


def look_at(
    photos: Sequence[Photo],
    *,
    presentation: str,
    facts: Mapping[str, Any],
    between: Callable[[], None],
    tally: Tally | None = None,
) -> list[Look]:
    """Judge every photo; `between` is called after each, to keep the lease. Raises StorageUnavailable."""
    looks = []
    tally = tally or Tally()
    for photo in photos:
        content = decoded_once(photo_service.picture_to_judge(photo))
        judged = quality.judge(content).as_dict()
        prediction = None
        if judged["usable"]:
            tone = (judged.get("skin_tone") or {}).get("group")
            with tally.timed(MODEL):
                prediction = active.predict(content, presentation=presentation, facts=facts, skin_tone=tone)
        looks.append(Look(photo, judged, prediction))
        between()
    return looks


def best(looks: Sequence[Look]) -> Look | None:
    """The photo whose quality the answer shows: a usable one, the sharpest."""
    return max(looks, key=lambda look: (look.quality["usable"], look.quality["sharpness"]), default=None)


def telling(looks: Sequence[Look]) -> Look | None:
    """The photo that speaks: the most suspicious one among those the model read."""
    spoken = [look for look in looks if look.evidence is not None]
    return max(spoken, key=lambda look: selectors.suspicion(look.evidence or {}), default=None)


def summary(looks: Sequence[Look]) -> dict[str, Any]:
    """The contract's parts about photos and model: `image_quality`, `suspicious_lesion`, `model`,
    and `image_note`, which says why there is no image evidence, or what to think of it."""
    speaker, clearest = telling(looks), best(looks)
    shown = speaker or next((look for look in looks if look.prediction is not None), clearest)
    said = shown.prediction.as_dict() if shown and shown.prediction else {}
    return {
        "image_quality": clearest.quality if clearest else None,
        "suspicious_lesion": said.get("suspicious_lesion"),
        "model": said.get("model"),
        "image_note": shown.note if shown else "There was no photo to look at.",
    }
