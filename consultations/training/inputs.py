"""The facts that the model takes beside the picture, as the package's manifest lists them.

An unknown fact is given the value that says nothing: the average patient, the average lesion, no part of
the body. In training answers are forgotten at random, so that their absence tells nothing either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from consultations.inference.manifest import FactsInput, Feature, FeatureKind
from consultations.inference.preprocess import facts_tensor

FLAGS = ("lesion_itches", "lesion_bleeds", "lesion_grew", "lesion_changed", "lesion_raised")
# Parts of the body that take the sun alike; a lesion in two places of one part counts once.
PARTS: Mapping[str, tuple[str, ...]] = {
    "head": (
        "scalp",
        "face",
        "forehead",
        "nose",
        "lips",
        "mouth",
        "eyelids",
        "periorbital",
        "ears",
    ),
    "neck": ("neck",),
    "trunk": ("trunk", "chest", "breast", "back", "abdomen"),
    "arms": ("arms", "elbows", "wrists", "hands"),
    "legs": ("thighs", "legs", "knees", "ankles", "feet"),
}
COLUMNS = ("age", *FLAGS, *PARTS)
_AGE_BOUND = 5.0
Matrix = npt.NDArray[np.float32]


def described(known: Sequence[Mapping[str, object]]) -> FactsInput:
    """The input, its averages taken from the facts of the training pictures."""
    ages = [float(facts["age_months"]) for facts in known if "age_months" in facts]  # type: ignore[arg-type]
    mean, spread = round(float(np.mean(ages)), 1), round(float(np.std(ages)), 1)
    features = [Feature("age_months", FeatureKind.NUMBER, "", mean, spread, 0.0)]
    for name in FLAGS:
        answers = [bool(facts[name]) for facts in known if name in facts]
        features.append(Feature(name, FeatureKind.FLAG, "", 0.0, 1.0, round(float(np.mean(answers)), 3)))
    for sites in PARTS.values():
        features += [Feature("body_sites", FeatureKind.CONTAINS, site, 0.0, 1.0, 0.0) for site in sites]
    return FactsInput(name="facts", features=tuple(features))


def grouping() -> tuple[Matrix, Matrix]:
    """`matrix` (features, columns) sums the sites of one part, `ceiling` (columns,) counts them once."""
    singles = 1 + len(FLAGS)
    matrix = np.zeros((singles + sum(map(len, PARTS.values())), len(COLUMNS)), np.float32)
    matrix[range(singles), range(singles)] = 1
    row = singles
    for column, sites in enumerate(PARTS.values(), start=singles):
        matrix[row : row + len(sites), column] = 1
        row += len(sites)
    ceiling = np.ones(len(COLUMNS), np.float32)
    ceiling[0] = _AGE_BOUND
    return matrix, ceiling


def encode(facts: Sequence[Mapping[str, object]], wanted: FactsInput) -> Matrix:
    """(lesions, columns), by the product's own encoder."""
    matrix, ceiling = grouping()
    rows = np.concatenate([facts_tensor(each, wanted) for each in facts])
    return np.minimum(rows @ matrix, ceiling)


def unknown(wanted: FactsInput) -> Matrix:
    """The columns of a lesion of which nothing is known, (columns,)."""
    row: Matrix = encode([{}], wanted)[0]
    return row


def as_manifest(wanted: FactsInput) -> dict[str, object]:
    """For manifest.json."""
    features = []
    for feature in wanted.features:
        row = asdict(feature)
        if not feature.value:
            del row["value"]
        features.append(row)
    return {"name": wanted.name, "features": features}
