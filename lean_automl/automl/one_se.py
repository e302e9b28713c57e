"""The one-standard-error rule: of models that may well be as good as the best, the cheapest goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from lean_automl.search.decision import Judged
from lean_automl.search.paired import errors_behind
from lean_automl.student.blend import predictions_of
from lean_automl.student.trial import judged_folds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from lean_automl.config import Constraints
    from lean_automl.search.metrics import Metric
    from lean_automl.student.blend import Blend
    from lean_automl.student.trial import Workbench

T = TypeVar("T")
NEAR: Final = 1.0  # standard errors
FAR: Final = 3.0  # behind which no other one is looked at: they are worse still
MOST_ROWS: Final = 20_000  # of each fold: a metric is computed some hundred times


def cheapest_of_the_best(bench: Workbench, finalists: Sequence[Blend]) -> list[Blend]:
    """Finalists in the order in which they should ship: cheap ones within one standard error of the best, the rest.

    Args:
        bench: The rows that judged them.
        finalists: The best first.
    """

    def judged(blend: Blend) -> list[Judged]:
        return [_fewer(fold) for fold in judged_folds(bench, predictions_of(bench, blend))]

    def cost(blend: Blend) -> float:
        return cost_of(bench.constraints, blend.footprint.bytes, blend.footprint.limited_us)

    return cheapest_first(finalists, cost, judged, bench.metric)


def cost_of(constraints: Constraints, size: float, latency_us: dict[str, float]) -> float:
    """What is scarce: bytes, or microseconds where only they have a limit."""
    if constraints.max_size_bytes is None and constraints.max_latency_us is not None:
        return max(latency_us.values(), default=float(size))
    return float(size)


def cheapest_first(
    models: Sequence[T], cost: Callable[[T], float], judged: Callable[[T], Sequence[Judged]], metric: Metric
) -> list[T]:
    """Models that are within one standard error of the first, by their cost; then the others as they were.

    Args:
        models: The best first.
        cost: Of one.
        judged: Its predictions for the rows of each fold.
        metric: Judges them.
    """
    if not models:
        return []
    best, near = judged(models[0]), [models[0]]
    for model in models[1:]:
        if cost(model) >= min(map(cost, near)):
            continue  # a better one that is near costs no more
        behind = errors_behind(metric, best, judged(model))
        if behind > FAR:
            break
        if behind <= NEAR:
            near.append(model)
    near.sort(key=cost)
    return [*near, *(model for model in models if not any(model is one for one in near))]


def _fewer(fold: Judged) -> Judged:
    """A sample of a fold's rows, the same for every model."""
    if fold.y.size <= MOST_ROWS:
        return fold
    rows: Any = np.linspace(0, fold.y.size - 1, MOST_ROWS).astype(np.int64)
    return Judged(fold.y[rows], fold.predicted[rows], None if fold.weight is None else fold.weight[rows])
