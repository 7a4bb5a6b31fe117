"""How a model does here: agreement with the model in force, speed, and whether its scores drift."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean, quantiles
from typing import TypeVar

from consultations.dashboard.statistics import Kappa, Share, kappa
from consultations.models import Analysis, ModelVersion, ShadowRun

BASE = 200  # the first photos that a model reads here; later ones are compared with them
BLOCK = 100  # fewer photos would make the index jump by chance
BLOCKS = 12
BINS = 5
# What the population stability index is commonly taken to mean (Siddiqi 2006, "Credit Risk Scorecards").
WATCH, CHANGED = 0.10, 0.25
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Seen:
    """One photo: what the model said of it, and what the answer's model said, where one did."""

    at: datetime
    score: float
    flag: bool
    milliseconds: float
    answered_score: float | None
    answered_flag: bool | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Flags of two models on the same photos. `both` to `neither` count photos; `apart` is the mean
    absolute difference of their scores."""

    share: Share
    kappa: Kappa
    both: int
    shadow_only: int
    active_only: int
    neither: int
    apart: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """Milliseconds from the stored photo to the score: median, and what 95 of 100 photos stay below."""

    photos: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Block:
    """BLOCK photos in a row. `psi` against the first BASE; None where there are no scores to compare."""

    until: datetime
    psi: float | None = None
    agreement: Share | None = None
    pace: Pace | None = None


# --- Pure -----------------------------------------------------------------------------------------
def psi(base: Sequence[float], now: Sequence[float]) -> float:
    """Population stability index over fifths of `base`: sum of (a - e) ln(a / e), half a photo added to
    each bin so that an empty one does not make it infinite. 0: the same; both must not be empty."""
    edges = quantiles(base, n=BINS) if len(base) > 1 else [base[0]] * (BINS - 1)
    expected, actual = _shares(base, edges), _shares(now, edges)
    return sum((a - e) * math.log(a / e) for a, e in zip(actual, expected, strict=True))


def _shares(scores: Sequence[float], edges: Sequence[float]) -> list[float]:
    counts = [0.5] * (len(edges) + 1)
    for score in scores:
        counts[sum(score > edge for edge in edges)] += 1
    total = sum(counts)
    return [count / total for count in counts]


def meaning(value: float) -> str:
    """The index in a word."""
    if value < WATCH:
        return "steady"
    return "watch" if value < CHANGED else "changed"


def agreement(seen: Sequence[Seen]) -> Agreement:
    """Over the photos on which both models spoke."""
    pairs = [(each.flag, each.answered_flag) for each in seen if each.answered_flag is not None]
    apart = [abs(each.score - each.answered_score) for each in seen if each.answered_score is not None]
    return Agreement(
        share=Share(sum(mine == theirs for mine, theirs in pairs), len(pairs)),
        kappa=kappa((str(mine), str(theirs)) for mine, theirs in pairs),
        both=pairs.count((True, True)),
        shadow_only=pairs.count((True, False)),
        active_only=pairs.count((False, True)),
        neither=pairs.count((False, False)),
        apart=mean(apart) if apart else None,
    )


def pace(milliseconds: Sequence[float]) -> Pace | None:
    """None of nothing."""
    if not milliseconds:
        return None
    ordered = sorted(milliseconds)
    last = len(ordered) - 1
    return Pace(len(ordered), ordered[round(last * 0.5)], ordered[round(last * 0.95)])


def drift(scores: Sequence[tuple[datetime, float]]) -> list[Block]:
    """Oldest first: every full block after the first BASE photos, the last BLOCKS of them."""
    base = [score for _, score in scores[:BASE]]
    blocks = [Block(part[-1][0], psi=psi(base, [score for _, score in part])) for part in _cut(scores[BASE:])]
    return blocks[-BLOCKS:] if len(base) == BASE else []


def course(seen: Sequence[Seen]) -> list[Block]:
    """Oldest first: agreement and speed by block, the last BLOCKS of them; a last one may be smaller."""
    blocks = [
        Block(
            part[-1].at,
            agreement=agreement(part).share,
            pace=pace([each.milliseconds for each in part]),
        )
        for part in _cut(seen, rest=True)
    ]
    return blocks[-BLOCKS:]


def _cut(rows: Sequence[_T], *, rest: bool = False) -> list[Sequence[_T]]:
    parts = [rows[at : at + BLOCK] for at in range(0, len(rows), BLOCK)]
    return [part for part in parts if rest or len(part) == BLOCK]


# --- Reading --------------------------------------------------------------------------------------
_NEWEST = BLOCK * BLOCKS


def seen_by(version: ModelVersion) -> list[Seen]:
    """What it read in shadow, oldest first, the newest BLOCKS blocks."""
    rows = (
        ShadowRun.objects.filter(model=version, score__isnull=False)
        .order_by("-created_at", "-id")
        .values_list("created_at", "score", "flag", "milliseconds", "answered_score", "answered_flag")
    )
    return [
        Seen(at, score or 0.0, bool(flag), spent, theirs, their_flag)
        for at, score, flag, spent, theirs, their_flag in reversed(rows[:_NEWEST])
    ]


def failures_of(version: ModelVersion) -> int:
    """Photos that it could not read in shadow."""
    return ShadowRun.objects.filter(model=version, failed=True).count()


def scores_of(version: ModelVersion) -> list[tuple[datetime, float]]:
    """Scores of its whole life here, in shadow and in force, oldest first: the first BASE, then the
    newest BLOCKS blocks."""
    first = sorted(_spoken(version, "", BASE))[:BASE]
    known = {id_ for _, id_, _ in first}
    rest = [row for row in sorted(_spoken(version, "-", _NEWEST))[-_NEWEST:] if row[1] not in known]
    return [(at, score) for at, _, score in [*first, *rest]]


def _spoken(version: ModelVersion, order: str, count: int) -> list[tuple[datetime, uuid.UUID, float]]:
    """(when, row, score), `count` of each kind from the oldest (`order` "") or the newest ("-") on."""
    by = (f"{order}created_at", f"{order}id")
    shadow = ShadowRun.objects.filter(model=version, score__isnull=False).order_by(*by)
    answers = Analysis.objects.filter(model=version, evidence__isnull=False).order_by(*by)
    silent = shadow.values_list("created_at", "pk", "score")[:count]
    heard = answers.values_list("created_at", "pk", "evidence")[:count]
    return [
        *((at, id_, score) for at, id_, score in silent if score is not None),
        *(
            (at, id_, float(said["suspicious_score"]))
            for at, id_, said in heard
            if said and said.get("suspicious_score") is not None
        ),
    ]
