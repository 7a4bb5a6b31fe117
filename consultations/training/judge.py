"""What the cross-validated scores say: calibration, thresholds and every figure of the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consultations.inference.manifest import SKIN_TONES
from consultations.training import figures
from consultations.training.data import CANCER, LABELS, SUSPICIOUS
from consultations.training.learn import Judged

# Sensitivity that the thresholds are set for, on photographs that no part of the model has seen. A little
# more than the 0.90 that is promised: the next patients are others.
USUAL, CAUTIOUS = 0.93, 0.98
# Skin on which the thresholds were set. Fitzpatrick I to III at the clinic; what ITA calls tan, brown or
# dark in these photographs is mostly the same skin in poor light, and proves nothing for darker skin.
VALIDATED = ("very_light", "light", "intermediate")

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Measured = tuple[float, float, float]  # figure, and its 95 % interval

_SUSPICIOUS = np.array([label in SUSPICIOUS for label in LABELS])
_CANCER = np.array([label in CANCER for label in LABELS])


@dataclass(frozen=True, slots=True)
class Setting:
    """What the scores are turned into answers with."""

    temperature: float
    usual: float
    cautious: float


@dataclass(frozen=True, slots=True)
class Variant:
    """The same photographs read in one way: probabilities (n, labels), calibrated by the other folds."""

    name: str
    probabilities: Floats

    @property
    def score(self) -> Floats:
        """How suspicious each is, as the product adds it up."""
        total: Floats = self.probabilities[:, _SUSPICIOUS].sum(axis=1)
        return total

    @property
    def cancer(self) -> Floats:
        total: Floats = self.probabilities[:, _CANCER].sum(axis=1)
        return total


@dataclass(frozen=True, slots=True)
class Tested:
    """Everything a figure is taken from. `tone` is the ITA group of each photograph, or None; `pen` is
    whether a pen mark shows."""

    judged: Judged
    tones: tuple[str | None, ...]
    pens: tuple[bool, ...]
    setting: Setting
    variants: tuple[Variant, ...]
    held_out: Mapping[str, float]
    """Sensitivity and specificity where each fold's threshold was set on the other folds."""

    @property
    def truth(self) -> Flags:
        return np.array([each.suspicious for each in self.judged.lesions])

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(each.label for each in self.judged.lesions)

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(each.patient for each in self.judged.lesions)

    @property
    def thresholds(self) -> Floats:
        """The threshold that the product would apply to each photograph."""
        usual, cautious = self.setting.usual, self.setting.cautious
        return np.array([usual if tone in VALIDATED else cautious for tone in self.tones])


def test(judged: Judged, tones: Sequence[str | None], pens: Sequence[bool]) -> Tested:
    """Calibrate and set thresholds; what is reported of a fold was set on the other folds."""
    labels = np.array([LABELS.index(each.label) for each in judged.lesions])
    truth = np.array([each.suspicious for each in judged.lesions])
    read = {"picture and findings": judged.with_facts, "picture alone": judged.picture_alone}
    both = np.concatenate(list(read.values()))
    calibrated = {name: np.zeros_like(scores) for name, scores in read.items()}
    for fold in np.unique(judged.fold):
        here = judged.fold == fold
        others = np.tile(~here, len(read))
        heat = figures.temperature(both[others], np.tile(labels, len(read))[others])
        for name, scores in read.items():
            calibrated[name][here] = figures.softmax(scores[here], heat)
    variants = tuple(Variant(name, found) for name, found in calibrated.items())
    facts = figures.softmax(judged.facts_alone, figures.temperature(judged.facts_alone, labels))
    cancer = np.array([each.label in CANCER for each in judged.lesions])
    setting = Setting(
        temperature=figures.temperature(both, np.tile(labels, len(read))),
        usual=_threshold((truth, cancer), variants, USUAL),
        cautious=_threshold((truth, cancer), variants, CAUTIOUS),
    )
    return Tested(
        judged,
        tuple(tones),
        tuple(pens),
        setting,
        (*variants, Variant("findings alone", facts)),
        _held_out(judged, (truth, cancer), variants),
    )


def _threshold(kinds: tuple[Flags, Flags], variants: Sequence[Variant], wanted: float) -> float:
    """One threshold that keeps the sensitivity however much is known of the lesion, for all that is
    suspicious and for the cancers among it, which are harder to see than actinic keratosis."""
    return min(figures.threshold_for(kind, each.score, wanted) for kind in kinds for each in variants)


def _held_out(judged: Judged, kinds: tuple[Flags, Flags], variants: Sequence[Variant]) -> dict[str, float]:
    truth, cancer = kinds
    flagged = {each.name: np.zeros(len(truth), dtype=np.bool_) for each in variants}
    for fold in np.unique(judged.fold):
        here = judged.fold == fold
        apart = [Variant(each.name, each.probabilities[~here]) for each in variants]
        limit = _threshold((truth[~here], cancer[~here]), apart, USUAL)
        for each in variants:
            flagged[each.name][here] = each.score[here] >= limit
    result = {}
    for name, flags in flagged.items():
        result[f"{name}: sensitivity"] = float(flags[truth].mean())
        result[f"{name}: specificity"] = float((~flags[~truth]).mean())
    return result


# --- Figures ------------------------------------------------------------------------------------
def overall(tested: Tested, variant: Variant) -> dict[str, Measured]:
    """Every figure over all photographs with its interval."""
    truth, score, setting = tested.truth, variant.score, tested.setting
    cancer = np.array([label in CANCER for label in tested.labels])
    limits = tested.thresholds
    named: dict[str, Callable[[npt.NDArray[np.int64]], float]] = {
        "auc_suspicious": lambda at: figures.auc(truth[at], score[at]),
        "auc_cancer": lambda at: figures.auc(cancer[at], variant.cancer[at]),
        "sensitivity": lambda at: figures.sensitivity(truth[at], score[at], setting.usual),
        "specificity": lambda at: figures.specificity(truth[at], score[at], setting.usual),
        "sensitivity_cancer": lambda at: figures.sensitivity(cancer[at], score[at], setting.usual),
        "sensitivity_cautious": lambda at: figures.sensitivity(truth[at], score[at], setting.cautious),
        "specificity_cautious": lambda at: figures.specificity(truth[at], score[at], setting.cautious),
        "sensitivity_as_used": lambda at: float((score >= limits)[at][truth[at]].mean()),
        "specificity_as_used": lambda at: float((score < limits)[at][~truth[at]].mean()),
        "ece": lambda at: figures.ece(truth[at], score[at]),
    }
    every = np.arange(len(truth))
    return {name: (figure(every), *figures.interval(figure, tested.people)) for name, figure in named.items()}


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the photographs. Figures that need both kinds are left out where one is missing."""

    by: str
    name: str
    n: int
    suspicious: int
    values: Mapping[str, float]


def groups(tested: Tested, variant: Variant) -> list[Group]:
    """By skin, age, diagnosis and pen mark. Small groups stay in the list with their size."""
    lesions = tested.judged.lesions
    kinds: dict[str, list[str]] = {
        "Fitzpatrick type": [str(each.fitzpatrick or "not noted") for each in lesions],
        "ITA group of the photo": [tone or "not measurable" for tone in tested.tones],
        "age": [_age(each.facts.get("age_months")) for each in lesions],
        "diagnosis": list(tested.labels),
        "pen mark": ["seen" if pen else "none seen" for pen in tested.pens],
    }
    orders = {
        "Fitzpatrick type": [*"123456", "not noted"],
        "ITA group of the photo": [*SKIN_TONES, "not measurable"],
        "age": ["under 40", "40 to 59", "60 and over"],
    }
    return [
        _group(tested, variant, by, name, np.array([each == name for each in of]))
        for by, of in kinds.items()
        for name in orders.get(by, sorted(set(of)))
    ]


def _age(months: object) -> str:
    if not isinstance(months, int):
        return "not noted"
    return "under 40" if months < 480 else "40 to 59" if months < 720 else "60 and over"


def _group(tested: Tested, variant: Variant, by: str, name: str, inside: Flags) -> Group:
    truth, score = tested.truth[inside], variant.score[inside]
    limits = tested.thresholds[inside]
    values = {
        "auc_suspicious": figures.auc(truth, score),
        "sensitivity": figures.sensitivity(truth, score, tested.setting.usual),
        "specificity": figures.specificity(truth, score, tested.setting.usual),
        "sensitivity_as_used": float((score >= limits)[truth].mean()) if truth.any() else float("nan"),
        "specificity_as_used": float((score < limits)[~truth].mean()) if (~truth).any() else float("nan"),
    }
    kept = {key: round(value, 3) for key, value in values.items() if np.isfinite(value)}
    return Group(by, name, int(inside.sum()), int(truth.sum()), kept)
