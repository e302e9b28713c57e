"""Additive models: one table for each feature, so that the number of trees costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lean_automl.learners.additive import Additive
from lean_automl.learners.quantiles import for_quantiles
from lean_automl.student.family import Context

if TYPE_CHECKING:
    import optuna

    from lean_automl.learners.base import Student


class AdditiveTables:
    """Search space of additive models."""

    name = "additive"

    def suits(self, context: Context) -> bool:  # noqa: ARG002
        return True

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> Student:
        student = Additive(
            learning_rate=trial.suggest_float("additive_learning_rate", 0.03, 0.5, log=True),
            max_bins=trial.suggest_categorical("additive_bins", [16, 64, 255]),
        )
        return context.narrowed(for_quantiles(student, context.problem), trial, self.name)

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        return ({"additive_learning_rate": 0.15, "additive_bins": 64} | context.start_features(self.name, 0),)
