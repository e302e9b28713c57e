"""The one-standard-error rule: of models that may well be as good as the best, the cheapest goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from lean_automl.automl.shrink_files import spread
from lean_automl.search.decision import Judged
from lean_automl.search.paired import errors_behind
from lean_automl.student.blend import predictions_of
from lean_automl.student.trial import judged_folds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lean_automl.config import Constraints
    from lean_automl.search.metrics import Metric
    from lean_automl.student.blend import Blend
    from lean_automl.student.trial import Workbench

T = TypeVar("T")
NEAR: Final = 1.0  # standard errors
FAR: Final = 3.0  # behind which no other one is looked at: they are worse still


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
    best, near = judged(models[0]), [0]  # positions; each costs less than the one before
    for position, model in enumerate(models):
        if cost(model) >= cost(models[near[-1]]):
            continue  # a better one that is near costs no more
        behind = errors_behind(metric, best, judged(model))
        if behind > FAR:
            break
        if behind <= NEAR:
            near.append(position)
    rest = [model for position, model in enumerate(models) if position not in near]
    return [models[position] for position in reversed(near)] + rest


def _fewer(fold: Judged) -> Judged:
    """A sample of a fold's rows, the same for every model: the metric is computed some hundred times."""
    rows = spread(fold.y.size)
    return Judged(fold.y[rows], fold.predicted[rows], None if fold.weight is None else fold.weight[rows])
