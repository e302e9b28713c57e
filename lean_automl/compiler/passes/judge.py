"""Whether a changed Program is good enough: its loss beside the first one's, and how far luck could explain it.

On a few hundred rows a worse Program looks better now and then, and a search among many would find one; to round every
leaf a little is no search, but to prune further and further is. So a judge may give more than one number: the loss on
all rows, then the loss without each of several groups of rows. How the difference of two Programs varies from group to
group is its standard error (the jackknife), which is small for Programs that predict nearly the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

Check = Callable[["Program"], "float | Array"]
"""Loss of a Program on rows that judge it; smaller is better. Or several losses, as `Judge` gives them."""

GROUPS: Final = 10


@dataclass(frozen=True, eq=False)
class Judge:
    """A check of rows with known answers.

    Attributes:
        predict: Predictions of a Program for the rows, shape (n, k).
        loss: Of answers, predictions and row weights.
        y: Answers, shape (n,).
        weight: Row weights, shape (n,), or None.
    """

    predict: Callable[[Program], Array]
    loss: Callable[[Array, Array, Array | None], float]
    y: Array
    weight: Array | None = None

    def __call__(self, program: Program) -> Array:
        """The loss on all rows, then without each group of them."""
        predicted = self.predict(program)
        group = np.random.default_rng(0).permutation(self.y.shape[0]) % GROUPS
        return np.array([self._of(predicted, group >= 0), *(self._of(predicted, group != g) for g in range(GROUPS))])

    def _of(self, predicted: Array, rows: Array) -> float:
        return self.loss(self.y[rows], predicted[rows], None if self.weight is None else self.weight[rows])


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a check found.

    Attributes:
        losses: The loss on all rows, then without each group, if there are groups.
    """

    losses: Array

    @property
    def loss(self) -> float:
        """On all rows."""
        return float(self.losses[0])

    def within(self, budget: float, first: Verdict, errors: float = 0.0) -> bool:
        """Whether the loss is above the first one's by no more than `budget` of it.

        Args:
            budget: Relative.
            first: What the loss is compared with.
            errors: Standard errors that the difference must stay below the bound.
        """
        added = self.loss - first.loss
        apart = (self.losses - first.losses)[1:]
        error = 0.0
        if apart.size > 1:
            error = float(np.sqrt((apart.size - 1) / apart.size * ((apart - apart.mean()) ** 2).sum()))
        return added + errors * error <= budget * abs(first.loss)


def judged(check: Check, program: Program) -> Verdict:
    """What a check finds of a Program."""
    return Verdict(np.atleast_1d(np.asarray(check(program), dtype=np.float64)))


def loss_of(score: float, scorer: str) -> float:
    """A scikit-learn score as a loss: 0 is perfect, and smaller is better.

    Args:
        score: Greater is better.
        scorer: Name of the scorer: losses begin with `neg_`; the best score of all others is 1.
    """
    return -score if scorer.startswith("neg_") else 1.0 - score
