"""Small multilayer perceptrons, trained by torch (extra `torch`)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lean_automl.learners.mlp import MLP, bins_that_fit
from lean_automl.student.family import Context

if TYPE_CHECKING:
    import optuna

MOST_ROWS = 200_000
WIDTHS = (16, 32, 64, 128)
BINS = (16, 8, 4, 0)
START_WIDTH = 64
FEWEST_BYTES = 1.0  # of a weight, after passes that files bear
START_BYTES = 2.0  # of a weight that is rounded off: a first trial should fit


def widths_that_may_fit(context: Context) -> list[int]:
    """Widths of which a perceptron with one layer and no bins is not sure to break a limit."""
    return [width for width in WIDTHS if _may_fit(width, 0, context, FEWEST_BYTES)]


def _may_fit(width: int, bins: int, context: Context, bytes_of_a_weight: float) -> bool:
    inputs = context.numbers * (1 + bins_that_fit(bins, context.numbers))
    weights = width * (inputs + context.problem.scores)
    size = context.constraints.max_size_bytes
    work = {"dense_inputs": float(inputs + width), "dense_macs": float(weights)}
    quick = context.costs is None or context.costs.most(work) >= 1.0
    return quick and (size is None or bytes_of_a_weight * weights <= size)


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
            bins=trial.suggest_categorical("mlp_bins", BINS) if context.numbers else 0,
            dropout=trial.suggest_float("mlp_dropout", 0.0, 0.4),
            learning_rate=trial.suggest_float("mlp_learning_rate", 1e-3, 2e-2, log=True),
            weight_decay=trial.suggest_float("mlp_weight_decay", 1e-5, 1e-1, log=True),
        )

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        widths = [width for width in widths_that_may_fit(context) if width <= START_WIDTH]
        shapes = [(width, bins) for bins in BINS for width in reversed(widths)]
        fitting = (shape for shape in shapes if _may_fit(*shape, context, START_BYTES))
        width, bins = next(fitting, (min(widths), 0))
        start = {
            "mlp_width": width,
            "mlp_layers": 2,
            "mlp_dropout": 0.1 if width >= START_WIDTH else 0.0,
            "mlp_learning_rate": 3e-3 if width >= START_WIDTH else 8e-3,
            "mlp_weight_decay": 1e-2,
        }
        return (start | ({"mlp_bins": bins} if context.numbers else {}),)
