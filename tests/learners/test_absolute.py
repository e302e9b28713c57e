"""What is learned where the absolute error counts: medians, which are far below means where few numbers are large."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime.ir import PREDICTION
from lean_automl_runtime.reference import evaluate

from lean_automl.automl.judge import Judge
from lean_automl.automl.request import metric_of, problem_of
from lean_automl.compiler.assemble import assemble
from lean_automl.config import FitConfig
from lean_automl.data import Dataset, load_dataset
from lean_automl.errors import MissingDependencyError
from lean_automl.features import FeaturePlan, fit_features
from lean_automl.learners.additive import Additive
from lean_automl.learners.base import FitOptions, Problem, Rows
from lean_automl.learners.catboost import CatBoost
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.mlp import MLP
from lean_automl.search.losses import row_losses

ROWS = 3_000
MEAN = float(np.exp(0.5))  # of the noise, whose median is 1
LEARNERS: dict[str, Any] = {
    "lightgbm": LightGBM(trees=80, leaves=4, learning_rate=0.1, min_rows=100),
    "catboost": CatBoost(trees=80, depth=2, learning_rate=0.1, own_categories=False),
    "additive": Additive(trees=80),
    "mlp": MLP((8,), epochs=60, learning_rate=1e-2),
}


def made(metric: str | None) -> tuple[Dataset, FeaturePlan, Rows, Problem]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2)).round(1)
    y = 2.0 * (x[:, 0] > 0) + np.exp(rng.normal(size=ROWS))
    dataset = load_dataset(pd.DataFrame(x, columns=["a", "b"]).assign(y=y), "y")
    plan = fit_features(dataset.table)
    problem = problem_of(dataset.schema, FitConfig(metric=metric), FeaturePlan((), ()))
    return dataset, plan, Rows(plan.frame(dataset.table), dataset.y), problem


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize(("metric", "centre"), [("mae", 1.0), (None, MEAN)])
def test_a_learner_predicts_what_the_metric_asks_for(name: str, metric: str | None, centre: float) -> None:
    dataset, plan, rows, problem = made(metric)
    try:
        fitted = LEARNERS[name].fit(rows, None, problem, FitOptions())
    except MissingDependencyError:
        pytest.skip("torch is not installed")
    wanted = fitted.predict(rows.frame)
    is_high = dataset.table.array("a") > 0
    assert float(np.median(wanted[~is_high])) == pytest.approx(centre, abs=0.2)
    assert float(np.median(wanted[is_high])) == pytest.approx(2.0 + centre, abs=0.25)
    got = evaluate(assemble(fitted, plan, dataset.schema), dataset.table.arrays)[PREDICTION]
    np.testing.assert_allclose(got, wanted, atol=1e-3)


@pytest.mark.parametrize(("metric", "is_absolute"), [("neg_mean_absolute_error", True), ("mae", True), ("rmse", False)])
def test_the_metric_decides(metric: str, is_absolute: bool) -> None:
    dataset, _, rows, problem = made(metric)
    assert problem.absolute is is_absolute
    predicted = np.full((ROWS, 1), 1.5)
    errors = np.abs(dataset.y - 1.5)
    losses = row_losses(dataset.y, predicted, problem.task, None, problem.judged_at)
    np.testing.assert_allclose(losses, errors / 2 if is_absolute else errors**2)
    judge = Judge(dataset, problem, metric_of(FitConfig(metric=metric), problem, dataset.y))
    best = np.median(rows.y) if is_absolute else rows.y.mean()
    assert judge.constant(dataset) == pytest.approx(judge.metric(dataset.y, np.full((ROWS, 1), best)), rel=1e-3)


def test_classes_and_signs_are_learned_as_ever() -> None:
    """Leaves that are medians would not keep the order of what grows."""
    _, _, _, problem = made("mae")
    assert problem.learns_medians
    assert not replace(problem, signs=(1, 0)).learns_medians
    frame, flag = pd.DataFrame({"a": range(40), "y": [0, 1] * 20}), "y"
    schema = load_dataset(frame, flag).schema
    assert not problem_of(schema, FitConfig(metric="mae"), FeaturePlan((), ())).absolute
