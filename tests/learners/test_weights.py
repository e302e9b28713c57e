"""Rows that judge within a fit count by their weights, as those that it learns from do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tables import mixed_frame_for

from lean_automl.data import Task, load_dataset
from lean_automl.errors import MissingDependencyError
from lean_automl.features import fit_features
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.catboost import CatBoost
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.linear import Linear
from lean_automl.learners.mlp import MLP
from lean_automl.learners.texts import fit_reading

LEARNERS: dict[str, Any] = {
    "chimeraboost": ChimeraBoost(trees=120, depth=3, learning_rate=0.1),
    "lightgbm": LightGBM(trees=120, learning_rate=0.1),
    "catboost": CatBoost(trees=120, depth=3, learning_rate=0.1, own_categories=False),
    "linear": Linear((10.0, 1.0, 0.1, 0.01, 0.001)),
    "mlp": MLP((8,), epochs=20, learning_rate=1e-2),
}


def prepared(rows: int = 900) -> tuple[Rows, Problem]:
    frame, target = mixed_frame_for("binary", rows)
    dataset = load_dataset(frame, target)
    return Rows(fit_features(dataset.table).frame(dataset.table), dataset.y), Problem(Task.BINARY, 2)


def fitted(name: str, train: Rows, valid: Rows, problem: Problem) -> Any:
    try:
        return fit_reading(LEARNERS[name], (train, valid), problem, FitOptions())
    except MissingDependencyError:
        pytest.skip("torch is not installed")


@pytest.mark.parametrize("name", LEARNERS)
def test_rows_of_next_to_no_weight_do_not_judge(name: str) -> None:
    rows, problem = prepared()
    train, valid = rows.take(np.arange(400)), rows.take(np.arange(400, 900))
    y, weight = valid.y.copy(), np.ones(500)
    y[:250], weight[:250] = 1 - y[:250], 1e-9  # as wrong as can be
    train = replace(train, weight=np.ones(400))
    spoilt = fitted(name, train, replace(valid, y=y, weight=weight), problem)
    clean = fitted(name, train, replace(valid.take(np.arange(250, 500)), weight=np.ones(250)), problem)
    np.testing.assert_allclose(spoilt.predict(rows.frame), clean.predict(rows.frame), atol=1e-4)


@pytest.mark.parametrize("name", LEARNERS)
def test_balanced_classes_judge_as_they_train(name: str) -> None:
    """With a class of few rows, as if each of them were there more often."""
    rows, problem = prepared()
    train, valid = rows.take(np.arange(400)), rows.take(np.arange(400, 900))
    rare = np.flatnonzero(valid.y == 1)
    few = valid.take(np.sort(np.concatenate([np.flatnonzero(valid.y == 0), rare[: rare.size // 5]])))
    counts = np.bincount(few.y)
    by_hand = replace(few, weight=few.y.size / (2.0 * counts)[few.y])
    own = np.bincount(train.y)
    balanced = fitted(name, train, few, replace(problem, balanced=True))
    wanted = fitted(name, replace(train, weight=train.y.size / (2.0 * own)[train.y]), by_hand, problem)
    np.testing.assert_allclose(balanced.predict(rows.frame), wanted.predict(rows.frame), atol=1e-6)
