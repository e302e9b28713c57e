"""The empty text as a category: a Program takes it for a missing value."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from lean_automl.compiler.foreign import compile_checked, compile_model
from lean_automl.errors import UnsupportedOpError

ENCODERS = [
    OneHotEncoder(handle_unknown="ignore"),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
]


def rows(missing: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": rng.choice(["", "Rome", "oslo"], 300).astype(object)})
    y = (frame["city"] == "").to_numpy() * 3.0
    if missing:
        frame.loc[::7, "city"] = np.nan
    return frame, y


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda encoder: type(encoder).__name__)
def test_alone_it_is_a_category(encoder: Any) -> None:
    x, y = rows()
    compiled = compile_checked(make_pipeline(encoder, Ridge()).fit(x, y), sample=x)
    assert compiled.parity is not None


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda encoder: type(encoder).__name__)
@pytest.mark.parametrize("imputed", [False, True])
def test_beside_missing_values_it_is_refused(encoder: Any, imputed: bool) -> None:
    x, y = rows(missing=True)
    imputer = SimpleImputer(strategy="constant", fill_value="Rome")
    steps = make_pipeline(imputer, encoder) if imputed else encoder
    model = make_pipeline(ColumnTransformer([("c", steps, ["city"])]), Ridge()).fit(x, y)
    with pytest.raises(UnsupportedOpError, match="the empty text for a category beside missing values"):
        compile_model(model)


def test_codes_that_are_no_pandas_categories_are_refused() -> None:
    """LightGBM's file does not say that `only`, which no tree uses, is the pandas column."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"only": pd.Categorical(["q"] * 300), "code": rng.integers(0, 5, 300)})
    data = lgb.Dataset(frame, frame["code"] % 2, categorical_feature=["only", "code"])
    model = lgb.train({"verbosity": -1, "min_data_per_group": 5}, data, 3)
    with pytest.raises(UnsupportedOpError, match="'code' has more categories than the pandas column"):
        compile_model(model)
