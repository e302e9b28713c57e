"""LightGBM: trees that grow leaf by leaf, on numbers and target statistics."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from lean_automl.compiler.from_lightgbm import read_trees
from lean_automl.compiler.trees import LeafBits, ragged_op
from lean_automl.data import Task
from lean_automl.learners.base import F64, FitOptions, Problem, Rows, last_rounds, probabilities
from lean_automl.learners.encoding import Encoding, fit_encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder

    from lean_automl.compiler.trees import RaggedTree
    from lean_automl.features import FeaturePlan, Frame

PATIENCE: Final = 50
OBJECTIVE: Final = {Task.BINARY: "binary", Task.MULTICLASS: "multiclass", Task.REGRESSION: "regression"}


@dataclass(frozen=True)
class LightGBM:
    """Settings of one fit.

    Attributes:
        trees: Most boosting rounds.
        leaves: Most leaves of a tree.
        learning_rate: Shrinkage.
        min_rows: Fewest rows of a leaf.
        feature_fraction: Share of the columns that each tree may use.
        bagging_fraction: Share of the rows that each tree sees.
        extra: Further LightGBM parameters.
        leaf_bits: Width of the leaves when lowered.
    """

    trees: int = 2000
    leaves: int = 31
    learning_rate: float = 0.05
    min_rows: int = 20
    feature_fraction: float = 0.8
    bagging_fraction: float = 0.8
    extra: dict[str, Any] = field(default_factory=dict)
    leaf_bits: LeafBits = 16

    name = "lightgbm"
    keeps_signs = True

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> FittedLightGBM:
        """Fit; with `valid`, keep the best round."""
        import lightgbm as lgb

        encoding, matrix = fit_encoding(train, problem, options.seed)
        data = lgb.Dataset(matrix, train.y, weight=train.weight, free_raw_data=True)
        signs = _constraints(problem, encoding.width)
        callbacks: list[Any] = [_stop_when(options, lgb)]
        held = []
        if valid is not None:
            held = [lgb.Dataset(encoding.matrix(valid.frame), valid.y, weight=valid.weight, reference=data)]
            callbacks.append(lgb.early_stopping(PATIENCE, verbose=False))
        booster = lgb.train(
            self._parameters(problem, options) | signs, data, self.trees, valid_sets=held, callbacks=callbacks
        )
        rounds = (
            booster.best_iteration if valid is not None and booster.best_iteration > 0 else booster.current_iteration()
        )
        return FittedLightGBM(booster, encoding, self, problem, rounds)

    def for_all_rows(self, fitted: Sequence[FittedLightGBM], growth: float) -> LightGBM:
        """The same with a fixed number of trees."""
        return replace(self, trees=last_rounds(fitted, growth))

    def _parameters(self, problem: Problem, options: FitOptions) -> dict[str, Any]:
        return {
            "objective": OBJECTIVE[problem.task],
            **({"num_class": problem.outputs} if problem.task is Task.MULTICLASS else {}),
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_rows,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1 if self.bagging_fraction < 1 else 0,
            "max_bin": 255,
            "num_threads": options.threads,
            "seed": options.seed,
            "deterministic": True,
            "verbosity": -1,
            **self.extra,
        }


def _constraints(problem: Problem, width: int) -> dict[str, Any]:
    """Parameters that keep the signs of the numeric features, which are the first of `width` columns."""
    if not any(problem.signs):
        return {}
    signs = [*problem.signs, *[0] * (width - len(problem.signs))]
    # The other methods fit better, but let predictions go the wrong way now and then.
    return {"monotone_constraints": signs, "monotone_constraints_method": "basic"}


def _stop_when(options: FitOptions, lgb: Any) -> Any:
    def callback(env: Any) -> None:
        if options.expired:
            raise lgb.callback.EarlyStopException(env.iteration, env.evaluation_result_list or [])

    return callback


@dataclass(frozen=True, eq=False)
class FittedLightGBM:
    """A fitted booster and the encoding that it reads."""

    booster: Any
    encoding: Encoding
    settings: LightGBM
    problem: Problem
    rounds: int

    def predict(self, frame: Frame) -> F64:
        """Probabilities (n, classes), or predictions (n, 1)."""
        scores = self.booster.predict(self.encoding.matrix(frame), num_iteration=self.rounds, raw_score=True)
        return probabilities(np.asarray(scores, dtype=np.float64), self.problem)

    def shorten(self, rounds: int) -> Self:
        """Only the first rounds."""
        return replace(self, rounds=min(rounds, self.rounds))

    def trees(self) -> list[RaggedTree]:
        """The trees in neutral form, over the encoding's columns."""
        return read_trees(self.booster.model_to_string(num_iteration=self.rounds))

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the raw scores, float32 (n, scores)."""
        trees = self.trees()
        used = sorted({int(f) for tree in trees for f in tree.feature}) or [0]
        position = np.zeros(self.encoding.width, dtype=np.int32)
        position[used] = np.arange(len(used))
        moved = [replace(tree, feature=position[tree.feature]) for tree in trees]
        source = self.encoding.emit_matrix(used, plan, builder)
        return builder.add(ragged_op(source, moved, np.zeros(self.problem.scores), self.settings.leaf_bits))
