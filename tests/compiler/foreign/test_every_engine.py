"""Compiled models use ops in ways of their own, such as tables with NaN: every engine and exporter agrees on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import catboost as cb
import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from lean_automl_exporters.hostile import hostile_rows
from lean_automl_exporters.onnx import check_parity, export_onnx
from lean_automl_runtime.engines import available, make_engine
from lean_automl_runtime.ir import Column, ColumnKind, Program
from lean_automl_runtime.reference import evaluate
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lean_automl.compiler.foreign import Request, compile_model

ENGINES = [name for name in ("native", "numba") if available(name)]


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300), "c": rng.integers(0, 9, 300)})
    frame["d"] = rng.choice(["x", "ü", "z"], 300)
    frame.loc[::9, "a"] = np.nan
    frame.loc[::5, "b"] = 0.0
    return frame


def boosted(**parameters: Any) -> Program:
    frame = rows()[["a", "b", "c"]]
    y = (frame["c"] % 3 + frame["b"] > 1).astype(int)
    data = lgb.Dataset(frame.to_numpy(), y, categorical_feature=[2])
    return compile_model(lgb.train({"verbosity": -1, "num_leaves": 7, "min_data_per_group": 5, **parameters}, data, 5))


def wide() -> Program:
    x = 1.7e9 + np.arange(300.0)[:, None]
    model = lgb.train({"verbosity": -1, "num_leaves": 5}, lgb.Dataset(x, np.sin(x[:, 0] / 30)), 3)
    return compile_model(model, Request(columns=(Column("t", ColumnKind.NUMERIC, "float64"),)))


def piped(model: Any) -> Program:
    frame = rows().fillna(0.0)
    steps = [("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["c", "d"])]
    return compile_model(make_pipeline(ColumnTransformer(steps), model).fit(frame, frame["c"] % 3))


def catboost() -> Program:
    frame = rows()
    model = cb.CatBoostClassifier(iterations=8, depth=4, verbose=0, allow_writing_files=False, one_hot_max_size=2)
    model.fit(cb.Pool(frame, frame["c"] % 3, cat_features=["c", "d"]))
    known = {"c": tuple(map(str, range(9))), "d": ("x", "ü", "z")}
    return compile_model(model, Request(categories=known))


PROGRAMS: dict[str, Callable[[], Program]] = {
    "categories": lambda: boosted(objective="binary"),
    "zeros are missing": lambda: boosted(objective="binary", zero_as_missing=True),
    "exponential": lambda: boosted(objective="poisson"),
    "signed square": lambda: boosted(objective="regression", reg_sqrt=True),
    "one against the rest": lambda: boosted(objective="multiclassova", num_class=2),
    "float64": wide,
    "linear": lambda: piped(LogisticRegression()),
    "log link": lambda: piped(PoissonRegressor()),
    "forest": lambda: piped(RandomForestClassifier(5, random_state=0)),
    "curved layers": lambda: piped(MLPRegressor(hidden_layer_sizes=(4,), activation="tanh", max_iter=20)),
    "catboost": catboost,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_engines_and_files_agree_with_the_reference(name: str) -> None:
    program = PROGRAMS[name]()
    check_parity(program, export_onnx(program))
    inputs = hostile_rows(program, np.random.default_rng(0))
    expected = evaluate(program, inputs)
    for engine in ENGINES:
        found = make_engine(program, engine).run(inputs)
        for output, own in expected.items():
            if own.dtype.kind == "f":
                np.testing.assert_allclose(found[output], own, rtol=2e-6, atol=1e-7, err_msg=f"{engine}, {output}")
            else:
                assert (found[output].reshape(-1) == own.reshape(-1)).mean() > 0.99
