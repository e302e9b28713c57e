"""Where a metric judges logarithms, learners get them: what is predicted, how it is lowered, and what it is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime.ir import PREDICTION
from lean_automl_runtime.reference import evaluate

from lean_automl.automl.request import learned_by, problem_of
from lean_automl.compiler.assemble import assemble, assemble_average
from lean_automl.compiler.passes import optimise
from lean_automl.compiler.unread import read_by
from lean_automl.config import FitConfig
from lean_automl.data import Dataset, Task, load_dataset
from lean_automl.features import FeaturePlan, fit_features
from lean_automl.learners.additive import Additive
from lean_automl.learners.around import bare
from lean_automl.learners.base import FitOptions, Problem, Rows, rounds_take_time
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.linear import Linear
from lean_automl.learners.logs import Exponential, OfLogs
from lean_automl.learners.texts import fit_reading
from lean_automl.search.metrics import make_metric

PLAIN = Problem(Task.REGRESSION, 1)
LOGS = replace(PLAIN, logs=1.0)
LEARNERS = {
    "lightgbm": LightGBM(trees=30, learning_rate=0.2, leaves=8),
    "oblivious": ChimeraBoost(trees=30, depth=3, learning_rate=0.3),
    "linear": Linear((0.3,)),
    "additive": Additive(trees=60),
}


def prices(rows: int = 900) -> tuple[Dataset, FeaturePlan, Rows]:
    """Sizes and places whose effects are factors."""
    rng = np.random.default_rng(0)
    size, place = rng.uniform(20, 200, rows), rng.choice(["a", "b", "c"], rows)
    factor = pd.Series(place).map({"a": 1.0, "b": 5.0, "c": 25.0}).to_numpy()
    price = factor * (size / 50) ** 2 * np.exp(rng.normal(0, 0.5, rows))
    dataset = load_dataset(pd.DataFrame({"size": size, "place": place, "price": price}), "price")
    plan = fit_features(dataset.table)
    return dataset, plan, Rows(plan.frame(dataset.table), dataset.y)


def halves(rows: Rows) -> tuple[Rows, Rows]:
    at = np.arange(rows.frame.rows)
    return rows.take(at[at % 2 == 0]), rows.take(at[at % 2 == 1])


@pytest.mark.parametrize("offset", [0.0, 1.0])
@pytest.mark.parametrize("name", LEARNERS)
def test_the_program_predicts_as_the_model(name: str, offset: float) -> None:
    dataset, plan, rows = prices()
    fitted = fit_reading(LEARNERS[name], halves(rows), replace(PLAIN, logs=offset), FitOptions())
    assert isinstance(fitted, Exponential)
    program = optimise(assemble(fitted, plan, dataset.schema))
    got = evaluate(program, read_by(program, dataset.table).arrays)[PREDICTION]
    np.testing.assert_allclose(got, fitted.predict(rows.frame), rtol=5e-3, atol=5e-3)
    assert got.min() > -offset
    both = assemble_average([(fitted, 1.0), (fitted, 2.0)], plan, dataset.schema)
    np.testing.assert_allclose(evaluate(both, read_by(both, dataset.table).arrays)[PREDICTION], got, rtol=1e-5)


@pytest.mark.parametrize("name", ["rmsle", "mape"])
def test_errors_of_logarithms_are_smaller_than_those_of_a_learner_of_the_target(name: str) -> None:
    dataset, _, rows = prices()
    metric = make_metric(name, Task.REGRESSION, 1)
    problem = problem_of(dataset.schema, FitConfig(metric=name), FeaturePlan((), ()))
    train, valid = halves(rows)
    told, not_told = (
        metric(valid.y, fit_reading(LEARNERS["lightgbm"], (train, valid), one, FitOptions()).predict(valid.frame))
        for one in (learned_by(problem, metric, dataset.y), PLAIN)
    )
    assert told > 0.9 * not_told, "both are below zero"


@pytest.mark.parametrize(
    ("metric", "y", "offset"),
    [
        ("rmsle", [0.0, 2.0], 1.0),
        ("neg_mean_squared_log_error", [1.0, 2.0], 1.0),
        ("mape", [1.0, 2.0], 0.0),
        ("mape", [0.0, 2.0], None),
        ("rmse", [1.0, 2.0], None),
        ("mae", [1.0, 2.0], None),
    ],
)
def test_learners_get_logarithms_where_the_metric_judges_them_and_all_have_one(
    metric: str, y: list[float], offset: float | None
) -> None:
    found = learned_by(PLAIN, make_metric(metric, Task.REGRESSION, 1), np.array(y))
    assert found.logs == offset


def test_what_has_no_logarithm_is_seen_as_the_least_that_has_one() -> None:
    np.testing.assert_allclose(LOGS.as_learned(np.array([0.0, np.e - 1])), [0.0, 1.0])
    odd = LOGS.as_learned(np.array([-5.0, np.nan]))
    assert np.isfinite(odd[0])
    assert np.isnan(odd[1])
    assert PLAIN.as_learned(odd) is odd


def test_rounds_are_those_of_the_model_and_settings_are_fitted_with_what_it_was() -> None:
    _, _, rows = prices()
    trees, tables = (fit_reading(LEARNERS[n], halves(rows), LOGS, FitOptions()) for n in ("lightgbm", "additive"))
    assert trees.shorten(3).rounds == 3
    assert rounds_take_time(trees)
    assert not rounds_take_time(tables)
    settings = LEARNERS["lightgbm"].for_all_rows(bare([trees]), 1.25)
    last = fit_reading(settings, (rows, None), LOGS, FitOptions())
    assert last.rounds == settings.trees
    assert not isinstance(last.model, Exponential)


def test_what_a_teacher_says_is_learned_as_logarithms_too() -> None:
    _, _, rows = prices()
    soft = rows.y[:, None].copy()
    soft[0], soft[1] = -5.0, np.nan
    seen = []

    class Sees:
        def fit(self, train: Rows, valid: Rows | None, problem: Problem, options: FitOptions) -> object:
            seen.append((train, problem))
            return LEARNERS["linear"].fit(train, valid, problem, options)

    OfLogs(Sees()).fit(replace(rows, soft=soft), None, LOGS, FitOptions())
    ((train, problem),) = seen
    assert problem.logs is None
    np.testing.assert_allclose(train.y, np.log1p(rows.y))
    np.testing.assert_allclose(train.soft[2:, 0], train.y[2:])
    assert np.isfinite(train.soft[0, 0])
    assert np.isnan(train.soft[1, 0])
