"""Random forests and extremely randomised trees, from scikit-learn, on numbers and target statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from lean_automl.data import Task
from lean_automl.learners.base import F64, FitOptions, Problem, Rows
from lean_automl.learners.encoding import Encoding, fit_encoding

if TYPE_CHECKING:
    from lean_automl.features import Frame

TREES_AT_ONCE: Final = 20  # between looks at the clock


@dataclass(frozen=True)
class Forest:
    """Settings of one fit.

    Attributes:
        kind: `extra_trees` or `random_forest`.
        trees: Most trees.
        min_rows: Fewest rows of a leaf.
        max_features: Share of the columns that each split may use.
    """

    kind: Literal["extra_trees", "random_forest"] = "extra_trees"
    trees: int = 200
    min_rows: int = 2
    max_features: float | str = "sqrt"

    keeps_signs = False

    @property
    def name(self) -> str:
        """Name of the kind."""
        return self.kind

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> FittedForest:  # noqa: ARG002
        """Fit as many trees as the time allows, at least `TREES_AT_ONCE`."""
        from sklearn import ensemble

        makers = {
            ("extra_trees", True): ensemble.ExtraTreesClassifier,
            ("extra_trees", False): ensemble.ExtraTreesRegressor,
            ("random_forest", True): ensemble.RandomForestClassifier,
            ("random_forest", False): ensemble.RandomForestRegressor,
        }
        encoding, matrix = fit_encoding(train, problem, options.seed)
        model = makers[self.kind, problem.task is not Task.REGRESSION](
            n_estimators=TREES_AT_ONCE,
            min_samples_leaf=self.min_rows,
            max_features=self.max_features,
            n_jobs=options.threads,
            random_state=options.seed,
            warm_start=True,
        )
        matrix = _without_nan(matrix)
        while True:
            model.fit(matrix, train.y, sample_weight=train.weight)
            if options.expired or model.n_estimators >= self.trees:
                break
            model.n_estimators = min(self.trees, model.n_estimators + TREES_AT_ONCE)
        return FittedForest(model, encoding, problem)


@dataclass(frozen=True, eq=False)
class FittedForest:
    """A fitted forest and the encoding that it reads."""

    model: Any
    encoding: Encoding
    problem: Problem

    @property
    def rounds(self) -> int:
        """Trees."""
        return len(self.model.estimators_)

    def predict(self, frame: Frame) -> F64:
        """Probabilities (n, classes), or predictions (n, 1)."""
        matrix = _without_nan(self.encoding.matrix(frame))
        if self.problem.task is Task.REGRESSION:
            return np.asarray(self.model.predict(matrix), dtype=np.float64).reshape(-1, 1)
        predicted = np.zeros((frame.rows, self.problem.outputs))
        predicted[:, self.model.classes_.astype(int)] = self.model.predict_proba(matrix)
        return predicted


def _without_nan(matrix: Any) -> Any:
    """Missing values far below all others, and huge values where sums of squares stay finite."""
    return np.nan_to_num(np.clip(matrix, -1e18, 1e18), nan=-1e19)
