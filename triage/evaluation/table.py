"""Cases as arrays, so that hundreds of settings can be tried; and what each setting gives for them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from triage.engine import Knowledge
from triage.engine.answers import answer
from triage.engine.differential import evidence_weights
from triage.engine.knowledge import likelihood_table
from triage.evaluation.scin import Case

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Table:
    """n cases, c conditions, f findings that anybody answered.

    `present`, `absent` (n, f): scored answers. `weights` (n, f): how much each counts within its cluster.
    `accepted` (n, c): the right conditions; `shares` the same, one in all per case. `kin` (n,): number of
    the group of cases that must stay together.
    """

    cases: tuple[Case, ...]
    knowledge: Knowledge
    conditions: tuple[str, ...]
    findings: tuple[str, ...]
    present: Floats
    absent: Floats
    weights: Floats
    accepted: Flags
    shares: Floats
    kin: Indices


def table_of(cases: Sequence[Case], knowledge: Knowledge) -> Table:
    """Answers are joined, freed of redundant ones and weighed by the engine's own functions."""
    answers = [answer(case.findings, {"age_months": case.age_months}, knowledge) for case in cases]
    findings = tuple(sorted({id_ for each in answers for id_ in each.scored}))
    column = {id_: number for number, id_ in enumerate(findings)}
    conditions = knowledge.hypotheses[:-1]
    shape = (len(cases), len(findings))
    present, absent, weights = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    accepted = np.zeros((len(cases), len(conditions)), dtype=np.bool_)
    for n, (case, each) in enumerate(zip(cases, answers, strict=True)):
        for id_, weight in evidence_weights(each, knowledge).items():
            (present if each.scored[id_] else absent)[n, column[id_]] = 1.0
            weights[n, column[id_]] = weight
        accepted[n] = [id_ in case.accepted for id_ in conditions]
    names = sorted({case.kin for case in cases})
    return Table(
        cases=tuple(cases),
        knowledge=knowledge,
        conditions=conditions,
        findings=findings,
        present=present,
        absent=absent,
        weights=weights,
        accepted=accepted,
        shares=accepted / np.maximum(accepted.sum(axis=1, keepdims=True), 1),
        kin=np.array([names.index(case.kin) for case in cases], dtype=np.intp),
    )


def folds_of(table: Table, count: int, seed: int) -> Indices:
    """A fold number for each case, the same for kin; drawn from a hash, so the same on every machine."""
    drawn = {
        case.kin: int.from_bytes(hashlib.sha256(f"{seed}:{case.kin}".encode()).digest()[:8], "big")
        for case in table.cases
    }
    place = {kin: number % count for number, kin in enumerate(sorted(drawn, key=lambda kin: drawn[kin]))}
    return np.array([place[case.kin] for case in table.cases], dtype=np.intp)


# --- What is fitted -----------------------------------------------------------------------------------
_PSEUDO = 0.1  # of a case for each condition, so that one never seen stays possible


def frequency(table: Table, train: Flags) -> Floats:
    """(c,): how often each condition is among `train`."""
    counts = table.shares[train].sum(axis=0) + _PSEUDO
    return np.asarray(counts / counts.sum())


def words(table: Table, reliability: float) -> Floats:
    """(c, f): P(present) by the curated words, with answers taken as fallible."""
    knowledge = table.knowledge
    scoring = replace(knowledge.scoring, answer_reliability=reliability)
    asked = {id_: knowledge.findings[id_] for id_ in table.findings}
    likelihoods = likelihood_table(asked, knowledge.profiles, scoring)
    return np.array([likelihoods[id_][:-1] for id_ in table.findings]).T


def corrected(table: Table, train: Flags, expected: Floats, strength: float) -> Floats:
    """(c, f): P(present) as in `train`, where `expected` counts as much as `strength` answers."""
    shares = table.shares[train].T
    seen = shares @ table.present[train]
    asked = seen + shares @ table.absent[train]
    return np.asarray((seen + strength * expected) / (asked + strength))


def marginal(table: Table, train: Flags) -> Floats:
    """(c, f): how often each finding is present at all, the same for every condition."""
    seen = table.present[train].sum(axis=0)
    asked = seen + table.absent[train].sum(axis=0)
    return np.tile((seen + 1) / (asked + 2), (len(table.conditions), 1))


def posterior(table: Table, rows: Flags, prior: Floats, likelihood: Floats, temper: Floats | float) -> Floats:
    """(n, c): Bayes with independent answers, each counted `temper` times."""
    logs = np.log(prior) + (table.present * temper)[rows] @ np.log(likelihood).T
    logs += (table.absent * temper)[rows] @ np.log(1 - likelihood).T
    logs -= logs.max(axis=1, keepdims=True)
    raw = np.exp(logs)
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def log_loss(probabilities: Floats, accepted: Flags) -> float:
    """Mean of -log of the probability given to the right conditions together (natural logarithm)."""
    right = np.where(accepted, probabilities, 0.0).sum(axis=1)
    return float(-np.log(np.maximum(right, 1e-12)).mean())
