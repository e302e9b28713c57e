"""Oblivious trees that learn from the teacher: CatBoost on soft targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lean_automl.data import Task
from lean_automl.learners.catboost import CatBoost
from lean_automl.learners.distilled import Distilled
from lean_automl.student.family import FEWEST_TREES, LEAST_ROOM, Context
from lean_automl.student.oblivious import FEW_DEEP, most_trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna

    from lean_automl.learners.base import Student


MIX: Final = "distilled_mix"


def undistilled(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Parameters of the same student on labels alone; None for one that learns nothing from a teacher."""
    return {**parameters, MIX: 0.0} if parameters.get(MIX) else None


class DistilledOblivious:
    """Search space of distilled oblivious trees: cross-entropy on probabilities, the usual loss on numbers."""

    name = "distilled"

    def suits(self, context: Context) -> bool:
        return context.has_teacher and not any(context.problem.signs) and not context.problem.quantiles

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> Student:
        depth = trial.suggest_int("distilled_depth", 2, 7)
        room = most_trees(depth, False, context)
        share = trial.suggest_float("distilled_room", LEAST_ROOM, 1.0)
        soft = context.problem.task is Task.BINARY
        student = CatBoost(
            trees=max(FEWEST_TREES, min(round(room * share), 1000)),
            depth=depth,
            learning_rate=trial.suggest_float("distilled_learning_rate", 0.03, 0.5, log=True),
            l2=trial.suggest_float("distilled_l2", 0.3, 30.0, log=True),
            own_categories=False,
            soft=soft,
        )
        learner = Distilled(student, trial.suggest_float(MIX, 0.0, 1.0), soft)
        return context.narrowed(learner, trial, self.name)

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        starts = []
        few = most_trees(6, False, context) < FEW_DEEP
        for number, (depth, mix) in enumerate(((3, 0.5), (4, 0.9)) if few else ((6, 0.5), (5, 0.9))):
            room, rate = context.start(most_trees(depth, False, context), number)
            starts.append(
                {
                    "distilled_depth": depth,
                    "distilled_room": room,
                    "distilled_learning_rate": rate,
                    "distilled_l2": 3.0,
                    MIX: mix,
                }
                | context.start_features(self.name, number)
            )
        return tuple(starts)
