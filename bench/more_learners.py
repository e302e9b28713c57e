"""Learners that were tried as members of the teacher and are none; they predict, and are not lowered."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.neighbors import NearestNeighbors

from lean_automl.data import Task
from lean_automl.features import Frame
from lean_automl.learners.base import F64, FitOptions, Problem, Rows, probabilities
from lean_automl.learners.encoding import Encoding, fit_encoding
from lean_automl.learners.standardise import Standardise, fit_standardise

LARGEST = np.finfo(np.float32).max
OBJECTIVE = {Task.BINARY: "binary:logistic", Task.MULTICLASS: "multi:softprob", Task.REGRESSION: "reg:squarederror"}
LEAST = 1e-9  # so that neighbours without weight are no division by zero


@dataclass(frozen=True)
class XGBoost:
    """Trees that grow level by level, on numbers and target statistics."""

    trees: int = 2000
    patience: int = 50
    learning_rate: float = 0.05
    share: float = 0.5  # of the columns, for each level
    rows: float = 0.8

    name = "xgboost"

    def fit(self, train: Rows, valid: Rows, problem: Problem, options: FitOptions) -> "FittedXGBoost":
        encoding, matrix = fit_encoding(train, problem, options.seed)
        data = xgb.QuantileDMatrix(finite(matrix), train.y, weight=train.weight, nthread=options.threads)
        known = finite(encoding.matrix(valid.frame))
        held = xgb.QuantileDMatrix(known, valid.y, weight=valid.weight, ref=data, nthread=options.threads)
        settings = {
            "objective": OBJECTIVE[problem.task],
            **({"num_class": problem.outputs} if problem.task is Task.MULTICLASS else {}),
            "eta": self.learning_rate,
            "colsample_bylevel": self.share,
            "subsample": self.rows,
            "nthread": options.threads,
            "seed": options.seed,
            "verbosity": 0,
        }
        booster = xgb.train(
            settings, data, self.trees, [(held, "valid")], early_stopping_rounds=self.patience, verbose_eval=False
        )
        return FittedXGBoost(booster, encoding, problem)


@dataclass(frozen=True, eq=False)
class FittedXGBoost:
    booster: Any
    encoding: Encoding
    problem: Problem

    def predict(self, frame: Frame) -> F64:
        rounds = (0, self.booster.best_iteration + 1)
        matrix = finite(self.encoding.matrix(frame))
        scores = self.booster.inplace_predict(matrix, iteration_range=rounds, predict_type="margin")
        return probabilities(np.asarray(scores, dtype=np.float64), self.problem)


def finite(matrix: np.ndarray) -> np.ndarray:
    """Without infinite values, which XGBoost refuses."""
    return np.clip(matrix, -LARGEST, LARGEST)


@dataclass(frozen=True)
class Neighbours:
    """Votes of the nearest rows, by standardised numbers and target statistics; validation rows choose how many."""

    counts: tuple[int, ...] = (5, 10, 20, 40)

    name = "neighbours"

    def fit(self, train: Rows, valid: Rows, problem: Problem, options: FitOptions) -> "FittedNeighbours":
        encoding, matrix = fit_encoding(train, problem, options.seed)
        scale = fit_standardise(matrix)
        search = NearestNeighbors(n_neighbors=self.counts[-1], n_jobs=options.threads).fit(scale.values(matrix))
        is_number = problem.task is Task.REGRESSION
        targets = train.y.astype(np.float64)[:, None] if is_number else np.eye(problem.outputs)[train.y]
        weight = np.ones(train.frame.rows) if train.weight is None else train.weight
        fitted = [FittedNeighbours(search, encoding, scale, targets, weight, count) for count in self.counts]
        return min(fitted, key=lambda one: one.loss(valid))


@dataclass(frozen=True, eq=False)
class FittedNeighbours:
    search: NearestNeighbors
    encoding: Encoding
    scale: Standardise
    targets: F64
    weight: F64
    count: int

    def predict(self, frame: Frame) -> F64:
        """For classes one vote more is the share of each in all rows, so that those that are near rule none out."""
        matrix = self.scale.values(self.encoding.matrix(frame))
        near = self.search.kneighbors(matrix, self.count, return_distance=False)
        mean, vote = np.average(self.targets, axis=0, weights=self.weight), 1.0 if self.targets.shape[1] > 1 else LEAST
        weight = self.weight[near] / self.weight.mean()
        sums = (weight[:, :, None] * self.targets[near]).sum(axis=1)
        return (sums + vote * mean) / (weight.sum(axis=1, keepdims=True) + vote)

    def loss(self, rows: Rows) -> float:
        predicted = self.predict(rows.frame)
        if self.targets.shape[1] == 1:
            return float(np.average((rows.y - predicted[:, 0]) ** 2, weights=rows.weight))
        return float(np.average(-np.log(predicted[np.arange(rows.frame.rows), rows.y]), weights=rows.weight))
