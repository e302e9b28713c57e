"""What each raw column adds to the score of a model that is a sum of such terms.

Nothing is known about how the model was made: each column is varied by itself from one row on, and the sum of what
that changes must be what the model says about other rows. If it is not, the columns act together, and there are no
shapes to show.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir.columns import MISSING_TIME, ColumnKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lean_automl.data import Table

ROWS: Final = 512
MOST_SHAPES: Final = 12
MOST_POINTS: Final = 64
MOST_CATEGORIES: Final = 10
EDGE: Final = 1e-6  # probabilities end here
CERTAIN: Final = 8.0  # log odds beyond it have lost too many digits to be added up
TOLERANCE: Final = 2e-3  # of the range of the scores


@dataclass(frozen=True)
class Shape:
    """What one column adds, less its mean.

    Attributes:
        column: Name.
        kind: Of the column.
        spread: Standard deviation over the rows.
        points: Value and what it adds: ascending for numbers and times, the most frequent first for categories.
        missing: What a missing value adds; None if there was none.
    """

    column: str
    kind: str
    spread: float
    points: list[tuple[float | str, float]]
    missing: float | None


def find_shapes(
    predict: Callable[[Sequence[NDArray[Any]]], NDArray[np.float64]],
    table: Table,
    used: Sequence[int],
    deadline: float,
) -> list[Shape] | None:
    """The greatest shapes; None if there are none, or no time to find them.

    Args:
        predict: Probabilities (n, classes) or predictions (n, 1) for raw columns.
        table: Rows that the model has not seen.
        used: Positions of the columns that the model reads.
        deadline: Of `time.monotonic()`.
    """
    if table.rows < 2 or not used or time.monotonic() > deadline:
        return None
    table = table.take(np.arange(min(ROWS, table.rows)))
    predicted = predict(table.arrays)
    scores, is_chance = _scores(predicted), predicted.shape[1] == 2
    if scores is None:
        return None
    anchor = int(np.argsort(scores)[scores.size // 2])
    fixed = [np.repeat(array[anchor : anchor + 1], table.rows) for array in table.arrays]
    effects: dict[int, NDArray[np.float64]] = {}
    for number in used:
        if time.monotonic() > deadline:
            return None
        arrays = [*fixed[:number], table.arrays[number], *fixed[number + 1 :]]
        varied = _scores(predict(arrays))
        assert varied is not None
        effects[number] = varied - scores[anchor]
    rebuilt = scores[anchor] + np.sum(list(effects.values()), axis=0)
    sure = is_chance & (np.abs(scores) > CERTAIN)
    if np.abs(np.where(sure, 0.0, rebuilt - scores)).max() > TOLERANCE * max(float(np.ptp(scores)), 1e-9):
        return None
    shapes = [_shape(table, number, effect - effect.mean()) for number, effect in effects.items()]
    return sorted((shape for shape in shapes if shape.points), key=lambda shape: -shape.spread)[:MOST_SHAPES]


def _scores(predicted: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Log odds of two classes, or the prediction of a number."""
    if predicted.shape[1] == 1:
        return predicted[:, 0] if np.isfinite(predicted).all() else None
    if predicted.shape[1] > 2:
        return None
    chance = np.clip(predicted[:, 1], EDGE, 1 - EDGE)
    return np.log(chance / (1 - chance))


def _shape(table: Table, number: int, effect: NDArray[np.float64]) -> Shape:
    column, values = table.columns[number], table.arrays[number]
    absent = _absent(values)
    missing = _short(effect[absent][0]) if absent.any() else None
    values, present = values[~absent], effect[~absent]
    points: list[tuple[float | str, float]] = []
    if column.kind in (ColumnKind.NUMERIC, ColumnKind.DATETIME):
        unique, first = np.unique(values, return_index=True)
        last = max(0, unique.size - 1)
        chosen = np.unique(np.linspace(0, last, MOST_POINTS).astype(int))[: unique.size]
        points = [(_short(float(unique[i])), _short(present[first[i]])) for i in chosen if np.isfinite(unique[i])]
    elif values.size:
        unique, first, counts = np.unique(values, return_index=True, return_counts=True)
        for i in np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]:
            name = ("yes" if unique[i] else "no") if column.kind is ColumnKind.BOOLEAN else str(unique[i])
            points.append((name, _short(present[first[i]])))
    return Shape(column.name, column.kind.value, _short(float(effect.std())), points, missing)


def _absent(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype == object:
        return np.array([not text for text in values.tolist()], dtype=bool)
    return np.asarray(values == MISSING_TIME if values.dtype == np.int64 else np.isnan(values))


def _short(value: float) -> float:
    return float(f"{float(value):.10g}" if abs(value) > 1e5 else f"{float(value):.6g}")
