"""Non-negative least squares: Lawson and Hanson (1974), chapter 23, for the few dozen columns of a cost model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def non_negative_least_squares(matrix: Floats, target: Floats, tolerance: float = 1e-10) -> Floats:
    """The x >= 0 for which `matrix @ x` is nearest to `target`.

    Args:
        matrix: Shape (rows, columns).
        target: Shape (rows,).
        tolerance: A gradient below it, relative to the greatest at x = 0, counts as zero.

    Returns:
        Shape (columns,). A column of zeros gets 0.
    """
    norms = np.linalg.norm(matrix, axis=0)
    scaled = matrix / np.where(norms > 0, norms, 1.0)
    columns = scaled.shape[1]
    x = np.zeros(columns)
    free = np.zeros(columns, dtype=bool)
    gradient = scaled.T @ target
    least = tolerance * max(float(np.abs(gradient).max(initial=0.0)), 1e-300)
    for _ in range(10 * columns):
        candidates = ~free & (gradient > least)
        if not candidates.any():
            break
        free[int(np.argmax(np.where(candidates, gradient, -np.inf)))] = True
        x = _free_minimum(scaled, target, x, free)
        gradient = scaled.T @ (target - scaled @ x)
    return np.where(norms > 0, x / np.where(norms > 0, norms, 1.0), 0.0)


def _free_minimum(scaled: Floats, target: Floats, x: Floats, free: NDArray[np.bool_]) -> Floats:
    """The minimum over the free columns; frees a column no longer (in place) when it would turn negative."""
    while True:
        solution = np.zeros_like(x)
        solution[free] = np.linalg.lstsq(scaled[:, free], target, rcond=None)[0]
        blocked = free & (solution <= 0)
        if not blocked.any():
            return solution
        step = float(np.min(x[blocked] / np.maximum(x[blocked] - solution[blocked], 1e-300)))
        x = x + step * (solution - x)
        free &= ~(blocked & (x <= 1e-15))
        if not free.any():
            return np.zeros_like(x)
        x = np.where(free, x, 0.0)
