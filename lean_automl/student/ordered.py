"""Oblivious trees that keep the signs of features, learned by CatBoost: ChimeraBoost cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lean_automl.learners.catboost import CatBoost
from lean_automl.student.family import FEWEST_TREES, LEAST_ROOM, Context
from lean_automl.student.oblivious import most_trees

if TYPE_CHECKING:
    import optuna

MOST_TREES = 1000


class OrderedOblivious:
    """Search space of oblivious trees that keep signs."""

    name = "ordered"

    def suits(self, context: Context) -> bool:
        return any(context.problem.signs) and not context.problem.quantiles

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> CatBoost:
        depth = trial.suggest_int("ordered_depth", 2, 7)
        room = most_trees(depth, False, context)
        share = trial.suggest_float("ordered_room", LEAST_ROOM, 1.0)
        return CatBoost(
            trees=max(FEWEST_TREES, min(round(room * share), MOST_TREES)),
            depth=depth,
            learning_rate=trial.suggest_float("ordered_learning_rate", 0.03, 0.5, log=True),
            l2=trial.suggest_float("ordered_l2", 0.3, 30.0, log=True),
            own_categories=False,
        )

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        starts = []
        for number, depth in enumerate((6, 4)):
            room, rate = context.start(most_trees(depth, False, context), number)
            starts.append(
                {
                    "ordered_depth": depth,
                    "ordered_room": room,
                    "ordered_learning_rate": rate,
                    "ordered_l2": 3.0,
                }
            )
        return tuple(starts)
