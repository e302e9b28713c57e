"""ChimeraBoost: oblivious trees on bins, with constant, vector and linear leaves.

The one place that reads the library's private attributes (version 0.34, pinned). Tests compare lowered models with the
library's own predictions, for every task and form of leaf.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.bins import BinColumn, CategoryBins, NumericBins
from lean_automl.compiler.oblivious import ObliviousModel, Term, TermForm, lower_oblivious
from lean_automl.compiler.trees import LeafBits, ObliviousTree, float32_strictly_below
from lean_automl.data import Task
from lean_automl.features import Ordinal
from lean_automl.learners.base import F64, FitOptions, Problem, Rows, last_rounds, probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import FeaturePlan, Frame, NumericFeature

PATIENCE: Final = 50
UNSEEN_CLASS: Final = 1e-6


@dataclass(frozen=True)
class ChimeraBoost:
    """Settings of one fit; `None` leaves a choice to the library.

    Attributes:
        trees: Most boosting rounds.
        depth: Splits of each tree.
        learning_rate: Shrinkage.
        linear: Whether leaves are linear (binary and regression only).
        max_bins: Bins of a numeric feature.
        l2: Regularisation of leaf values.
        colsample: Share of the features that each tree may use.
        leaf_bits: Width of the leaves when lowered.
        form: What linear leaves multiply when lowered.
        ordinal_levels: Categories with at most so many levels are read as numbers, from frequent to rare; those with
            more as target statistics.
        temperature: Divisor of the scores; None leaves it to the library, which fits it on `valid`.
    """

    trees: int = 2000
    depth: int = 6
    learning_rate: float | None = None
    linear: bool = True
    max_bins: int = 128
    l2: float = 1.0
    colsample: float = 1.0
    subsample: float = 1.0
    leaf_bits: LeafBits = 16
    form: TermForm = "values"
    ordinal_levels: int = 64
    temperature: float | None = None

    name = "chimeraboost"
    keeps_signs = False

    def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> FittedChimeraBoost:
        """Fit; with `valid`, keep the best round and fit a temperature there."""
        from chimeraboost import ChimeraBoostClassifier, ChimeraBoostRegressor

        settings: dict[str, Any] = {
            "n_estimators": self.trees,
            "depth": self.depth,
            "learning_rate": self.learning_rate,
            "max_bins": self.max_bins,
            "l2_leaf_reg": self.l2,
            "colsample": self.colsample,
            "subsample": self.subsample,
            "linear_leaves": self.linear and problem.task is not Task.MULTICLASS,
            "cross_features": False,  # crossed features come as columns, so that they are float32 as when served
            "cat_combinations": False,
            "cat_count_features": False,
            "refit_full": False,
            "early_stopping": valid is not None,
            "early_stopping_rounds": PATIENCE if valid is not None else None,
            "random_state": options.seed,
            "thread_count": options.threads,
        }
        if valid is not None and problem.task.is_classification:
            valid = valid.take(np.flatnonzero(np.isin(valid.y, train.y)))  # the library refuses classes new to it
        view = MatrixView.of(train.frame, self.ordinal_levels)
        maker = ChimeraBoostRegressor if problem.task is Task.REGRESSION else ChimeraBoostClassifier
        model = maker(**settings)
        model.fit(
            view.matrix(train.frame),
            train.y,
            cat_features=view.positions or None,
            eval_set=None if valid is None else (view.matrix(valid.frame), valid.y, valid.weight),
            sample_weight=train.weight,
            callbacks=[lambda *_: options.expired],
        )
        return FittedChimeraBoost(model, self, problem, view, len(model.model_.trees_))

    def for_all_rows(self, fitted: Sequence[FittedChimeraBoost], growth: float) -> ChimeraBoost:
        """The same with a fixed number of trees, learning rate and temperature."""
        return replace(
            self,
            trees=last_rounds(fitted, growth),
            learning_rate=float(np.mean([one.model.model_.lr_ for one in fitted])),
            temperature=float(np.mean([one.temperature for one in fitted])),
        )


@dataclass(frozen=True)
class MatrixView:
    """The library's input: numbers, then codes as numbers, then codes as categories.

    Attributes:
        numbers: Numeric features.
        ordinal: Positions of the categorical features that are read as numbers.
        nominal: Positions of the others.
    """

    numbers: int
    ordinal: tuple[int, ...]
    nominal: tuple[int, ...]

    @classmethod
    def of(cls, frame: Frame, ordinal_levels: int) -> MatrixView:
        """How to read frames like this one."""
        small = [levels <= ordinal_levels for levels in frame.levels]
        ordinal = tuple(j for j, is_small in enumerate(small) if is_small)
        nominal = tuple(j for j, is_small in enumerate(small) if not is_small)
        return cls(frame.numbers.shape[1], ordinal, nominal)

    @property
    def positions(self) -> list[int]:
        """Columns of the matrix that are categories."""
        first = self.numbers + len(self.ordinal)
        return list(range(first, first + len(self.nominal)))

    def matrix(self, frame: Frame) -> NDArray[Any]:
        """float64, or objects where there are categories."""
        numbers = np.column_stack([frame.numbers, frame.codes[:, list(self.ordinal)]]).astype(np.float64)
        if not self.nominal:
            return numbers
        return np.concatenate([numbers.astype(object), frame.codes[:, list(self.nominal)].astype(object)], axis=1)

    def features(self, plan: FeaturePlan) -> list[NumericFeature]:
        """The numeric columns of the matrix."""
        return [*plan.numeric, *(Ordinal(plan.categorical[j]) for j in self.ordinal)]


@dataclass(frozen=True, eq=False)
class FittedChimeraBoost:
    """A fitted model of the library with what it was fitted for."""

    model: Any
    settings: ChimeraBoost
    problem: Problem
    view: MatrixView
    rounds: int

    @property
    def temperature(self) -> float:
        """Divisor of the raw scores; 1 for regression."""
        if self.settings.temperature is not None:
            return self.settings.temperature
        return float(getattr(self.model, "temperature_", 1.0) or 1.0)

    def shorten(self, rounds: int) -> FittedChimeraBoost:
        """Only the first trees; for lowering, not for `predict`."""
        return replace(self, rounds=min(rounds, self.rounds))

    @property
    def importance(self) -> NDArray[np.float64]:
        """Share of the split gain of each feature, numbers then codes."""
        gains = np.asarray(self.model.feature_importances_, dtype=np.float64)
        codes = np.argsort([*self.view.ordinal, *self.view.nominal], kind="stable").astype(np.intp)
        return np.concatenate([gains[: self.view.numbers], gains[self.view.numbers :][codes]])

    def predict(self, frame: Frame) -> F64:
        """Probabilities (n, classes), or predictions (n, 1)."""
        scores = np.asarray(self.model.model_.predict_raw(self.view.matrix(frame)), dtype=np.float64) / self.temperature
        if self.problem.task is Task.MULTICLASS and scores.ndim == 1:  # only two of the classes were there
            scores = np.column_stack([np.zeros_like(scores), scores])
        return self._aligned(probabilities(scores, self.problem))

    def _aligned(self, predicted: F64) -> F64:
        """One column for each class of the problem, also for those that the training rows did not have."""
        if self.problem.task is not Task.MULTICLASS or predicted.shape[1] == self.problem.outputs:
            return predicted
        full = np.zeros((predicted.shape[0], self.problem.outputs))
        full[:, self.model.classes_] = predicted
        return full

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the raw scores over the temperature, float32 (n, scores)."""
        classes = self.model.classes_ if self.problem.task is Task.MULTICLASS else None
        neutral = to_neutral(self.model.model_, self.view, plan, 1.0 / self.temperature, self.rounds)
        if classes is not None and len(classes) < self.problem.outputs:
            neutral = _spread(neutral, [int(c) for c in classes], self.problem.outputs)
        return lower_oblivious(neutral, plan, builder, self.settings.leaf_bits, self.settings.form)


def _spread(model: ObliviousModel, classes: list[int], outputs: int) -> ObliviousModel:
    """Give each class of the problem its own output column; classes never seen get a score of almost no chance."""
    own = model.bias
    if own.size == 1:  # the score of the second of two classes, over the first
        own, classes_of_targets = np.array([0.0, own[0]]), classes[1:]
    else:
        classes_of_targets = classes
    bias = np.full(outputs, own.min() + np.log(UNSEEN_CLASS))
    bias[classes] = own
    trees = tuple(
        replace(tree, targets=tuple(classes_of_targets[target] for target in tree.targets)) for tree in model.trees
    )
    return replace(model, trees=trees, bias=bias)


def to_neutral(booster: Any, view: MatrixView, plan: FeaturePlan, factor: float, rounds: int) -> ObliviousModel:
    """The first `rounds` trees of the library's fitted arrays as an `ObliviousModel`, all scores times `factor`.

    A matrix column of the booster is a numeric feature, a category's code, or a category's target statistic (one for
    each class of a multiclass problem); the last two have a single value, and so a single bin, for each code.
    """
    prep = booster.prep_
    columns: list[BinColumn] = [
        NumericBins(feature, edges_of(prep.binner_.borders_[feature]), prep.binner_.borders_[feature].size + 1)
        for feature in range(view.numbers)
    ]
    for j in view.ordinal:
        codes = np.arange(plan.categorical[j].levels, dtype=np.float64)
        columns.append(CategoryBins(j, np.searchsorted(prep.binner_.borders_[len(columns)], codes, side="right")))
    for encoder in prep.encoders_:
        for position, j in enumerate(view.nominal):
            levels = plan.categorical[j].levels
            statistics = _statistics_of_codes(prep.cat_maps_[position], encoder, position, levels)
            bins = np.searchsorted(prep.binner_.borders_[len(columns)], statistics, side="right")
            columns.append(CategoryBins(j, bins))
    bias = np.atleast_1d(np.asarray(booster.init_, dtype=np.float64)) * factor
    terms = _terms(booster, view.features(plan))
    trees = tuple(_tree(tree, factor) for tree in booster.trees_[:rounds])
    return ObliviousModel(trees, tuple(columns), bias, terms)


def edges_of(borders: NDArray[np.float64]) -> NDArray[np.float32]:
    """The library asks `border <= x`; edges ask `edge < x`."""
    return float32_strictly_below(borders)


def _statistics_of_codes(known: dict[Any, int], encoder: Any, column: int, levels: int) -> NDArray[np.float64]:
    """Final target statistic of each code of a category; the prior for codes that training rows did not have."""
    sums, counts, prior = encoder.sums_[column], encoder.counts_[column], encoder.prior_
    statistics = np.full(levels, prior, dtype=np.float64)
    for code, position in known.items():
        statistics[int(code)] = (sums[position] + prior * encoder.smoothing) / (counts[position] + encoder.smoothing)
    return statistics


def _terms(booster: Any, features: Sequence[NumericFeature]) -> tuple[Term, ...]:
    """One for each numeric column of the matrix, in its order; none where leaves are not linear."""
    centres_std = getattr(booster, "_centers_std_", None)
    if centres_std is None:
        return ()
    binner = booster.prep_.binner_
    terms = []
    for column, feature in enumerate(features):
        edges = edges_of(binner.borders_[column])
        centres = np.asarray(binner.bin_centers_[column][: edges.size + 1], dtype=np.float64)
        standard = centres_std[column][: edges.size + 1]
        mean, deviation = _moments(centres, standard)
        terms.append(Term(feature, edges, centres, mean, deviation))
    return tuple(terms)


def _moments(centres: NDArray[np.float64], standard: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and deviation such that `standard = (centres - mean) / deviation`."""
    low, high = int(np.argmin(centres)), int(np.argmax(centres))
    spread = float(standard[high] - standard[low])
    if spread <= 0:
        return float(centres[low]), 1.0
    deviation = float(centres[high] - centres[low]) / spread
    return float(centres[low] - standard[low] * deviation), deviation


def _tree(tree: Any, factor: float) -> ObliviousTree:
    """The library's first split is the highest bit of the leaf number; ours is the lowest."""
    feature = np.asarray(tree.splits_feat[: tree.depth][::-1], dtype=np.int64)
    split = np.asarray(tree.splits_thr[: tree.depth][::-1], dtype=np.int64)
    if tree.lin_coef is None:
        values = np.asarray(tree.values, dtype=np.float64)
        leaves = values.reshape(values.shape[0], -1) * factor
        return ObliviousTree(feature, split, leaves, tuple(range(leaves.shape[1])))
    targets = [0] + [1 + int(f) for f in tree.lin_feats]
    order = np.argsort(targets)
    leaves = np.asarray(tree.lin_coef, dtype=np.float64)[:, order] * factor
    return ObliviousTree(feature, split, leaves, tuple(int(targets[i]) for i in order))
