"""The rankings that are compared, each with the settings it may choose from by cross-validation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from triage.engine import Knowledge, differential
from triage.engine.knowledge import AGE_BANDS, Profile
from triage.evaluation.table import (
    Flags,
    Floats,
    Indices,
    Table,
    corrected,
    folds_of,
    frequency,
    log_loss,
    marginal,
    posterior,
    words,
)

_INNER_FOLDS = 4


@dataclass(frozen=True, slots=True)
class Setting:
    """`reliability` and `temper` of the answers, as in the engine's scoring. `strength`: how many answers
    the starting frequencies outweigh when cases correct them; None: cases correct nothing."""

    reliability: float = 1.0
    temper: float = 1.0
    strength: float | None = None

    def __str__(self) -> str:
        said = [f"reliability {self.reliability:g}", f"temper {self.temper:g}"]
        return ", ".join([*said, f"strength {self.strength:g}"] if self.strength is not None else said)


@dataclass(frozen=True, slots=True)
class Ranker:
    """One way to rank. `engine`: by the product's own differential, with the frequencies of SCIN as prior;
    the others are peers, simpler (`frequency`) or free to learn everything (`bayes`)."""

    code: str
    title: str
    engine: bool
    settings: tuple[Setting, ...]


def _grid(
    reliabilities: Sequence[float], tempers: Sequence[float], strengths: Sequence[float | None]
) -> tuple[Setting, ...]:
    return tuple(Setting(*each) for each in product(reliabilities, tempers, strengths))


def rankers(shipped_reliability: float) -> tuple[Ranker, ...]:
    """Every ranking of the report, simplest first, the freest last."""
    return (
        Ranker("frequency", "SCIN frequency alone", False, (Setting(),)),
        Ranker("shipped", "Engine, scoring as published", True, (Setting(shipped_reliability),)),
        Ranker(
            "self_reported",
            "Engine, tuned to self-reports",
            True,
            _grid((0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5), (1.0, 0.8, 0.7, 0.6, 0.5, 0.4), (None,)),
        ),
        Ranker(
            "corrected",
            "Engine, words corrected by cases",
            True,
            _grid((0.95, 0.85, 0.7), (1.0, 0.85, 0.7), (5.0, 10.0, 20.0, 40.0, 80.0)),
        ),
        Ranker(
            "bayes",
            "Naive Bayes, fitted",
            False,
            tuple(Setting(strength=each) for each in (1.0, 2.0, 5.0, 10.0, 20.0)),
        ),
    )


@dataclass(frozen=True, slots=True)
class Fitted:
    """A ranking made ready on the training cases. `prior` (c,), `likelihood` (c, f), `weights` (n, f)."""

    ranker: Ranker
    setting: Setting
    prior: Floats
    likelihood: Floats
    weights: Floats

    def probabilities(self, table: Table, rows: Flags) -> Floats:
        """(n, c) by arrays, which is what settings are chosen by."""
        return posterior(table, rows, self.prior, self.likelihood, self.weights)

    def by_engine(self, table: Table, rows: Flags) -> Floats:
        """(n, c) by the product's own `differential`, which is what the report is about."""
        knowledge = as_knowledge(table, self)
        found = []
        for number in np.flatnonzero(rows):
            case = table.cases[number]
            facts = {"age_months": case.age_months}
            ranked = differential(case.findings, facts, None, knowledge, explained=False)
            found.append([ranked.probabilities[id_] for id_ in table.conditions])
        return np.array(found)


def fit(ranker: Ranker, table: Table, train: Flags, *, seed: int) -> Fitted:
    """Choose the setting within `train` alone, by the log loss on cases held out there, and fit on all."""
    setting = ranker.settings[0]
    if len(ranker.settings) > 1:
        inner = folds_of(table, _INNER_FOLDS, seed)
        setting = min(ranker.settings, key=lambda each: _held_out(ranker, each, table, train, inner))
    return fitted(ranker, setting, table, train)


def fitted(ranker: Ranker, setting: Setting, table: Table, train: Flags) -> Fitted:
    """One setting, fitted on `train`."""
    prior = frequency(table, train)
    if ranker.engine:
        likelihood = words(table, setting.reliability)
        weights = table.weights * setting.temper
    else:
        likelihood = marginal(table, train)
        weights = np.full_like(table.weights, 0.0 if ranker.code == "frequency" else 1.0)
    if setting.strength is not None:
        likelihood = corrected(table, train, likelihood, setting.strength)
    return Fitted(ranker, setting, prior, likelihood, weights)


def _held_out(ranker: Ranker, setting: Setting, table: Table, train: Flags, inner: Indices) -> float:
    losses = []
    for fold in range(_INNER_FOLDS):
        rows = train & (inner == fold)
        found = fitted(ranker, setting, table, train & (inner != fold)).probabilities(table, rows)
        losses.append(log_loss(found, table.accepted[rows]) * rows.sum())
    return float(np.sum(losses) / train.sum())


def as_knowledge(table: Table, ready: Fitted) -> Knowledge:
    """The published knowledge with the fitted frequencies, words and scoring in place. "None of these"
    cannot win: cases whose label is not on the list are not among those judged."""
    knowledge = table.knowledge
    scoring = replace(
        knowledge.scoring,
        answer_reliability=ready.setting.reliability,
        temper=ready.setting.temper,
        other_priors=dict.fromkeys(AGE_BANDS, 0.0),
    )
    profiles = {
        id_: Profile(id_, dict.fromkeys(AGE_BANDS, float(prior)), knowledge.profiles[id_].words)
        for id_, prior in zip(table.conditions, ready.prior, strict=True)
    }
    likelihoods = dict(knowledge.likelihoods)
    for id_, column in zip(table.findings, ready.likelihood.T, strict=True):
        likelihoods[id_] = (*(float(value) for value in column), knowledge.likelihoods[id_][-1])
    return replace(knowledge, scoring=scoring, profiles=profiles, likelihoods=likelihoods)
