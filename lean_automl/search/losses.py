"""Losses of single rows, and how sure it is that one model's are lower: what a metric of all rows cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.data import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

F64 = np.ndarray[Any, np.dtype[np.float64]]

SMALLEST_PROBABILITY: Final = 1e-6
FEW: Final = 0.01


def pinball(y: NDArray[Any], predicted: NDArray[Any], quantiles: Sequence[float]) -> F64:
    """Mean pinball loss of the quantiles of each row, shape (n,); `predicted` has a column for each."""
    shares, above = np.asarray(quantiles), y[:, None] - np.asarray(predicted, dtype=np.float64)
    losses: F64 = np.maximum(shares * above, (shares - 1.0) * above).mean(axis=1)
    return losses


def row_losses(
    y: NDArray[Any], predicted: F64, task: Task, weight: F64 | None = None, quantiles: Sequence[float] = ()
) -> F64:
    """Log loss, squared error or pinball loss of each row, times its weight over the mean weight; shape (n,).

    Args:
        y: Class codes or numbers, shape (n,).
        predicted: Probabilities (n, classes), or predictions (n, 1).
        task: What is predicted.
        weight: Of the rows, shape (n,), or None for equal weights.
        quantiles: Whose pinball loss is wanted, one for each column of predictions; none for the squared error.
    """
    if quantiles:
        losses = pinball(y, predicted, quantiles)
    elif task is Task.REGRESSION:
        losses = (y - predicted[:, 0]) ** 2
    else:
        losses = -np.log(np.maximum(predicted[np.arange(y.size), y], SMALLEST_PROBABILITY))
    return losses if weight is None else losses * (weight / max(float(weight.mean()), 1e-300))


def certainty(before: F64, after: F64) -> float:
    """By how many standard errors the losses after are lower than those before, row by row; 0 where they are equal.

    The largest differences count as a hundredth of the rows has them (Winsor's mean): where a few rows make most of a
    squared error, nothing could be told otherwise.
    """
    difference = before - after
    difference = np.clip(difference, *np.quantile(difference, (FEW, 1 - FEW)))
    error = float(difference.std()) / np.sqrt(difference.size)
    return float(difference.mean()) / error if error > 0 else 0.0
