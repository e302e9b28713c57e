"""scikit-learn's trees compile to what they predict; ties between classes stay ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from foreign_probes import worst_difference
from lean_automl_runtime.ir import ColumnKind
from lean_automl_runtime.reference import evaluate
from sklearn import ensemble, tree
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lean_automl.compiler.foreign import compile_model
from lean_automl.errors import UnsupportedOpError

TOLERANCE = 5e-7


def rows(seed: int = 0, count: int = 400, missing: bool = True) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 3))
    if missing:
        x[rng.random(x.shape) < 0.15] = np.nan
    return x


def classes_of(x: np.ndarray, count: int) -> np.ndarray:
    s = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) ** 2 + np.isnan(x[:, 2])
    return np.digitize(s, np.quantile(s, np.linspace(0, 1, count + 1)[1:-1]))


def fitted(name: str, count: int, missing: bool, **more: Any) -> Any:
    x = rows(missing=missing)
    family = tree if name.startswith(("DecisionTree", "ExtraTreeC", "ExtraTreeR")) else ensemble
    y = classes_of(x, count) if name.endswith("Classifier") else np.nan_to_num(x[:, 0]) * 100 + classes_of(x, 3)
    model = getattr(family, name)(random_state=0, **more)
    return model.fit(x, y)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("DecisionTreeClassifier", {"max_depth": 6}),
        ("ExtraTreeClassifier", {"max_depth": 6}),
        ("RandomForestClassifier", {"n_estimators": 7}),
        ("ExtraTreesClassifier", {"n_estimators": 6, "min_samples_leaf": 4, "class_weight": "balanced"}),
        ("HistGradientBoostingClassifier", {"max_iter": 4}),
    ],
)
def test_classifiers(name: str, more: dict[str, Any], count: int) -> None:
    assert worst_difference(fitted(name, count, missing=True, **more)) < TOLERANCE


@pytest.mark.parametrize("count", [2, 4])
def test_gradient_boosting_classifiers(count: int) -> None:
    assert worst_difference(fitted("GradientBoostingClassifier", count, False, n_estimators=6), nan=False) < TOLERANCE


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("GradientBoostingClassifier", {"loss": "exponential", "n_estimators": 5}),
        ("GradientBoostingClassifier", {"init": "zero", "n_estimators": 5}),
        ("GradientBoostingRegressor", {"loss": "huber", "n_estimators": 5}),
        ("GradientBoostingRegressor", {"loss": "quantile", "n_estimators": 5}),
    ],
)
def test_gradient_boosting_variants(name: str, more: dict[str, Any]) -> None:
    assert worst_difference(fitted(name, 2, False, **more), nan=False) < TOLERANCE


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("DecisionTreeRegressor", {"max_leaf_nodes": 20}),
        ("RandomForestRegressor", {"n_estimators": 6}),
        ("ExtraTreesRegressor", {"n_estimators": 6}),
        ("HistGradientBoostingRegressor", {"max_iter": 5}),
        ("HistGradientBoostingRegressor", {"max_iter": 5, "loss": "absolute_error"}),
    ],
)
def test_regressors(name: str, more: dict[str, Any]) -> None:
    assert worst_difference(fitted(name, 2, missing=True, **more)) < TOLERANCE


@pytest.mark.parametrize("scaled", [False, True])
def test_thresholds_that_are_values_of_rows(scaled: bool) -> None:
    """Quantiles of repeated prices are prices, which float32 rounds up as often as down."""
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"price": rng.integers(100, 90_000, 3_000) / 100})
    x = pd.concat([x, x], ignore_index=True)
    model = make_pipeline(
        *([StandardScaler()] if scaled else []), ensemble.HistGradientBoostingRegressor(max_iter=5, max_leaf_nodes=200)
    )
    model.fit(x, np.sin(x["price"]) * 100)
    nodes = model[-1]._predictors[0][0].nodes
    seen = model[0].transform(x) if scaled else x.to_numpy()
    assert np.isin(nodes["num_threshold"][nodes["is_leaf"] == 0], seen).mean() > 0.5
    program = compile_model(model)
    found = evaluate(program, [x["price"].to_numpy(np.float32)])["prediction"][:, 0]
    assert np.abs(found - model.predict(x)).max() < 1e-3


@pytest.mark.parametrize("method", ["hist", "approx", "exact"])
def test_thresholds_of_scaled_values_of_rows(method: str) -> None:
    """XGBoost's thresholds behind a scaler are float32 values of scaled float64 rows."""
    import xgboost as xgb

    rng = np.random.default_rng(0)
    x = pd.DataFrame({"price": rng.integers(100, 90_000, 3_000) / 100})
    model = xgb.XGBRegressor(n_estimators=5, max_depth=6, n_jobs=1, tree_method=method)
    pipeline = make_pipeline(StandardScaler(), model).fit(x, np.sin(x["price"]) * 100)
    found = evaluate(compile_model(pipeline), [x["price"].to_numpy(np.float32)])["prediction"][:, 0]
    assert np.abs(found - pipeline.predict(x)).max() < 1e-3


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_log_links(loss: str) -> None:
    x = rows()
    model = ensemble.HistGradientBoostingRegressor(loss=loss, max_iter=5).fit(x, np.exp(np.nan_to_num(x[:, 0])))
    assert worst_difference(model) < TOLERANCE


@pytest.mark.parametrize("count", [2, 3])
def test_ties_are_decided_as_in_the_library(count: int) -> None:
    """Even numbers of full-grown trees on few distinct rows tie often; the first class wins in both."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, size=(200, 2)).astype(np.float32)
    y = np.array(["no", "yes", "maybe"])[rng.integers(0, count, 200)]
    grid = np.stack(np.meshgrid(range(4), range(4)), axis=-1).reshape(-1, 2).astype(np.float32)
    for seed in range(20):
        for model in (
            ensemble.RandomForestClassifier(4, random_state=seed, max_depth=None),
            tree.DecisionTreeClassifier(random_state=seed, max_leaf_nodes=5),
        ):
            chosen = rng.choice(200, 24)
            model.fit(x[chosen], y[chosen])
            shares = np.sort(model.predict_proba(grid), axis=1)
            program = compile_model(model)
            found = evaluate(program, list(grid[:, [int(c.name[1]) for c in program.columns]].T))
            exact = (shares[:, -1] == shares[:, -2]) | (shares[:, -1] - shares[:, -2] > 1e-6)
            assert (found["label"] == model.predict(grid))[exact].all()


def test_categorical_columns_of_hist_gradient_boosting() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=500),
            "city": pd.Categorical(rng.choice(["a", "b", "c", "d", "ö"], 500)),
            "other": rng.normal(size=500),
            "code": pd.Categorical(rng.choice([3, 7, 12], 500)),
        }
    )
    frame.loc[::17, "city"] = None
    y = frame["number"] + frame["city"].cat.codes % 2 * 2 + frame["code"].cat.codes
    model = ensemble.HistGradientBoostingRegressor(max_iter=8, categorical_features="from_dtype").fit(frame, y)
    program = compile_model(model)
    kinds = {column.name: column.kind for column in program.columns}
    assert kinds["city"] is ColumnKind.CATEGORICAL
    assert kinds["code"] is ColumnKind.NUMERIC
    assert worst_difference(model) < TOLERANCE


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (ensemble.AdaBoostClassifier(n_estimators=2), "AdaBoostClassifier"),
        (ensemble.IsolationForest(n_estimators=2), "IsolationForest"),
        (
            ensemble.GradientBoostingRegressor(n_estimators=2, init=tree.DecisionTreeRegressor()),
            "init=DecisionTreeRegressor",
        ),
        (
            ensemble.GradientBoostingClassifier(n_estimators=2, init=DummyClassifier(strategy="stratified")),
            "random numbers",
        ),
    ],
)
def test_refusals_name_what_is_refused(model: Any, named: str) -> None:
    x = rows(missing=False)
    model.fit(x, classes_of(x, 2))
    with pytest.raises(UnsupportedOpError, match=named):
        compile_model(model)


def test_several_targets_are_refused() -> None:
    x = rows(missing=False)
    model = tree.DecisionTreeRegressor(max_depth=2).fit(x, x[:, :2])
    with pytest.raises(UnsupportedOpError, match="2 targets"):
        compile_model(model)


def test_one_class_is_refused() -> None:
    x = rows(missing=False)
    model = ensemble.RandomForestClassifier(2).fit(x, np.ones(len(x)))
    with pytest.raises(UnsupportedOpError, match="one class only"):
        compile_model(model)
