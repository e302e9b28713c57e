"""Scores of texts: ridge regressions of the target on tokens, out of fold for the rows that train.

As with other target statistics, a learner must not see a value that knows the row's own target: the rows that train
get theirs from a regression on the other folds, the choice of its tokens included, new rows from one on all of them.
Of many tokens those are kept that move scores most, and the regression is fitted once more on them alone. Scores that
explain nothing out of fold are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.features import FeaturePlan, Worded
from lean_automl.features.texts import LIMIT
from lean_automl.learners.around import Around
from lean_automl.learners.base import F64, training
from lean_automl.learners.encoding import targets_of
from lean_automl.learners.logs import OfLogs

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import Frame
    from lean_automl.features.texts import Bags, Tokens
    from lean_automl.learners.base import FitOptions, Problem, Rows

FOLDS: Final = 4
STRENGTH: Final = 4.0  # of the penalty, in times of what the tokens of a row weigh
STEPS: Final = 16  # of the solver, which then has found what matters
ROWS_OF_A_TOKEN: Final = 10  # training rows that each token needs: with fewer, scores of new rows are others
FEWEST_KEPT: Final = 8
PRUNED_LIGHTLY: Final = 4  # tokens for each that is kept: what is left out then moves little
MOST_TARGETS: Final = 4  # classes that have a score of their own
MOST_CELLS: Final = 1_500_000  # tokens of all texts that a regression is fitted on
LEAST_SHARE: Final = 1e-3  # of log(1 / share): a token that all rows have

F32 = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, eq=False)
class Weights:
    """A regression on the tokens of one text, in integers.

    Attributes:
        ids: Tokens that have a weight.
        values: int16, one for each.
        scale: Of the sums.
        bias: What a text without tokens scores.
    """

    ids: NDArray[np.intp]
    values: NDArray[np.int16]
    scale: np.float32
    bias: np.float32

    def score(self, bags: Bags) -> F32:
        """As the op, float32 of shape (n,)."""
        weights = np.zeros(bags.tokens.count, dtype=np.int64)
        weights[self.ids] = self.values
        return np.asarray(bags.sums(weights).astype(np.float32) * self.scale + self.bias, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class TextScores:
    """What the texts of a frame become.

    Attributes:
        texts: For each text, a regression for each target that its words say something of.
        features: The same as features, in order.
    """

    texts: tuple[tuple[Weights, ...], ...]
    features: tuple[Worded, ...]

    def scored(self, frame: Frame) -> Frame:
        """Texts as further numbers."""
        own = [one.score(bags) for bags, some in zip(frame.texts, self.texts, strict=True) for one in some]
        return _with_numbers(frame, np.column_stack([np.empty((frame.rows, 0), dtype=np.float32), *own]))

    def plan(self, plan: FeaturePlan) -> FeaturePlan:
        """The features of such a frame."""
        return FeaturePlan(plan.numeric + self.features, plan.categorical)


Prepared = tuple[TextScores, F32]


def fit_texts(rows: Rows, problem: Problem, seed: int) -> Prepared:
    """Scores fitted on all rows, and those of the rows themselves, which are out of fold, float32 (n, scores)."""
    targets = targets_of(problem.as_learned(rows.y), problem, MOST_TARGETS)
    weight = np.ones(rows.frame.rows) if rows.weight is None else rows.weight
    fold = np.random.default_rng(seed).permutation(rows.frame.rows) % FOLDS
    texts, own = [], [np.empty((rows.frame.rows, 0), dtype=np.float32)]
    for bags in rows.frame.texts:
        scores = np.empty(targets.shape, dtype=np.float32)
        for k in range(FOLDS):
            rest, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            models = _fit(bags.take(rest), targets[rest], weight[rest], seed)
            scores[held] = np.column_stack([one.score(bags.take(held)) for one in models])
        told = np.flatnonzero(_explained(targets, scores, weight) > 0)
        own.append(scores[:, told])
        texts.append(_fit(bags, targets[:, told], weight, seed))
    features = [_feature(bags, one) for bags, some in zip(rows.frame.texts, texts, strict=True) for one in some]
    return TextScores(tuple(texts), tuple(features)), np.concatenate(own, axis=1)


def _explained(targets: F64, scores: F32, weight: NDArray[np.float64]) -> F64:
    """Share of each target's variance that scores explain in rows that they do not know."""
    error = (weight[:, None] * (targets - scores) ** 2).sum(axis=0)
    mean = np.average(targets, axis=0, weights=weight)
    return np.asarray(1 - error / np.maximum((weight[:, None] * (targets - mean) ** 2).sum(axis=0), 1e-300))


def _with_numbers(frame: Frame, own: F32) -> Frame:
    return replace(frame, numbers=np.concatenate([frame.numbers, own], axis=1), texts=())


def _fit(bags: Bags, targets: F64, weight: NDArray[np.float64], seed: int) -> tuple[Weights, ...]:
    """A regression for each target."""
    import scipy.sparse as sp

    if bags.ids.size > MOST_CELLS:
        count = targets.shape[0] * MOST_CELLS // bags.ids.size
        some = np.sort(np.random.default_rng(seed).permutation(targets.shape[0])[:count])
        bags, targets, weight = bags.take(some), targets[some], weight[some]
    shape = (targets.shape[0], bags.tokens.count)
    counts = sp.csr_matrix(
        (np.ones(bags.ids.size), bags.ids, bags.starts), shape=shape, copy=True
    )  # it is sorted below
    counts.sum_duplicates()
    rarity = np.maximum(np.log(1 / np.array(bags.tokens.shares)), LEAST_SHARE)
    root = np.sqrt(weight / max(float(weight.mean()), 1e-12))
    matrix = (sp.diags(root) @ counts @ sp.diags(rarity)).tocsr()
    mean = np.average(targets, axis=0, weights=weight) if targets.size else np.zeros(targets.shape[1])
    residual = (targets - mean) * root[:, None]
    found = _ridge(matrix, residual) * rarity[:, None]
    return tuple(
        replace(_pruned(matrix, residual[:, j], found[:, j], rarity, bags.tokens), bias=np.float32(mean[j]))
        for j in range(targets.shape[1])
    )


def _pruned(matrix: Any, residual: F64, found: F64, rarity: F64, tokens: Tokens) -> Weights:
    """Weights of the tokens that move scores most, in integers."""
    ids = np.arange(found.size)
    most = min(tokens.most, max(FEWEST_KEPT, residual.size // ROWS_OF_A_TOKEN))
    if found.size > most:
        moved = np.abs(found) * np.sqrt(np.array(tokens.shares))
        ids = np.sort(np.argsort(-moved, kind="stable")[:most])
        again = found.size > PRUNED_LIGHTLY * ids.size
        found = _ridge(matrix[:, ids], residual[:, None])[:, 0] * rarity[ids] if again else found[ids]
    step = float(np.abs(found).max(initial=0.0)) / np.iinfo(np.int16).max or 1.0
    values = np.rint(found / step).astype(np.int16)
    kept = values != 0
    return Weights(ids[kept], values[kept], np.float32(step), np.float32(0.0))


def _ridge(matrix: Any, targets: F64) -> F64:
    """Coefficients for each target, shape (tokens, targets)."""
    from scipy.sparse.linalg import lsqr

    size = float(matrix.power(2).sum()) / max(1, matrix.shape[0])
    damp = np.sqrt(STRENGTH * max(size, 1e-12))
    found = [lsqr(matrix, target, damp=damp, iter_lim=STEPS)[0] for target in np.ascontiguousarray(targets.T)]
    return np.column_stack([np.empty((matrix.shape[1], 0)), *found])


def _feature(bags: Bags, one: Weights) -> Worded:
    tokens = tuple(bags.tokens.text(int(number)) for number in one.ids)
    op = o.TokenScore((0,), tokens, one.values[:, None], np.array([one.scale]), np.array([one.bias]), LIMIT)
    return Worded(bags.tokens.column, op)


@dataclass(frozen=True, eq=False)
class WithTexts(Around):
    """A fitted model of numbers and codes that reads scores of texts.

    Attributes:
        scores: From texts to numbers.
        categories: How many categorical features there are.
    """

    scores: TextScores
    categories: int

    @property
    def importance(self) -> F64:
        """Of each feature of the plan, numbers then categories, without the scores."""
        every: F64 = self.model.importance
        last = every.size - self.categories
        return np.concatenate([every[: last - len(self.scores.features)], every[last:]])

    def predict(self, frame: Frame) -> F64:
        """As the model's."""
        predicted: F64 = self.model.predict(self.scores.scored(frame))
        return predicted


@dataclass(frozen=True, eq=False)
class LowerableWithTexts(WithTexts):
    """The same with a model that can become ops."""

    def lower(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """As the model's, for the plan of frames with texts."""
        return int(self.model.lower(self.scores.plan(plan), builder))


def fit_reading(
    learner: Any,
    rows: tuple[Rows, Rows | None],
    problem: Problem,
    options: FitOptions,
    prepared: Prepared | None = None,
) -> Any:
    """Fit a learner of numbers and codes on rows that may have texts.

    Args:
        learner: Any.
        rows: Those that train, and those that judge.
        problem: What is predicted.
        options: How.
        prepared: What `fit_texts` made of the rows that train; None to do it now.
    """
    train, valid = training(rows[0], problem), None if rows[1] is None else training(rows[1], problem)
    if problem.logs is not None:
        learner = OfLogs(learner)
    if not train.frame.texts:
        return learner.fit(train, valid, problem, options)
    scores, numbers = prepared or fit_texts(train, problem, options.seed)
    own = replace(train, frame=_with_numbers(train.frame, numbers))
    held = None if valid is None else replace(valid, frame=scores.scored(valid.frame))
    if problem.signs:
        problem = replace(problem, signs=problem.signs + (0,) * len(scores.features))
    model = learner.fit(own, held, problem, options)
    kind = LowerableWithTexts if hasattr(model, "lower") else WithTexts
    return kind(model, scores, len(train.frame.levels))
