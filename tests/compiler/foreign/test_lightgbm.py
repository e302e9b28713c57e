"""LightGBM models compile to what LightGBM predicts."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from foreign_probes import worst_difference
from lean_automl_runtime.ir import Column, ColumnKind

from lean_automl.compiler.foreign import Request, compile_checked, compile_model
from lean_automl.errors import ConfigError, ParityError, UnsupportedOpError

TOLERANCE = 5e-7
NAMES = ["a", "b", "c", "d"]
VARIANTS: dict[str, dict[str, Any]] = {
    "missing nan": {},
    "missing zero": {"zero_as_missing": True},
    "missing none": {"use_missing": False},
    "averaged": {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1},
    "dart": {"boosting": "dart"},
    "without average": {"boost_from_average": False},
    "one-hot categories": {"max_cat_to_onehot": 100, "min_data_per_group": 5},
}


def rows(seed: int = 0, count: int = 900) -> np.ndarray:
    """Numbers with NaN and zeros, and a column of codes, some of them negative or fractional."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 4))
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.1] = 0.0
    x[:, 3] = rng.integers(0, 40, count)
    return x.astype(np.float32)


def targets(x: np.ndarray) -> dict[str, np.ndarray]:
    s = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) ** 2 + x[:, 3] % 3
    classes = np.digitize(s, [1.0, 2.0, 3.0])
    return {
        "binary": (s > 1).astype(int),
        "multiclass": classes,
        "multiclassova": classes,
        "regression": s,
        "regression_l1": s,
        "huber": s,
        "quantile": s,
        "poisson": np.abs(s).round(),
        "gamma": np.abs(s) + 0.1,
        "tweedie": np.abs(s),
        "cross_entropy": 1 / (1 + np.exp(-s)),
    }


def booster(objective: str, **more: Any) -> lgb.Booster:
    x = rows()
    parameters = {"objective": objective, "verbosity": -1, "num_leaves": 12, "num_threads": 1, **more}
    if objective.startswith("multi"):
        parameters["num_class"] = 4
    data = lgb.Dataset(x, targets(x)[objective], feature_name=NAMES, categorical_feature=[3])
    return lgb.train(parameters, data, 8)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("objective", ["binary", "multiclass", "regression"])
def test_missing_values_and_averaging(objective: str, variant: str) -> None:
    assert worst_difference(booster(objective, **VARIANTS[variant]), inf=True) < TOLERANCE


@pytest.mark.parametrize(
    ("objective", "more"),
    [
        ("binary", {"sigmoid": 2.5}),
        ("multiclassova", {"sigmoid": 0.5}),
        ("regression", {"reg_sqrt": True}),
        *[
            (name, {})
            for name in ("regression_l1", "huber", "quantile", "poisson", "gamma", "tweedie", "cross_entropy")
        ],
    ],
)
def test_objectives(objective: str, more: dict[str, Any]) -> None:
    assert worst_difference(booster(objective, **more), inf=True) < TOLERANCE


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_estimators_keep_their_labels(classes: int) -> None:
    x = rows()
    y = np.array([f"class {i}" for i in range(classes)])[np.nan_to_num(x[:, 3]).astype(int) % classes]
    model = lgb.LGBMClassifier(n_estimators=4, num_leaves=6, verbosity=-1, n_jobs=1).fit(x, y)
    program = compile_model(model)
    assert program.classes == tuple(f"class {i}" for i in range(classes))
    assert worst_difference(model) < TOLERANCE


def pandas_rows() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=600),
            "city": pd.Categorical(rng.choice(["Łódź", "Rome", "oslo", "x y"], 600)),
            "size": pd.Categorical(rng.choice([10, 20, 35], 600)),
        }
    )
    y = frame["number"] + frame["city"].cat.codes % 3 + frame["size"].cat.codes
    return frame, y.to_numpy()


def test_pandas_categories_become_text_columns() -> None:
    frame, y = pandas_rows()
    model = lgb.train({"verbosity": -1, "num_leaves": 6, "min_data_per_group": 10}, lgb.Dataset(frame, y), 6)
    program = compile_model(model)
    kinds = {column.name: column.kind for column in program.columns}
    assert kinds == {"number": ColumnKind.NUMERIC, "city": ColumnKind.CATEGORICAL, "size": ColumnKind.NUMERIC}
    assert worst_difference(model) < TOLERANCE


def test_the_empty_text_as_a_category() -> None:
    frame, y = pandas_rows()
    frame["city"] = pd.Categorical(frame["city"].astype(str).replace("oslo", ""))
    model = lgb.train({"verbosity": -1, "num_leaves": 6, "min_data_per_group": 10}, lgb.Dataset(frame, y), 6)
    assert worst_difference(model) < TOLERANCE
    assert "'city' has the empty text for a category" in compile_checked(model, sample=frame).notes[0]


def test_categories_of_several_types_are_refused() -> None:
    frame, y = pandas_rows()
    frame["size"] = pd.Categorical(frame["size"].astype(object).replace(35, "large"))
    model = lgb.train({"verbosity": -1, "num_leaves": 6, "min_data_per_group": 10}, lgb.Dataset(frame, y), 2)
    with pytest.raises(UnsupportedOpError, match="neither all text nor all numbers"):
        compile_model(model)


def squared(predicted: np.ndarray, data: lgb.Dataset) -> tuple[np.ndarray, np.ndarray]:
    return predicted - data.get_label(), np.ones_like(predicted)


def test_objectives_of_the_trainers_own_give_raw_scores() -> None:
    x = rows()
    model = lgb.train({"verbosity": -1, "objective": squared}, lgb.Dataset(x, targets(x)["regression"]), 5)
    assert worst_difference(model) < TOLERANCE
    assert "the objective is the trainer's own" in compile_checked(model).notes[0]


def test_a_file_that_does_not_say_which_columns_are_text_needs_their_description() -> None:
    frame, y = pandas_rows()
    frame["size"] = frame["size"].astype(int)
    model = lgb.train(
        {"verbosity": -1, "num_leaves": 6, "min_data_per_group": 10},
        lgb.Dataset(frame, y, categorical_feature=["city", "size"]),
        6,
    )
    with pytest.raises(UnsupportedOpError, match="declare those of text categorical"):
        compile_model(model)
    described = (Column("city", ColumnKind.CATEGORICAL, "string"), Column("size", ColumnKind.NUMERIC, "float32"))
    assert worst_difference(model, Request(columns=described)) < TOLERANCE


def test_float64_columns_are_compared_in_float64() -> None:
    rng = np.random.default_rng(2)
    x = 1_700_000_000 + rng.integers(0, 5_000, size=(800, 1)).astype(np.float64)
    model = lgb.train({"verbosity": -1, "num_leaves": 8}, lgb.Dataset(x, np.sin(x[:, 0] / 300)), 5)
    wide = Request(columns=(Column("time", ColumnKind.NUMERIC, "float64"),))
    assert worst_difference(model, wide, inf=True) < TOLERANCE
    sample = pd.DataFrame({"time": x[:, 0]})
    compile_model(model, wide, sample)


def test_numbers_that_float32_merges_are_found_on_rows() -> None:
    x = 1_700_000_000 + np.random.default_rng(2).integers(0, 500, size=(800, 1)).astype(np.float64)
    model = lgb.train({"verbosity": -1, "num_leaves": 8}, lgb.Dataset(x, np.sin(x[:, 0] / 30)), 5)
    with pytest.raises(ParityError, match="declare it float64"):
        compile_model(model, sample=pd.DataFrame({"time": x[:, 0]}))


def test_best_iteration_and_asked_rounds() -> None:
    x = rows()
    y = targets(x)["regression"]
    data, held = lgb.Dataset(x, y), lgb.Dataset(rows(5), targets(rows(5))["regression"][::-1])
    model = lgb.train({"verbosity": -1}, data, 60, valid_sets=[held], callbacks=[lgb.early_stopping(3, verbose=False)])
    assert 0 < model.best_iteration < 60
    assert worst_difference(model) < TOLERANCE
    assert worst_difference(model, Request(rounds=2)) < TOLERANCE


def test_a_tree_without_a_split() -> None:
    model = lgb.train({"verbosity": -1, "min_data_in_leaf": 500}, lgb.Dataset(rows(), np.ones(900)), 3)
    assert worst_difference(model) < TOLERANCE


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="3 classes are given"):
        compile_model(booster("binary"), Request(classes=("a", "b", "c")))
    with pytest.raises(ConfigError, match="regressor"):
        compile_model(booster("regression"), Request(classes=("a", "b")))


def test_text_and_file_are_the_same_model(tmp_path: Any) -> None:
    model = booster("binary")
    path = tmp_path / "model.txt"
    model.save_model(path)
    from lean_automl_runtime.ir import digest

    programs = [compile_model(source) for source in (model, model.model_to_string(), path, str(path))]
    assert len({digest(program) for program in programs}) == 1


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"objective": "regression", "linear_tree": True}, "linear_tree"),
        ({"objective": "lambdarank", "group": True}, "lambdarank"),
        ({"objective": "cross_entropy_lambda"}, "cross_entropy_lambda"),
    ],
)
def test_refusals_name_what_is_refused(parameters: dict[str, Any], named: str) -> None:
    x = np.nan_to_num(rows())
    group = [len(x)] if parameters.pop("group", False) else None
    y = (x[:, 0] > 0).astype(int)
    data = lgb.Dataset(x, y, group=group, params={"linear_tree": "linear_tree" in parameters, "verbosity": -1})
    model = lgb.train({"verbosity": -1, **parameters}, data, 2)
    with pytest.raises(UnsupportedOpError, match=named):
        compile_model(model)
