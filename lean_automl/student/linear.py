"""Linear models: a weight for each number and each category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lean_automl.learners.linear import Linear
from lean_automl.student.family import Context

if TYPE_CHECKING:
    import optuna

    from lean_automl.learners.base import Student

STRENGTH: Final = 0.3  # inverse regularisation strength that is tried first


class LinearWeights:
    """Search space of linear models."""

    name = "linear"

    def suits(self, context: Context) -> bool:
        return not context.problem.quantiles

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> Student:
        student = Linear((trial.suggest_float("linear_strength", 1e-4, 10.0, log=True),))
        return context.narrowed(student, trial, self.name)

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        return ({"linear_strength": STRENGTH} | context.start_features(self.name, 0),)
