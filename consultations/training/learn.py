"""From pictures to heads: views made and read once, then one linear layer per fold and one for all."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from consultations.inference.manifest import FactsInput
from consultations.inference.preprocess import picture_tensor
from consultations.training import backbone, inputs, views
from consultations.training.data import LABELS, Lesion
from consultations.training.export import model_of
from consultations.training.figures import folds
from consultations.training.head import Examples, Head, fit, forget

logger = logging.getLogger(__name__)

Matrix = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]
HEAD_SHAPES = ((len(LABELS), backbone.FEATURES), (len(LABELS), len(inputs.COLUMNS)), (len(LABELS),))


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides what comes out, but the data."""

    seed: int = 20
    threads: int = 2
    folds: int = 5
    raw_views: int = 12
    crop_views: int = 2
    crop_weight: float = 0.3
    balance: float = 1.0
    """0: each diagnosis counts as often as it comes among the photographs; 1: all count the same."""
    picture_decay: float = 0.07
    facts_decay: float = 0.01


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network saw. `views` (v, channels) are of picture `owner` (v,); `plain` (raw pictures,
    channels) are the photographs as the product will give them."""

    views: Matrix
    owner: Index
    plain: Matrix


def look(lesions: Sequence[Lesion], settings: Settings, network: Any) -> Seen:
    """Run the network over every view of every picture, the slow part.

    It runs as the file that will be shipped, in the runtime that will run it: what the head learns from is
    what it will be given.
    """
    blank = Head(*(np.zeros(shape, np.float32) for shape in HEAD_SHAPES))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model_of(network, blank)[0], options)
    answers = np.zeros((1, len(inputs.grouping()[0])), np.float32)

    def features(tensor: Matrix) -> Matrix:
        (maps,) = session.run(["features"], {"image": tensor, "facts": answers})
        pooled: Matrix = maps[0].mean(axis=(1, 2))
        return pooled

    def one(place: int) -> tuple[list[Matrix], Matrix | None]:
        lesion = lesions[place]
        seen = [features(tensor) for tensor in _tensors(lesion, place, settings)]
        if place % 100 == 0:
            logger.info("%d of %d pictures seen", place, len(lesions))
        whole = picture_tensor(lesion.path.read_bytes(), backbone.INPUT)[0] if lesion.raw else None
        return seen, None if whole is None else features(whole)

    with ThreadPoolExecutor(settings.threads) as pool:
        results = list(pool.map(one, range(len(lesions))))
    owner = [place for place, (seen, _) in enumerate(results) for _ in seen]
    plain = [whole for _, whole in results if whole is not None]
    return Seen(np.stack([row for seen, _ in results for row in seen]), np.array(owner), np.stack(plain))


def _tensors(lesion: Lesion, place: int, settings: Settings) -> Iterator[Matrix]:
    random = np.random.default_rng((settings.seed, place))
    with Image.open(lesion.path) as file:
        picture = file.convert("RGB")
    make = views.raw_view if lesion.raw else views.crop_view
    for _ in range(settings.raw_views if lesion.raw else settings.crop_views):
        yield backbone.tensor_of(make(picture, backbone.SIDE, random))


def train(
    lesions: Sequence[Lesion],
    seen: Seen,
    chosen: npt.NDArray[np.bool_],
    facts: FactsInput,
    settings: Settings,
) -> Head:
    """The head learnt from the chosen pictures."""
    use = chosen[seen.owner]
    owner = seen.owner[use]
    raw = np.array([each.raw for each in lesions])
    labels = np.array([LABELS.index(each.label) for each in lesions])
    shares = np.where(raw, 1 / settings.raw_views, settings.crop_weight / settings.crop_views)
    shares = shares * _balance(labels[raw & chosen], labels[owner], shares[owner], settings.balance)[labels]
    random = np.random.default_rng(settings.seed)
    known = inputs.encode([each.facts for each in lesions], facts)[owner]
    return fit(
        Examples(
            features=seen.views[use],
            facts=forget(known, inputs.unknown(facts), random),
            labels=labels[owner],
            weights=shares[owner].astype(np.float32),
        ),
        labels=len(LABELS),
        picture_decay=settings.picture_decay,
        facts_decay=settings.facts_decay,
    )


def _balance(
    photos: Index, views: Index, shares: npt.NDArray[np.float64], balance: float
) -> npt.NDArray[np.float64]:
    """The factor for each label, so that they count as among the photographs, or more evenly."""
    count = len(LABELS)
    wanted = np.bincount(photos, minlength=count) ** (1 - balance)
    found = np.bincount(views, weights=shares, minlength=count)
    return np.asarray(wanted / wanted.sum() / (found / found.sum()))


@dataclass(frozen=True, slots=True)
class Judged:
    """Raw photographs, each scored by a head that never saw its patient: scores (n, labels) with all the
    facts there are and with none. `fold` (n,) says which head it was."""

    lesions: tuple[Lesion, ...]
    fold: Index
    with_facts: npt.NDArray[np.float64]
    picture_alone: npt.NDArray[np.float64]
    facts_alone: npt.NDArray[np.float64]


def cross_validate(lesions: Sequence[Lesion], seen: Seen, settings: Settings) -> Judged:
    """Every raw photograph judged by the head of the folds that its patient is not in."""
    photos = tuple(each for each in lesions if each.raw)
    fold = folds(
        [each.patient for each in photos], [each.label for each in photos], settings.folds, settings.seed
    )
    scores = [np.zeros((len(photos), len(LABELS))) for _ in range(3)]
    for number in range(settings.folds):
        out = fold == number
        held = {each.patient for each, apart in zip(photos, out, strict=True) if apart}
        chosen = np.array([each.patient not in held for each in lesions])
        facts = inputs.described([each.facts for each, use in zip(lesions, chosen, strict=True) if use])
        head = train(lesions, seen, chosen, facts, settings)
        known = inputs.encode([each.facts for each in photos], facts)[out]
        nothing = np.broadcast_to(inputs.unknown(facts), known.shape)
        average = np.broadcast_to(seen.views[chosen[seen.owner]].mean(0), seen.plain[out].shape)
        scores[0][out] = head.scores(seen.plain[out], known)
        scores[1][out] = head.scores(seen.plain[out], nothing)
        scores[2][out] = head.scores(average, known)
        logger.info("fold %d of %d judged", number + 1, settings.folds)
    return Judged(photos, fold, *scores)


def cached(path: Path | None, make: Any) -> Seen:
    """What the network saw, read from `path` where an earlier run kept it."""
    if path is not None and path.exists():
        with np.load(path) as kept:
            return Seen(kept["views"], kept["owner"], kept["plain"])
    seen: Seen = make()
    if path is not None:
        np.savez(path, views=seen.views, owner=seen.owner, plain=seen.plain)
    return seen
