"""Small multilayer perceptrons, trained by torch (extra `torch`)."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lean_automl.learners.mlp import MLP, bins_that_fit
from lean_automl.student.family import Context

if TYPE_CHECKING:
    import optuna

MOST_ROWS = 200_000
WIDTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128)
BINS = (16, 8, 4, 0)
START_WIDTH = 64
LEAST_START = 24  # a narrower layer loses more than bins of the inputs win
BYTES_OF_A_WEIGHT = 1.0  # rounded off
BYTES_OF_A_BIAS = 4.0
OVERHEAD = 800.0  # of a file without weights, at least
START_OVERHEAD = 2_500.0  # of a file without weights: a first trial should fit


def widths_that_may_fit(context: Context) -> list[int]:
    """Widths of which a perceptron with one layer and no bins is not sure to break a limit."""
    return [width for width in WIDTHS if _may_fit((width,), 0, context, OVERHEAD)]


def _widths(context: Context) -> list[int]:
    return widths_that_may_fit(context) or [min(WIDTHS)]


def _may_fit(widths: tuple[int, ...], bins: int, context: Context, overhead: float, is_first: bool = False) -> bool:
    """Whether a shape is not sure to break a limit; of a first trial, whether it likely keeps them all."""
    inputs = context.numbers * (1 + bins_that_fit(bins, context.numbers))
    layers = [inputs, *widths, context.problem.scores]
    products, biases = sum(a * b for a, b in pairwise(layers)), sum(layers[1:])
    weights = products + context.levels * widths[0]
    work = {"dense_inputs": float(sum(layers[:-1])), "dense_macs": float(products)}
    other = context.reading if is_first else None
    quick = context.costs is None or context.costs.most(work, is_loose=not is_first, other=other) >= 1.0
    size = context.constraints.max_size_bytes
    return quick and (size is None or overhead + BYTES_OF_A_WEIGHT * weights + BYTES_OF_A_BIAS * biases <= size)


class SmallMLP:
    """Search space of small perceptrons."""

    name = "mlp"

    def suits(self, context: Context) -> bool:
        free = not any(context.problem.signs) and not context.problem.quantiles
        if find_spec("torch") is None or context.rows > MOST_ROWS or not free:
            return False
        return bool(widths_that_may_fit(context))

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> MLP:
        width = trial.suggest_categorical("mlp_width", _widths(context))
        layers = trial.suggest_int("mlp_layers", 1, 2)
        bins = trial.suggest_categorical("mlp_bins", BINS) if context.numbers else 0
        shapes = [((width,) * layers, bins), ((width,) * layers, 0), ((width,), 0)]
        widths, bins = next((shape for shape in shapes if _may_fit(*shape, context, OVERHEAD)), shapes[-1])
        return MLP(
            widths=widths,
            bins=bins,
            dropout=trial.suggest_float("mlp_dropout", 0.0, 0.4),
            learning_rate=trial.suggest_float("mlp_learning_rate", 1e-3, 2e-2, log=True),
            weight_decay=trial.suggest_float("mlp_weight_decay", 1e-5, 1e-1, log=True),
        )

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        widths = [width for width in _widths(context) if width <= START_WIDTH]
        shapes = [(width, bins, layers) for bins in BINS for layers in (2, 1) for width in reversed(widths)]
        wide = [shape for shape in shapes if shape[0] >= LEAST_START]
        narrow = [(width, 0, 1) for width in reversed(widths)]
        fitting = (s for s in wide + narrow if _may_fit((s[0],) * s[2], s[1], context, START_OVERHEAD, is_first=True))
        width, bins, layers = next(fitting, narrow[-1])
        start = {
            "mlp_width": width,
            "mlp_layers": layers,
            "mlp_dropout": 0.1 if width >= START_WIDTH else 0.0,
            "mlp_learning_rate": 3e-3 if width >= START_WIDTH else 8e-3,
            "mlp_weight_decay": 1e-2,
        }
        return (start | ({"mlp_bins": bins} if context.numbers else {}),)
