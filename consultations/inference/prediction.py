"""What an image model has to say about one photo, with its own account of itself."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from consultations.inference.calibrate import likelihoods, suspicious_score
from consultations.inference.heatmap import activation_map, overlay_png
from consultations.inference.manifest import Activation, Manifest
from consultations.inference.preprocess import FloatArray
from consultations.inference.session import Outcome
from triage.engine import ImageEvidence

NO_MODEL = "No image model is installed; this answer rests on the findings and facts alone."


class Standing(StrEnum):
    """Whether the photo became evidence, and if not, why."""

    USED = "used"
    OUT_OF_SCOPE = "out_of_scope"
    NO_MODEL = "no_model"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a heat map is painted from: features (channels, h, w), weights (channels,) of the label
    that is explained, and the photo's (width, height)."""

    features: FloatArray
    weights: npt.NDArray[np.float64]
    photo_size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Evidence of one photo. Outside `Standing.USED` every figure is empty: the photo says nothing.

    `likelihoods` are by condition, 1 saying nothing; a suspicious condition is never below 1 and
    another never above, so a photo can raise urgency and not lower it. `note` is the sentence that
    belongs beside the answer.
    """

    standing: Standing
    note: str
    manifest: Manifest | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    likelihoods: Mapping[str, float] = field(default_factory=dict)
    label: str | None = None
    suspicious_score: float | None = None
    threshold: float | None = None
    sight: Sight | None = None
    version_id: uuid.UUID | None = None

    @property
    def flag(self) -> bool:
        """Whether the lesion is to be seen by a doctor because of the photo."""
        score, threshold = self.suspicious_score, self.threshold
        return score is not None and threshold is not None and score >= threshold

    def heatmap_png(self) -> bytes | None:
        """The overlay as a PNG file; None where the model exports no features or was not used."""
        if self.sight is None or self.manifest is None:
            return None
        activation = activation_map(self.sight.features, self.sight.weights)
        return overlay_png(activation, self.sight.photo_size, self.manifest.image)

    def as_evidence(self) -> ImageEvidence | None:
        """For the differential; None where the photo says nothing."""
        if self.standing is not Standing.USED or self.label is None:
            return None
        return ImageEvidence(
            likelihoods=self.likelihoods,
            label=self.label,
            suspicious_score=self.suspicious_score,
            threshold=self.threshold,
        )

    def as_dict(self) -> dict[str, object]:
        """The contract's objects `suspicious_lesion` and `model`, each null where there is none."""
        suspicious: dict[str, object] | None = None
        if self.suspicious_score is not None:
            suspicious = {
                "score": round(self.suspicious_score, 4),
                "threshold": self.threshold,
                "flag": self.flag,
            }
        return {"suspicious_lesion": suspicious, "model": describe(self.manifest) if self.manifest else None}


def describe(manifest: Manifest) -> dict[str, object]:
    """The contract's `model` object."""
    return {
        "name": manifest.name,
        "version": manifest.version,
        "sha256": manifest.sha256,
        "clinical_use": manifest.clinical_use,
        "scope": list(manifest.scope),
    }


def no_model() -> Prediction:
    """The answer where nothing is installed."""
    return Prediction(Standing.NO_MODEL, NO_MODEL)


def out_of_scope(manifest: Manifest, presentation: str | None) -> Prediction:
    """The answer where the model was not made for this presentation."""
    what = f"a {presentation}" if presentation else "an unknown presentation"
    made_for = " or ".join(manifest.scope)
    note = f"The image model is made for photos of a {made_for}, not of {what}; it was not asked."
    return Prediction(Standing.OUT_OF_SCOPE, note, manifest)


def failed(note: str, manifest: Manifest | None = None) -> Prediction:
    """The answer where the model could not be used although it should have been."""
    return Prediction(Standing.FAILED, note, manifest)


def from_outcome(outcome: Outcome, manifest: Manifest, skin_tone: str | None) -> Prediction:
    """The evidence in one outcome, judged by the threshold that holds for this skin tone."""
    by_label = outcome.probabilities
    score = suspicious_score(by_label, manifest.labels, manifest.output.activation)
    threshold = None if score is None else manifest.thresholds.for_tone(skin_tone)
    sight = None
    if outcome.features is not None and outcome.weights is not None:
        weights = _explained(by_label, manifest, outcome.weights.astype(np.float64))
        sight = Sight(outcome.features, weights, outcome.photo_size)
    return Prediction(
        standing=Standing.USED,
        note=_note(manifest, skin_tone),
        manifest=manifest,
        probabilities=dict(by_label),
        likelihoods=likelihoods(by_label, manifest.labels),
        label=max(by_label, key=lambda name: by_label[name]),
        suspicious_score=score,
        threshold=threshold,
        sight=sight,
    )


def _explained(
    by_label: Mapping[str, float], manifest: Manifest, weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Weights of what the map explains: what speaks for the suspicious labels, weighed by their
    probability; for a model without such labels, for the likeliest one. Where it glows is relative
    within one photo: a harmless lesion has a warmest place too."""
    shares = np.array([by_label[label.label] for label in manifest.labels])
    suspicious = np.array([label.suspicious for label in manifest.labels])
    chosen = suspicious if suspicious.any() else np.arange(len(shares)) == int(shares.argmax())
    shares = np.where(chosen, shares, 0.0)
    combined: npt.NDArray[np.float64] = shares @ weights
    if manifest.output.activation is Activation.SOFTMAX:
        # Softmax ignores what all labels share, so the map does too.
        combined = combined - shares.sum() * weights.mean(axis=0)
    return combined


def _note(manifest: Manifest, skin_tone: str | None) -> str:
    sentences = [f"The photo was read by {manifest.name} {manifest.version}."]
    if not manifest.clinical_use:
        sentences.append("This model is not approved for clinical use; it may raise urgency, never lower it.")
    if skin_tone not in manifest.thresholds.validated_skin_tones:
        skin = f"{skin_tone.replace('_', ' ')} skin" if skin_tone else "skin of unknown tone"
        sentences.append(f"It is not validated on {skin}, so the more cautious threshold was used.")
    return " ".join(sentences)
