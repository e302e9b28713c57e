from dataclasses import replace

import numpy as np
import pytest

from lean_automl.data import Task
from lean_automl.search.decision import Judged
from lean_automl.search.metrics import make_metric
from lean_automl.search.paired import errors_behind

RMSE = make_metric("rmse", Task.REGRESSION, 1)
AUC = make_metric("roc_auc", Task.BINARY, 2)


def numbers(rows: int, noise: float, seed: int) -> Judged:
    y = np.random.default_rng(0).normal(size=rows)
    return Judged(y, (y + noise * np.random.default_rng(seed).normal(size=rows))[:, None], None)


def test_a_worse_model_is_behind_and_the_sign_turns_round_with_the_models() -> None:
    best, worse = numbers(2_000, 0.5, 1), numbers(2_000, 0.6, 2)
    behind = errors_behind(RMSE, [best], [worse])
    assert behind > 4
    assert errors_behind(RMSE, [worse], [best]) == pytest.approx(-behind)
    assert errors_behind(RMSE, [best], [best]) == 0.0


def test_more_rows_make_surer() -> None:
    few, many = (errors_behind(RMSE, [numbers(n, 0.5, 1)], [numbers(n, 0.55, 2)]) for n in (200, 20_000))
    assert abs(few) < 3 < many


def test_models_that_differ_by_luck_alone_are_seldom_far_apart() -> None:
    found = [errors_behind(RMSE, [numbers(500, 0.5, 2 * s)], [numbers(500, 0.5, 2 * s + 1)]) for s in range(1, 200)]
    assert 0.8 < float(np.std(found)) < 1.3  # a standard error is what it says
    assert 0.2 < float(np.mean(np.abs(found) > 1)) < 0.45


def test_what_both_say_alike_is_no_noise() -> None:
    y = np.random.default_rng(0).normal(size=1_000)
    noise = np.random.default_rng(1).normal(size=1_000)
    slightly_worse = Judged(y, (y + 1.02 * noise)[:, None], None)
    assert errors_behind(RMSE, [Judged(y, (y + noise)[:, None], None)], [slightly_worse]) > 4


def test_ranks_weights_and_folds() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 2_000)

    def judged(noise: float, weight: float | None) -> Judged:
        p = 1 / (1 + np.exp(-(2 * y - 1 + noise * rng.normal(size=y.size))))
        return Judged(y, np.column_stack([1 - p, p]), None if weight is None else np.full(y.size, weight))

    best, worse = judged(1.0, None), judged(1.5, None)
    assert errors_behind(AUC, [best], [worse]) > 4
    weighted = [replace(own, weight=np.full(y.size, 3.0)) for own in (best, worse)]
    assert errors_behind(AUC, weighted[:1], weighted[1:]) == pytest.approx(errors_behind(AUC, [best], [worse]))
    twice = errors_behind(AUC, [best, best], [worse, worse])
    assert twice > errors_behind(AUC, [best], [worse])
    assert errors_behind(AUC, [best, best], [worse]) == errors_behind(AUC, [best], [worse])


def test_a_difference_of_which_nothing_is_known_is_no_small_one() -> None:
    y = np.array([0.0, 1.0, 2.0])
    exact, off = Judged(y, y[:, None], None), Judged(y, y[:, None] + 1, None)
    assert errors_behind(RMSE, [exact], [off]) == np.inf
    assert errors_behind(RMSE, [off], [exact]) == -np.inf
