"""Small multilayer perceptrons, trained by torch (extra `torch`)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lean_automl.learners.mlp import MLP
from lean_automl.student.family import Context

if TYPE_CHECKING:
    import optuna

MOST_ROWS = 200_000
WIDTHS = (16, 32, 64)
START_WIDTH = 32
FEWEST_BYTES = 1.0  # of a weight, after passes that files bear


def widths_that_may_fit(context: Context) -> list[int]:
    """Widths of which a perceptron with one layer is not sure to break a limit."""
    return [width for width in WIDTHS if _may_fit(width, context)]


def _may_fit(width: int, context: Context) -> bool:
    weights = width * (context.numbers + context.problem.scores)
    size = context.constraints.max_size_bytes
    work = {"dense_inputs": float(context.numbers + width), "dense_macs": float(weights)}
    quick = context.costs is None or context.costs.most(work) >= 1.0
    return quick and (size is None or FEWEST_BYTES * weights <= size)


class SmallMLP:
    """Search space of small perceptrons."""

    name = "mlp"

    def suits(self, context: Context) -> bool:
        free = not any(context.problem.signs) and not context.problem.quantiles
        if find_spec("torch") is None or context.rows > MOST_ROWS or not free:
            return False
        return bool(widths_that_may_fit(context))

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> MLP:
        width = trial.suggest_categorical("mlp_width", widths_that_may_fit(context))
        layers = trial.suggest_int("mlp_layers", 1, 2)
        return MLP(
            widths=(width,) * layers,
            learning_rate=trial.suggest_float("mlp_learning_rate", 1e-3, 3e-2, log=True),
            weight_decay=trial.suggest_float("mlp_weight_decay", 1e-5, 1e-1, log=True),
        )

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        width = max(width for width in widths_that_may_fit(context) if width <= START_WIDTH)
        return ({"mlp_width": width, "mlp_layers": 2, "mlp_learning_rate": 8e-3, "mlp_weight_decay": 1e-2},)
