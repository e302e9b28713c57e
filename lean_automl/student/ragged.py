"""Trees of any shape, learned by LightGBM: for when they win at the same measured cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lean_automl.learners.lightgbm import LightGBM
from lean_automl.student.family import FEWEST_TREES, LEAST_ROOM, Context

if TYPE_CHECKING:
    import optuna

BYTES_PER_LEAF = 12.0


class RaggedForest:
    """Search space of ragged trees."""

    name = "ragged"

    def suits(self, context: Context) -> bool:  # noqa: ARG002
        return True

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> LightGBM:
        leaves = trial.suggest_int("ragged_leaves", 4, 63, log=True)
        rounds = context.most_trees(BYTES_PER_LEAF * leaves * context.problem.scores)
        room = trial.suggest_float("ragged_room", LEAST_ROOM, 1.0)
        return LightGBM(
            trees=max(FEWEST_TREES, round(rounds * room)),
            leaves=leaves,
            learning_rate=trial.suggest_float("ragged_learning_rate", 0.02, 0.5, log=True),
            min_rows=trial.suggest_int("ragged_min_rows", 2, 50, log=True),
            feature_fraction=trial.suggest_float("ragged_feature_fraction", 0.4, 1.0),
        )

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        starts = []
        for number, leaves in enumerate((8, 16)):
            room, rate = context.start(context.most_trees(BYTES_PER_LEAF * leaves * context.problem.scores), number)
            starts.append(
                {
                    "ragged_leaves": leaves,
                    "ragged_room": room,
                    "ragged_learning_rate": rate,
                    "ragged_min_rows": 40 if context.rows >= 5_000 else 10,
                    "ragged_feature_fraction": 0.5,
                }
            )
        return tuple(starts)
