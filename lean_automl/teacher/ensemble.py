"""Greedy ensemble selection: Caruana et al., "Ensemble Selection from Libraries of Models", ICML 2004."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lean_automl.features import Frame
    from lean_automl.learners.base import F64
    from lean_automl.search.metrics import Metric
    from lean_automl.teacher.bag import Bag

MOST_STEPS: Final = 25


@dataclass(frozen=True, eq=False)
class Teacher:
    """A weighted average of bags.

    Attributes:
        bags: All that were fitted.
        weights: Of each bag; they sum to 1.
        scores: Out-of-fold score of each bag.
        score: Out-of-fold score of the average.
    """

    bags: tuple[Bag, ...]
    weights: tuple[float, ...]
    scores: tuple[float, ...]
    score: float

    @property
    def out_of_fold(self) -> F64:
        """Weighted average of the out-of-fold predictions."""
        return average([bag.out_of_fold for bag in self.bags], self.weights)

    def predict(self, frame: Frame) -> F64:
        """Weighted average of the bags that have a weight."""
        used = [(bag, weight) for bag, weight in zip(self.bags, self.weights, strict=True) if weight > 0]
        return average([bag.predict(frame) for bag, _ in used], [weight for _, weight in used])


def average(predictions: Sequence[F64], weights: Sequence[float]) -> F64:
    """Weighted average."""
    total = np.zeros_like(predictions[0])
    for prediction, weight in zip(predictions, weights, strict=True):
        if weight > 0:
            total += weight * prediction
    return total


def select_ensemble(bags: Sequence[Bag], y: NDArray[np.generic], weight: F64 | None, metric: Metric) -> Teacher:
    """Add, with replacement, the bag that helps the average most, until none helps."""
    known = ~np.isnan(bags[0].out_of_fold[:, 0])
    predictions = [bag.out_of_fold[known] for bag in bags]
    own_weight = None if weight is None else weight[known]

    def score(predicted: F64) -> float:
        return metric(y[known], predicted, own_weight)

    scores = [score(prediction) for prediction in predictions]
    counts = np.zeros(len(bags), dtype=np.int64)
    total = np.zeros_like(predictions[0])
    best, best_counts = -np.inf, counts
    for step in range(1, MOST_STEPS + 1):
        trials = scores if step == 1 else [score((total + prediction) / step) for prediction in predictions]
        winner = int(np.argmax(trials))
        if trials[winner] <= best:
            break
        counts = counts.copy()
        counts[winner] += 1
        total = total + predictions[winner]
        best, best_counts = trials[winner], counts
    weights = best_counts / best_counts.sum()
    return Teacher(tuple(bags), tuple(weights.tolist()), tuple(scores), best)
