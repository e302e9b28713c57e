"""A learning rate that the time and the trees choose."""

from __future__ import annotations

import numpy as np
import pytest

from lean_automl.data import Task
from lean_automl.features import Frame
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.lightgbm import RATES, LightGBM


def rows(count: int) -> Rows:
    rng = np.random.default_rng(count)
    x = rng.normal(size=(count, 4)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + rng.normal(size=count) > 0).astype(np.int64)
    return Rows(Frame(x, np.empty((count, 0), dtype=np.int32), ()), y)


@pytest.mark.parametrize("trees", [100, 4_000])
def test_few_trees_have_a_high_rate_and_many_a_low_one(trees: int) -> None:
    fitted = LightGBM(trees=trees, learning_rate=None).fit(rows(500), rows(300), Problem(Task.BINARY, 2), FitOptions())
    assert fitted.settings.learning_rate == pytest.approx(RATES[0] if trees > 1_000 else RATES[1])


def test_the_last_fit_keeps_the_rate() -> None:
    learner = LightGBM(trees=60, learning_rate=None)
    fitted = learner.fit(rows(500), rows(300), Problem(Task.BINARY, 2), FitOptions())
    last = learner.for_all_rows([fitted], 1.0)
    assert last.learning_rate == fitted.settings.learning_rate
    assert last.trees == fitted.rounds


def test_no_round_is_begun_after_the_deadline() -> None:
    fitted = LightGBM(learning_rate=None).fit(rows(500), None, Problem(Task.BINARY, 2), FitOptions(deadline=0.0))
    assert fitted.rounds == 1
