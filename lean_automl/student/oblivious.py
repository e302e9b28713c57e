"""Oblivious trees with constant, vector or linear leaves, learned by ChimeraBoost on labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lean_automl.data import Task
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.student.family import FEWEST_TREES, LEAST_ROOM, Context

if TYPE_CHECKING:
    import optuna

    from lean_automl.learners.base import Student

DEEPEST = 8
FEW_DEEP = 100  # trees of depth 6
ORDINAL_LEVELS = (64, 0, 1_000_000)  # of categories that are read as numbers; the first is what most often is best


def bytes_per_tree(depth: int, linear: bool, context: Context) -> float:
    """Leaves of 8 bits, since rounding is what makes them fit, and about three bytes a split."""
    slopes = min(depth, context.numbers) if linear else 0
    return float(2**depth) * (context.problem.scores + slopes) + 3 * depth + 4


def work_per_tree(depth: int, linear: bool, context: Context) -> dict[str, float]:
    """What one more tree adds to a call, by names of the cost model."""
    targets = context.problem.scores + (min(depth, context.numbers) if linear else 0)
    numbers = {"wide_targets": targets, "wide_trees": 1.0} if targets > 1 else {"leaf_targets": targets}
    return {"trees": 1.0, "levels": depth, **numbers}


def most_trees(depth: int, linear: bool, context: Context) -> int:
    """Trees that fit into the limits, by estimate."""
    return context.most_trees(bytes_per_tree(depth, linear, context), work_per_tree(depth, linear, context))


class Oblivious:
    """Search space of oblivious trees."""

    name = "oblivious"

    def suits(self, context: Context) -> bool:
        return not any(context.problem.signs) and not context.problem.quantiles

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> Student:
        depth = trial.suggest_int("oblivious_depth", 2, DEEPEST)
        linear = self._can_be_linear(context) and trial.suggest_categorical("oblivious_linear", [True, False])
        room = most_trees(depth, linear, context)
        share = trial.suggest_float("oblivious_room", LEAST_ROOM, 1.0)
        student = ChimeraBoost(
            trees=max(FEWEST_TREES, round(room * share)),
            depth=depth,
            learning_rate=trial.suggest_float("oblivious_learning_rate", 0.03, 0.5, log=True),
            linear=linear,
            max_bins=trial.suggest_categorical("oblivious_bins", [128, 64, 32]),
            l2=trial.suggest_float("oblivious_l2", 0.1, 30.0, log=True),
            colsample=trial.suggest_float("oblivious_colsample", 0.2, 1.0),
            ordinal_levels=self._ordinal_levels(trial, context),
        )
        return context.narrowed(student, trial, self.name)

    def _ordinal_levels(self, trial: optuna.trial.BaseTrial, context: Context) -> int:
        if not context.categories:
            return ORDINAL_LEVELS[0]
        return int(trial.suggest_categorical("oblivious_ordinal_levels", ORDINAL_LEVELS))

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        can_be_linear = self._can_be_linear(context)
        shapes = [(6, False, 0.5), (4, True, 0.7), (3, False, 0.7), (6, True, 0.5), (5, True, 1.0)]
        if not can_be_linear:
            shapes = [(6, False, 0.5), (7, False, 0.5), (4, False, 0.7), (3, False, 1.0)]
        if most_trees(6, False, context) < FEW_DEEP:  # bytes go further in more trees of fewer leaves
            shapes = [(3, False, 1.0), (4, can_be_linear, 1.0), (2, False, 1.0), (3, can_be_linear, 0.7)]
        starts = []
        for number, (depth, linear, colsample) in enumerate(shapes):
            room, rate = context.start(most_trees(depth, linear, context), number)
            start: dict[str, Any] = {
                "oblivious_depth": depth,
                "oblivious_room": room,
                "oblivious_learning_rate": rate,
                "oblivious_bins": 128,
                "oblivious_l2": 1.0,
                "oblivious_colsample": colsample,
            }
            if can_be_linear:
                start["oblivious_linear"] = linear
            if context.categories:
                start["oblivious_ordinal_levels"] = ORDINAL_LEVELS[0]
            starts.append(start | context.start_features(self.name, number))
        return tuple(starts)

    def _can_be_linear(self, context: Context) -> bool:
        return context.numbers > 0 and context.problem.task is not Task.MULTICLASS and context.rows >= 1000
