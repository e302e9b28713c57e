"""LightGBM: trees that grow leaf by leaf, on numbers and target statistics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakKeyDictionary

import numpy as np

from lean_automl.compiler.from_lightgbm import read_trees
from lean_automl.compiler.trees import LeafBits, RaggedTree, ragged_op
from lean_automl.data import Task
from lean_automl.learners.base import F64, FitOptions, Problem, Rows, last_rounds, probabilities
from lean_automl.learners.encoding import Encoding, fit_encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder

    from lean_automl.features import FeaturePlan, Frame

PATIENCE: Final = 50
PACED_PATIENCE: Final = 150  # a low rate learns little from each round, and the deadline is near
FIRST_RATE: Final = 0.05  # of the rounds that show what a round takes, where the time chooses the rate
TIMED_ROUNDS: Final = 10
RATES: Final = (0.03, 0.2)
RATE_TIMES_ROUNDS: Final = 40.0  # with so much of it trees of many rows are about through
PACED_SHARE: Final = 0.85  # of the time: rounds take longer and shorter
# A model is lowered several times while it is cut to its limits, and its text has thousands of trees.
READ: Final[WeakKeyDictionary[Any, list[RaggedTree]]] = WeakKeyDictionary()
OBJECTIVE: Final = {Task.BINARY: "binary", Task.MULTICLASS: "multiclass", Task.REGRESSION: "regression"}


@dataclass(frozen=True)
class LightGBM:
    """Settings of one fit.

    Attributes:
        trees: Most boosting rounds.
        leaves: Most leaves of a tree.
        learning_rate: Shrinkage; None for the least with which boosting is through in the time and trees.
        min_rows: Fewest rows of a leaf.
        feature_fraction: Share of the columns that each tree may use.
        bagging_fraction: Share of the rows that each tree sees.
        extra: Further LightGBM parameters.
        leaf_bits: Width of the leaves when lowered.
    """

    trees: int = 2000
    leaves: int = 31
    learning_rate: float | None = 0.05
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
        pace = None if self.learning_rate is not None else _Pace(options, self.trees)
        if pace is not None:
            callbacks.append(pace)
        held = []
        if valid is not None:
            held = [lgb.Dataset(encoding.matrix(valid.frame), valid.y, weight=valid.weight, reference=data)]
            callbacks.append(lgb.early_stopping(PATIENCE if pace is None else PACED_PATIENCE, verbose=False))
        booster = lgb.train(
            self._parameters(problem, options) | signs, data, self.trees, valid_sets=held, callbacks=callbacks
        )
        rounds = (
            booster.best_iteration if valid is not None and booster.best_iteration > 0 else booster.current_iteration()
        )
        settings = self if pace is None else replace(self, learning_rate=pace.rate)
        return FittedLightGBM(booster, encoding, settings, problem, rounds)

    def for_all_rows(self, fitted: Sequence[FittedLightGBM], growth: float) -> LightGBM:
        """The same with a fixed number of trees, and learning rate."""
        rate = self.learning_rate
        if rate is None:
            rate = float(np.array([one.settings.learning_rate for one in fitted], dtype=np.float64).mean())
        return replace(self, trees=last_rounds(fitted, growth), learning_rate=rate)

    def _parameters(self, problem: Problem, options: FitOptions) -> dict[str, Any]:
        return {
            "objective": "regression_l1" if problem.learns_medians else OBJECTIVE[problem.task],
            **({"num_class": problem.outputs} if problem.task is Task.MULTICLASS else {}),
            "num_leaves": self.leaves,
            "learning_rate": FIRST_RATE if self.learning_rate is None else self.learning_rate,
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


class _Pace:
    """LightGBM callback: every few rounds, set the learning rate with which it is through in the time and trees."""

    before_iteration = True
    order = 0

    def __init__(self, options: FitOptions, trees: int) -> None:
        self.rate = FIRST_RATE
        self._options, self._trees = options, trees
        self._done = 0.0  # sum of the rates of all rounds
        self._begin = 0.0

    def __call__(self, env: Any) -> None:
        now = time.monotonic()
        if env.iteration > 1 and (env.iteration - 1) % TIMED_ROUNDS == 0:
            in_time = PACED_SHARE * (self._options.deadline - now) * TIMED_ROUNDS / (now - self._begin)
            rounds = max(1.0, min(in_time, self._trees - env.iteration))
            self.rate = float(np.clip((RATE_TIMES_ROUNDS - self._done) / rounds, *RATES))
            env.model.reset_parameter({"learning_rate": self.rate})
        if env.iteration % TIMED_ROUNDS == 1:  # the first round has to set things up
            self._begin = now
        self._done += self.rate


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
        most = self.rounds * self.problem.scores
        trees = READ.get(self.booster, [])
        if len(trees) < most:
            trees = READ[self.booster] = read_trees(self.booster.model_to_string(num_iteration=self.rounds))
        return trees[:most]

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the raw scores, float32 (n, scores)."""
        trees = self.trees()
        used = sorted({int(f) for tree in trees for f in tree.feature}) or [0]
        position = np.zeros(self.encoding.width, dtype=np.int32)
        position[used] = np.arange(len(used))
        moved = [replace(tree, feature=position[tree.feature]) for tree in trees]
        source = self.encoding.emit_matrix(used, plan, builder)
        return builder.add(ragged_op(source, moved, np.zeros(self.problem.scores), self.settings.leaf_bits))
