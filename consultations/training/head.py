"""The linear layer that reads features and facts: one score per label, explainable by its weights."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

Matrix = npt.NDArray[np.float32]

FORGET_ALL = 0.4  # of the views are read without any fact,
FORGET_ONE = 0.25  # and of the others each fact is forgotten this often
_STEPS = 80


@dataclass(frozen=True, slots=True)
class Examples:
    """Views to learn from: `features` (n, channels), `facts` (n, columns), `labels` (n,) as indices and
    `weights` (n,), how much each counts."""

    features: Matrix
    facts: Matrix
    labels: npt.NDArray[np.int64]
    weights: Matrix


@dataclass(frozen=True, slots=True)
class Head:
    """scores = features @ picture.T + facts @ facts_weights.T + bias."""

    picture: Matrix  # (labels, channels)
    facts: Matrix  # (labels, columns)
    bias: Matrix  # (labels,)

    def scores(self, features: Matrix, facts: Matrix) -> Matrix:
        """(n, labels), raw."""
        result: Matrix = features @ self.picture.T + facts @ self.facts.T + self.bias
        return result


def forget(facts: Matrix, unknown: Matrix, random: np.random.Generator) -> Matrix:
    """The facts with answers taken away at random, whole rows and single columns; `unknown` is what a
    forgotten one becomes. Which ones are forgotten has nothing to do with the lesion."""
    gone = (random.random((len(facts), 1)) < FORGET_ALL) | (random.random(facts.shape) < FORGET_ONE)
    kept: Matrix = np.where(gone, unknown, facts).astype(np.float32)
    return kept


def fit(examples: Examples, *, labels: int, picture_decay: float, facts_decay: float) -> Head:
    """The weights of least weighted cross entropy, with a penalty on their squares."""
    centre, spread = examples.features.mean(0), examples.features.std(0) + 0.05
    middle = examples.facts.mean(0)
    features = torch.from_numpy((examples.features - centre) / spread)
    facts = torch.from_numpy(examples.facts - middle)
    target = torch.from_numpy(examples.labels)
    weights = torch.from_numpy(examples.weights / examples.weights.sum())
    picture = torch.zeros((labels, features.shape[1]), requires_grad=True)
    answers = torch.zeros((labels, facts.shape[1]), requires_grad=True)
    bias = torch.zeros(labels, requires_grad=True)
    solver = torch.optim.LBFGS([picture, answers, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        scores = features @ picture.T + facts @ answers.T + bias
        wrong = torch.nn.functional.cross_entropy(scores, target, reduction="none")
        total = (wrong * weights).sum() + picture_decay * picture.square().sum()
        total = total + facts_decay * answers.square().sum()
        total.backward()
        return total

    solver.step(loss)
    scaled = picture.detach().numpy() / spread
    spoken = answers.detach().numpy()
    shift = bias.detach().numpy() - scaled @ centre - spoken @ middle
    return Head(scaled.astype(np.float32), spoken.astype(np.float32), shift.astype(np.float32))
