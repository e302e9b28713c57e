"""XGBoost models compile to what XGBoost predicts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from foreign_probes import worst_difference
from lean_automl_runtime.ir import digest
from lean_automl_runtime.reference import evaluate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lean_automl.compiler.foreign import Request, compile_model
from lean_automl.compiler.foreign.ubjson import read_ubjson
from lean_automl.errors import UnsupportedOpError

TOLERANCE = 2e-6  # XGBoost adds leaves in float32
NAMES = ["a", "b", "c", "d"]
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dart": {"booster": "dart", "rate_drop": 0.3},
    "parallel trees": {"num_parallel_tree": 3, "subsample": 0.5},
    "base score": {"base_score": 0.3},
    "one-hot categories": {"max_cat_to_onehot": 60},
    "exact": {"tree_method": "approx", "grow_policy": "lossguide", "max_leaves": 9},
}
OBJECTIVES = ["binary:logistic", "multi:softprob", "reg:squarederror", "count:poisson", "reg:logistic"]


def rows(seed: int = 0, count: int = 700) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 4))
    x[rng.random(x.shape) < 0.1] = np.nan
    x[:, 3] = rng.integers(0, 40, count)
    return x.astype(np.float32)


def targets(x: np.ndarray, objective: str) -> np.ndarray:
    s = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) ** 2 + x[:, 3] % 3
    if objective.startswith("multi"):
        return np.digitize(s, [1.0, 2.0, 3.0])
    if objective.startswith("binary"):
        return (s > 1).astype(int)
    return {"count:poisson": np.abs(s).round(), "reg:logistic": 1 / (1 + np.exp(-s))}.get(objective, np.abs(s) + 0.1)


def booster(objective: str, categorical: bool = True, **more: Any) -> xgb.Booster:
    x = rows()
    parameters = {"objective": objective, "max_depth": 4, "nthread": 1, **more}
    if objective.startswith("multi"):
        parameters["num_class"] = 4
    types = ["q", "q", "q", "c"] if categorical else None
    y = targets(x, objective)
    x = x if categorical else np.nan_to_num(x)
    return xgb.train(
        parameters, xgb.DMatrix(x, y, feature_names=NAMES, feature_types=types, enable_categorical=categorical), 6
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_trees(objective: str, variant: str) -> None:
    assert worst_difference(booster(objective, **VARIANTS[variant])) < TOLERANCE


@pytest.mark.parametrize(
    ("objective", "more"),
    [
        *[(name, {}) for name in ("multi:softmax", "reg:gamma", "reg:tweedie", "reg:absoluteerror", "binary:logitraw")],
        ("reg:quantileerror", {"quantile_alpha": 0.9}),
    ],
)
def test_more_objectives(objective: str, more: dict[str, Any]) -> None:
    assert worst_difference(booster(objective, **more)) < TOLERANCE


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_linear_boosters(objective: str) -> None:
    model = booster(objective, categorical=False, booster="gblinear")
    assert worst_difference(model, largest=50.0) < 1e-5, "a missing value adds nothing"


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_estimators(classes: int) -> None:
    x = rows()
    model = xgb.XGBClassifier(n_estimators=3, max_depth=3, n_jobs=1).fit(x, x[:, 3].astype(int) % classes)
    assert compile_model(model).classes == tuple(range(classes))
    assert worst_difference(model) < TOLERANCE


def test_data_frame_categories_become_text_columns() -> None:
    rng = np.random.default_rng(1)
    city, size = rng.choice(["Lodz", "Rome", "oslo"], 400), rng.choice([10, 25, 40], 400)
    frame = pd.DataFrame({"number": rng.normal(size=400), "city": pd.Categorical(city), "size": pd.Categorical(size)})
    model = xgb.XGBRegressor(n_estimators=4, max_depth=3, enable_categorical=True, n_jobs=1)
    model.fit(frame, frame["number"] + frame["city"].cat.codes + frame["size"].cat.codes % 2)
    assert {column.name: column.dtype for column in compile_model(model).columns} == {
        "number": "float32",
        "city": "string",
        "size": "float32",
    }
    assert worst_difference(model, known_text=True) < TOLERANCE


def test_categories_that_xgboost_cuts_are_refused() -> None:
    frame = pd.DataFrame({"city": pd.Categorical(["Rome", "Łódź"] * 50)})
    model = xgb.XGBRegressor(n_estimators=2, enable_categorical=True, n_jobs=1).fit(frame, np.arange(100) % 2)
    with pytest.raises(UnsupportedOpError, match="'city': XGBoost does not store"):
        compile_model(model)


def test_early_stopping_takes_the_best_rounds_and_says_so() -> None:
    x = rows()
    y = targets(x, "reg:squarederror")
    model = xgb.XGBRegressor(n_estimators=80, early_stopping_rounds=3, n_jobs=1)
    model.fit(x, y, eval_set=[(rows(3), targets(rows(3), "")[::-1])], verbose=False)
    assert worst_difference(model) < TOLERANCE
    from lean_automl.compiler.foreign import compile_checked

    compiled = compile_checked(model)
    assert f"round {model.best_iteration + 1} of" in compiled.notes[0]
    assert worst_difference(model, Request(rounds=0)) < TOLERANCE
    assert worst_difference(model, Request(rounds=2)) < TOLERANCE


def test_a_booster_without_trees() -> None:
    x = rows()
    model = xgb.train({"objective": "reg:squarederror", "base_score": 0.7}, xgb.DMatrix(x, x[:, 3]), 0)
    assert worst_difference(model) < TOLERANCE


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_files(tmp_path: Any, suffix: str) -> None:
    model = booster("binary:logistic")
    path = tmp_path / f"model.{suffix}"
    model.save_model(path)
    assert digest(compile_model(path)) == digest(compile_model(model))
    assert worst_difference(path, seeds=1) < TOLERANCE


def test_ubjson_is_json() -> None:
    model = booster("multi:softprob", booster="dart", rate_drop=0.5)

    def narrow(value: Any) -> Any:
        """JSON has the shortest decimal of a float32 number, UBJSON the number."""
        if isinstance(value, dict):
            return {key: narrow(own) for key, own in value.items()}
        if isinstance(value, list):
            return [narrow(own) for own in value]
        return np.float32(value) if isinstance(value, float) else value

    binary, text = read_ubjson(bytes(model.save_raw("ubj")), "memory"), json.loads(bytes(model.save_raw("json")))
    assert narrow(binary) == narrow(text)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"objective": "rank:pairwise"}, "rank:pairwise"),
        ({"objective": "survival:cox"}, "survival:cox"),
        ({"objective": "binary:hinge"}, "binary:hinge"),
        ({"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}, "several targets"),
        ({"objective": "reg:squarederror", "multi_strategy": "multi_output_tree", "targets": 2}, "several targets"),
    ],
)
def test_refusals_name_what_is_refused(parameters: dict[str, Any], named: str) -> None:
    x = rows()
    y = (np.nan_to_num(x[:, 0]) > 0).astype(int)
    y = np.column_stack([y, 1 - y]) if parameters.pop("targets", 1) > 1 else y
    model = xgb.train({"max_depth": 2, "nthread": 1, **parameters}, xgb.DMatrix(x, y), 2)
    with pytest.raises(UnsupportedOpError, match=named):
        compile_model(model)


@pytest.mark.parametrize("missing", [0.0, -999.0, 0.1])
def test_numbers_that_stand_for_missing_values(missing: float) -> None:
    x = np.nan_to_num(rows(), nan=missing)
    model = xgb.XGBClassifier(n_estimators=4, max_depth=4, missing=missing, n_jobs=1).fit(x, x[:, 0] > 0.3)
    assert worst_difference(model) < TOLERANCE
    program = compile_model(model)
    columns = [x[:, int(column.name[1])] for column in program.columns]
    assert np.abs(evaluate(program, columns)["probabilities"] - model.predict_proba(x)).max() < TOLERANCE


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"booster": "gblinear"}, "booster='gblinear'"),
        ({"enable_categorical": True, "feature_types": ["q", "q", "q", "c"]}, "holds categories"),
    ],
)
def test_numbers_that_stand_for_missing_values_are_refused(more: dict[str, Any], named: str) -> None:
    x = np.nan_to_num(rows(), nan=-999.0)
    model = xgb.XGBRegressor(n_estimators=3, missing=-999.0, n_jobs=1, **more).fit(x, x[:, 3] % 3)
    with pytest.raises(UnsupportedOpError, match=named):
        compile_model(model)


def test_columns_that_are_computed_with_have_no_marker() -> None:
    x = np.nan_to_num(rows())
    model = make_pipeline(StandardScaler(), xgb.XGBRegressor(n_estimators=3, missing=0.0, n_jobs=1)).fit(x, x[:, 0])
    with pytest.raises(UnsupportedOpError, match=r"missing=0\.0 of column 'x0', which is computed with"):
        compile_model(model)
