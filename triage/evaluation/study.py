"""Real cases: every ranking on cases that it was not fitted on, and what can be said of the difference."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from triage.engine import differential
from triage.engine.differential import normalise, priors_at
from triage.evaluation.measures import Interval, Scored, joined, resampled, scored
from triage.evaluation.rankers import Ranker, fit, rankers
from triage.evaluation.scin import TONES
from triage.evaluation.table import Flags, Floats, Indices, Table, folds_of

BASELINE, CEILING = "frequency", "bayes"
# Figures of the author of the mapping on the same kind of cases: top-1, top-3, top-5.
STATED = {"frequency": (0.325, 0.606, 0.698), "bayes": (0.372, 0.647, 0.780)}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is computed. `repeats` times the cases are dealt into `folds` anew, against the luck of one
    deal; `draws` bootstrap samples."""

    folds: int = 5
    repeats: int = 3
    draws: int = 2000
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Compared:
    """One ranking over all repeats, pooled. `settings`: how often each was chosen."""

    code: str
    title: str
    whole: Scored
    settings: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class AsShipped:
    """The product as it is, with its own frequencies of Ghana's pharmacies, on people it was not made for:
    how often it abstains, and how often its first answer is right when it does and when it does not."""

    prior: Scored
    engine: Scored
    abstained: Flags


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that the report says about real cases. `kin`, `tones`, `darker` are pooled as `whole` is."""

    plan: Plan
    cases: int
    candidates: int
    findings: tuple[str, ...]
    compared: tuple[Compared, ...]
    shipped: AsShipped
    kin: Indices
    tones: tuple[str, ...]
    darker: Flags

    def of(self, code: str) -> Compared:
        """One ranking by its code."""
        return next(each for each in self.compared if each.code == code)

    def gain(self, code: str, over: str, rows: Flags | None = None) -> tuple[Interval, ...]:
        """What `code` adds `over` another, paired case by case, in every measure; for log loss less is
        better."""
        rows = np.ones(len(self.kin), dtype=np.bool_) if rows is None else rows
        values = (self.of(code).whole.each - self.of(over).whole.each)[rows]
        return resampled(values, self.kin[rows], draws=self.plan.draws, seed=self.plan.seed)

    def groups(self) -> tuple[tuple[str, Flags], ...]:
        """Skin tones that have cases: by Fitzpatrick type, and all darker skin together."""
        found = [(f"Fitzpatrick {tone}", np.array([each == tone for each in self.tones])) for tone in TONES]
        found.append(("Darker skin: V-VI, or Black by own words", self.darker))
        return tuple((name, rows) for name, rows in found if rows.any())

    @property
    def bars(self) -> tuple[tuple[str, bool], ...]:
        """What is promised of the best of the engine's settings that learn from cases, and whether the
        whole interval keeps it."""
        top1, top3, top5, loss = self.gain(self.best, BASELINE)
        said = f"SCIN, {self.of(self.best).title}: {{}} better than frequency alone ({{}})"
        return (
            (said.format("top-1", top1), top1.low > 0),
            (said.format("top-3", top3), top3.low > 0),
            (said.format("top-5", top5), top5.low > 0),
            (said.format("log loss", loss), loss.high < 0),
        )

    @property
    def best(self) -> str:
        """The engine's ranking with the smallest held-out log loss."""
        mine = [each for each in self.compared if each.code not in (BASELINE, CEILING)]
        return min(mine, key=lambda each: float(each.whole.each[:, 3].mean())).code


def compare(table: Table, plan: Plan, *, progress: Progress = lambda _: None) -> Study:
    """Fit each ranking on four fifths and judge it on the rest, in turn; settings are chosen within the
    four fifths. The engine's rankings are answered by the engine itself."""
    found = []
    for ranker in rankers(table.knowledge.scoring.answer_reliability):
        progress(ranker.title)
        found.append(_compared(ranker, table, plan))
    return Study(
        plan=plan,
        cases=len(table.cases),
        candidates=int(table.accepted.any(axis=0).sum()),
        findings=table.findings,
        compared=tuple(found),
        shipped=_as_shipped(table),
        kin=np.tile(table.kin, plan.repeats),
        tones=tuple(case.tone for case in table.cases) * plan.repeats,
        darker=np.tile(np.array([case.darker for case in table.cases]), plan.repeats),
    )


def _compared(ranker: Ranker, table: Table, plan: Plan) -> Compared:
    parts, settings = [], Counter[str]()
    for repeat in range(plan.repeats):
        folds = folds_of(table, plan.folds, plan.seed + repeat)
        answers: Floats = np.zeros(table.accepted.shape)
        for fold in range(plan.folds):
            rows = folds == fold
            ready = fit(ranker, table, ~rows, seed=1000 + plan.seed + repeat)
            settings[str(ready.setting)] += 1
            answers[rows] = (
                ready.by_engine(table, rows) if ranker.engine else ready.probabilities(table, rows)
            )
        parts.append(scored(answers, table.accepted))
    chosen = settings.most_common() if len(ranker.settings) > 1 else []
    return Compared(ranker.code, ranker.title, joined(parts), tuple(chosen))


def _as_shipped(table: Table) -> AsShipped:
    priors, answers, abstained = [], [], []
    for case in table.cases:
        prior = normalise([np.log(each) if each else -np.inf for each in _priors(table, case.age_months)])
        priors.append(prior[:-1])
        facts = {"age_months": case.age_months}
        found = differential(case.findings, facts, None, table.knowledge, explained=False)
        answers.append([found.probabilities[id_] for id_ in table.conditions])
        abstained.append(found.abstained)
    return AsShipped(
        scored(np.array(priors), table.accepted),
        scored(np.array(answers), table.accepted),
        np.array(abstained, dtype=np.bool_),
    )


def _priors(table: Table, age_months: int) -> list[float]:
    return priors_at(age_months, table.knowledge)
