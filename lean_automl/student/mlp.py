"""Small multilayer perceptrons, trained by torch (extra `torch`)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lean_automl.learners.mlp import MLP
from lean_automl.student.family import Context

if TYPE_CHECKING:
    import optuna

MOST_ROWS = 200_000


class SmallMLP:
    """Search space of small perceptrons."""

    name = "mlp"

    def suits(self, context: Context) -> bool:
        return find_spec("torch") is not None and context.rows <= MOST_ROWS

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> MLP:  # noqa: ARG002
        width = trial.suggest_categorical("mlp_width", [16, 32, 64])
        layers = trial.suggest_int("mlp_layers", 1, 2)
        return MLP(
            widths=(width,) * layers,
            learning_rate=trial.suggest_float("mlp_learning_rate", 1e-3, 3e-2, log=True),
            weight_decay=trial.suggest_float("mlp_weight_decay", 1e-5, 1e-1, log=True),
        )

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:  # noqa: ARG002
        return ({"mlp_width": 32, "mlp_layers": 2, "mlp_learning_rate": 8e-3, "mlp_weight_decay": 1e-2},)
