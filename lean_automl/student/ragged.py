"""Trees of any shape, learned by LightGBM: for when they win at the same measured cost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lean_automl_runtime.measure.op_counts import TOGETHER

from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.quantiles import for_quantiles
from lean_automl.student.family import FEWEST_TREES, LEAST_ROOM, Context

if TYPE_CHECKING:
    import optuna

    from lean_automl.learners.base import Student

BYTES_PER_LEAF = 9.0  # rounded off
FEW_ROUNDS = 60


def most_rounds(leaves: int, context: Context) -> int:
    """Boosting rounds that fit into the limits, by estimate; each has a tree for every score."""
    trees = context.problem.scores
    # Trees of this learner are deeper than balanced ones: what a balanced one takes is the least.
    steps = trees * math.log2(leaves)
    work = {"ragged_trees": trees, "ragged_steps": steps, "ragged_rounds": steps / TOGETHER, "leaf_targets": trees}
    return context.most_trees(BYTES_PER_LEAF * leaves * trees, work)


class RaggedForest:
    """Search space of ragged trees."""

    name = "ragged"

    def suits(self, context: Context) -> bool:  # noqa: ARG002
        return True

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> Student:
        leaves = trial.suggest_int("ragged_leaves", 4, 63, log=True)
        rounds = most_rounds(leaves, context)
        room = trial.suggest_float("ragged_room", LEAST_ROOM, 1.0)
        student = LightGBM(
            trees=max(FEWEST_TREES, round(rounds * room)),
            leaves=leaves,
            learning_rate=trial.suggest_float("ragged_learning_rate", 0.02, 0.5, log=True),
            min_rows=trial.suggest_int("ragged_min_rows", 2, 50, log=True),
            feature_fraction=trial.suggest_float("ragged_feature_fraction", 0.4, 1.0),
        )
        return context.narrowed(for_quantiles(student, context.problem), trial, self.name)

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        starts = []
        for number, leaves in enumerate((8, 16)):
            rounds = most_rounds(leaves, context)
            room, rate = context.start(rounds, number)
            starts.append(
                {
                    "ragged_leaves": leaves,
                    "ragged_room": room,
                    "ragged_learning_rate": rate,
                    "ragged_min_rows": 40 if context.rows >= 5_000 else 10,
                    "ragged_feature_fraction": 0.5 if rounds >= FEW_ROUNDS else 1.0,
                }
                | context.start_features(self.name, number)
            )
        return tuple(starts)
