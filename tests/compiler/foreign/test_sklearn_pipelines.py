"""Pipelines of scikit-learn compile with the model at their end: imputers, scalers, encoders, selectors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from foreign_probes import worst_difference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lean_automl_runtime.ir import Column, ColumnKind
from lean_automl_runtime.reference import evaluate
from sklearn import ensemble, feature_selection, linear_model, tree
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from lean_automl.compiler.foreign import Request, compile_checked, compile_model
from lean_automl.data import to_table
from lean_automl.errors import ConfigError, DataError, UnsupportedOpError

EXACT = 5e-7
ROUNDED = 5e-6
SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    MinMaxScaler((-1, 2)),
    MinMaxScaler(clip=True),
    RobustScaler(),
    MaxAbsScaler(),
]


def frame(count: int = 400, missing: bool = True) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    made = pd.DataFrame(
        {
            "age": rng.normal(40, 12, count),
            "income": rng.lognormal(8, 2, count),
            "city": rng.choice(["Łódź", "Rome", "oslo", "x y"], count).astype(object),
            "grade": rng.choice(["low", "mid", "high"], count).astype(object),
            "rooms": rng.integers(1, 6, count).astype(float),
            "ok": rng.random(count) < 0.5,
        }
    )
    target = made["age"] / 10 + (made["city"] == "Rome") * 3 + made["rooms"] * made["ok"] + np.log(made["income"])
    if missing:
        for name in ("age", "income", "city", "grade", "rooms"):
            made.loc[rng.random(count) < 0.15, name] = np.nan
    return made, target.to_numpy()


def fitted(model: Any, classes: int = 0, missing: bool = True) -> Any:
    x, y = frame(missing=missing)
    if classes:
        y = np.digitize(y, np.quantile(y, np.linspace(0, 1, classes + 1)[1:-1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(x, y)


def numeric(scaler: Any, *names: str) -> ColumnTransformer:
    return ColumnTransformer([("n", make_pipeline(SimpleImputer(strategy="median"), scaler), list(names))])


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.parametrize(
    "model",
    [
        tree.DecisionTreeRegressor(random_state=0, max_depth=8),
        ensemble.HistGradientBoostingRegressor(max_iter=5),
    ],
    ids=lambda model: type(model).__name__,
)
def test_trees_on_scaled_columns_are_exact(model: Any, scaler: Any) -> None:
    pipeline = fitted(make_pipeline(numeric(scaler, "age", "income", "rooms"), model))
    assert worst_difference(pipeline, seeds=4) < EXACT
    names = {op.name for op in compile_model(pipeline).ops}
    assert names == {"Concat", "RaggedTrees"}, "scaling a column that a tree reads costs nothing"


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_linear_models_on_scaled_columns(scaler: Any) -> None:
    pipeline = fitted(make_pipeline(numeric(scaler, "age", "income", "rooms"), linear_model.Ridge()))
    assert worst_difference(pipeline, largest=1e5) < ROUNDED


@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-1e4, 1e4), scale=st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_scaled_threshold_is_the_exact_float32(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(60, 1)) * scale + shift).astype(np.float32).astype(np.float64)
    model = make_pipeline(MinMaxScaler(), StandardScaler(), tree.DecisionTreeRegressor(max_depth=6, random_state=0))
    model.fit(x, np.arange(60) % 7)
    assert worst_difference(model, nan=False, largest=1e30, seeds=1) < EXACT


def one_hot(**more: Any) -> OneHotEncoder:
    return OneHotEncoder(**{"handle_unknown": "ignore", **more})


ENCODERS = {
    "one-hot": one_hot(),
    "one-hot, first dropped": one_hot(drop="first"),
    "one-hot, rare together": one_hot(handle_unknown="infrequent_if_exist", min_frequency=0.24),
    "one-hot, dense": one_hot(sparse_output=False),
    "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "ordinal, missing": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-2, encoded_missing_value=-1),
    "target": TargetEncoder(random_state=0),
}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("names", [["city", "grade"], ["city", "rooms"]], ids=["text", "text and numbers"])
@pytest.mark.parametrize(
    ("model", "tolerance"),
    [(linear_model.LogisticRegression(), ROUNDED), (ensemble.RandomForestClassifier(5, random_state=0), EXACT)],
    ids=["linear", "forest"],
)
def test_encoders(encoder: str, names: list[str], model: Any, tolerance: float) -> None:
    transformer = ENCODERS[encoder]
    steps: list[Any] = [transformer]
    if encoder == "ordinal":
        steps.append(SimpleImputer(strategy="constant", fill_value=-5.0))
    chosen = ColumnTransformer([("e", make_pipeline(*steps), names)])
    pipeline = fitted(make_pipeline(chosen, SimpleImputer(), model), 3)
    assert worst_difference(pipeline) < tolerance


def test_a_whole_pipeline() -> None:
    x, _ = frame()
    chosen = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["age", "income"]),
            ("text", make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot()), ["city"]),
            ("named", make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), one_hot()), [3]),
            ("kept", "passthrough", ["ok"]),
            ("left", "drop", ["rooms"]),
        ],
    )
    for model, tolerance in (
        (linear_model.LogisticRegression(max_iter=500), ROUNDED),
        (ensemble.GradientBoostingClassifier(n_estimators=10), EXACT),
    ):
        pipeline = fitted(make_pipeline(chosen, model), 2)
        program = compile_model(pipeline, sample=x)
        kinds = {column.name: column.kind for column in program.columns}
        assert kinds["city"] is ColumnKind.CATEGORICAL
        assert "rooms" not in kinds
        assert worst_difference(pipeline, largest=1e6, present=("ok",)) < tolerance


@pytest.mark.parametrize("names", [["age", "income"], ["city", "grade"]])
@pytest.mark.parametrize("filled", [False, True])
def test_indicators_of_missing_values(names: list[str], filled: bool) -> None:
    text = "city" in names
    imputer = SimpleImputer(strategy="constant", fill_value="none" if text else 0.0, add_indicator=not filled)
    steps: list[Any] = [imputer, *([one_hot()] if text else [])]
    if filled:
        steps = [imputer, MissingIndicator(features="all")]
    chosen = ColumnTransformer([("i", make_pipeline(*steps), names), ("n", SimpleImputer(), ["rooms"])])
    pipeline = fitted(make_pipeline(chosen, linear_model.Ridge()))
    assert worst_difference(pipeline, largest=1e5) < ROUNDED


@pytest.mark.parametrize("encode", ["ordinal", "onehot", "onehot-dense"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("scaled", [False, True])
def test_bins(encode: str, strategy: str, scaled: bool) -> None:
    bins = KBinsDiscretizer(4, encode=encode, strategy=strategy, quantile_method="linear")
    steps = [SimpleImputer(), *([StandardScaler()] if scaled else []), bins]
    chosen = ColumnTransformer([("b", make_pipeline(*steps), ["age", "income", "rooms"])])
    pipeline = fitted(make_pipeline(chosen, linear_model.Ridge()))
    assert worst_difference(pipeline, bins=True) < ROUNDED


def test_bins_of_prices_and_of_encoded_columns() -> None:
    """Edges that are values of rows keep these rows above, whichever way float32 rounds them."""
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"price": rng.integers(100, 900, 2_000) / 100, "city": rng.choice(["p", "q", "r"], 2_000)})
    bins = KBinsDiscretizer(50, encode="onehot", strategy="quantile", quantile_method="averaged_inverted_cdf")
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    chosen = ColumnTransformer(
        [("b", bins, ["price"]), ("c", make_pipeline(encoder, Binarizer(threshold=1)), ["city"])]
    )
    pipeline = make_pipeline(chosen, linear_model.Ridge()).fit(x, np.sin(x["price"] * 5))
    assert np.isin(bins.fit(x[["price"]]).bin_edges_[0], x["price"]).mean() > 0.5
    table = to_table(x, compile_model(pipeline).columns)
    assert (
        np.abs(evaluate(compile_model(pipeline), table.arrays)["prediction"][:, 0] - pipeline.predict(x)).max() < 1e-5
    )
    assert worst_difference(pipeline, largest=1e4, nan=False, bins=True) < ROUNDED


@pytest.mark.parametrize("threshold", [40.0, 0.0])
def test_binarizer(threshold: float) -> None:
    steps = make_pipeline(SimpleImputer(), Binarizer(threshold=threshold))
    pipeline = fitted(make_pipeline(ColumnTransformer([("b", steps, ["age", "rooms"])]), linear_model.Ridge()))
    assert worst_difference(pipeline) < ROUNDED


def test_a_pipeline_that_begins_with_nothing() -> None:
    x, y = frame(missing=False)
    pipeline = Pipeline([("none", "passthrough"), ("m", tree.DecisionTreeRegressor(max_depth=4))])
    pipeline.fit(x[["age", "rooms"]].to_numpy(), y)
    assert worst_difference(pipeline, nan=False) < EXACT


@pytest.mark.parametrize(
    "model", [linear_model.Ridge(), make_pipeline(StandardScaler(), linear_model.Ridge())], ids=str
)
def test_what_is_not_fitted_is_refused(model: Any) -> None:
    with pytest.raises(DataError, match="is not fitted"):
        compile_model(model)


def test_labels_of_the_request_and_rounds_that_there_are_not() -> None:
    model = fitted(make_pipeline(numeric(StandardScaler(), "age", "rooms"), linear_model.LogisticRegression()), 2)
    assert compile_model(model, Request(classes=("no", "yes"))).classes == ("no", "yes")
    with pytest.raises(ConfigError, match="choice of rounds"):
        compile_model(model, Request(rounds=3))


def test_the_rest_of_the_columns_and_searches() -> None:
    from sklearn.model_selection import GridSearchCV

    x, y = frame(missing=False)
    chosen = ColumnTransformer([("e", one_hot(), ["city", "grade"])], remainder="passthrough")
    search = GridSearchCV(make_pipeline(chosen, tree.DecisionTreeRegressor(random_state=0)), {}, cv=2).fit(x, y)
    assert worst_difference(search, nan=False) < EXACT


def test_float64_columns_of_linear_models() -> None:
    time = 1_700_000_000 + np.random.default_rng(0).integers(0, 9_000, size=300).astype(np.float64)
    x = pd.DataFrame({"time": time})
    pipeline = make_pipeline(StandardScaler(), linear_model.Ridge()).fit(x, np.sin(time / 4_000))
    wide = Request(columns=(Column("time", ColumnKind.NUMERIC, "float64"),))
    compiled = compile_checked(pipeline, wide, x)
    assert compiled.parity is not None
    assert compiled.parity.largest_difference < ROUNDED


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(clip=True)], ids=str)
def test_float64_columns_of_trees_behind_a_scaler(scaler: Any) -> None:
    """Declared float64, all rows agree, those whose value is the middle of two others included."""
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"price": rng.integers(100, 5_000, 2_000) / 100, "time": 1.7e9 + rng.integers(0, 9_000, 2_000)})
    x.loc[::9, "price"] = np.nan
    model = ensemble.RandomForestRegressor(3, max_leaf_nodes=25, random_state=0)
    pipeline = make_pipeline(SimpleImputer(), scaler, model).fit(x, np.sin(x["price"].fillna(3) * 9) + x["time"] / 1e9)
    wide = Request(columns=tuple(Column(name, ColumnKind.NUMERIC, "float64") for name in x))
    compiled = compile_checked(pipeline, wide, x)
    assert compiled.parity is not None
    assert worst_difference(pipeline, wide, largest=1e12, seeds=1) < EXACT


def test_booleans_in_an_encoder_are_a_boolean_column() -> None:
    pipeline = fitted(make_pipeline(ColumnTransformer([("e", one_hot(), ["ok"])]), linear_model.Ridge()))
    assert compile_model(pipeline).columns[0].kind is ColumnKind.BOOLEAN


def test_unions_selectors_and_nested_pipelines() -> None:
    x, y = frame(missing=False)
    numbers = x[["age", "income", "rooms"]]
    union = FeatureUnion([("raw", "passthrough"), ("scaled", Pipeline([("s", StandardScaler()), ("id", None)]))])
    pipeline = make_pipeline(
        FunctionTransformer(), union, feature_selection.SelectKBest(k=4), tree.DecisionTreeRegressor(max_depth=6)
    )
    assert worst_difference(pipeline.fit(numbers, y), nan=False) < EXACT


@pytest.mark.parametrize("model", [linear_model.Ridge(), tree.DecisionTreeRegressor(max_depth=6)], ids=str)
def test_weights_of_transformers(model: Any) -> None:
    weights = {"n": 3.0, "c": 0.1}
    union = FeatureUnion([("n", StandardScaler()), ("c", MinMaxScaler())], transformer_weights=weights)
    parts = [("n", make_pipeline(SimpleImputer(), union), ["age", "income"]), ("c", one_hot(), ["city"])]
    pipeline = fitted(make_pipeline(ColumnTransformer(parts, transformer_weights=weights), model))
    assert worst_difference(pipeline, largest=1e5) < ROUNDED
    bad = fitted(make_pipeline(ColumnTransformer(parts, transformer_weights={"n": -1.0}), model))
    with pytest.raises(UnsupportedOpError, match=r"scaled by -1\.0"):
        compile_model(bad)


def test_boosters_at_the_end() -> None:
    import catboost as cb
    import lightgbm as lgb
    import xgboost as xgb

    steps = [("n", StandardScaler(), ["age", "income"]), ("c", one_hot(sparse_output=False), ["city"])]
    boosters = [
        lgb.LGBMClassifier(n_estimators=5, verbosity=-1, n_jobs=1),
        lgb.LGBMClassifier(n_estimators=5, verbosity=-1, n_jobs=1, use_missing=False),
        xgb.XGBClassifier(n_estimators=5, n_jobs=1),
        cb.CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False, thread_count=1),
        cb.CatBoostClassifier(
            iterations=5, verbose=0, allow_writing_files=False, thread_count=1, grow_policy="Depthwise"
        ),
    ]
    for model in boosters:
        assert worst_difference(fitted(make_pipeline(ColumnTransformer(steps), model), 3)) < 2e-6
    sparse = ColumnTransformer([("c", one_hot(), ["city", "grade"])])
    lightgbm = fitted(make_pipeline(sparse, lgb.LGBMRegressor(n_estimators=5, verbosity=-1, n_jobs=1)))
    assert worst_difference(lightgbm) < EXACT
    with pytest.raises(UnsupportedOpError, match="sparse matrix"):
        compile_model(fitted(make_pipeline(sparse, xgb.XGBRegressor(n_estimators=5, n_jobs=1))))


@pytest.mark.parametrize("name", ["city", "rooms"])
def test_boosters_at_the_end_read_categories_of_data_frames(name: str) -> None:
    import lightgbm as lgb
    import xgboost as xgb

    x, y = frame(missing=False)
    x = x.replace("Łódź", "Lodz").astype({"age": "float32", "rooms": int})[["age", name]]
    x = x.astype({name: "category"})
    for model in (
        lgb.LGBMRegressor(n_estimators=5, verbosity=-1, n_jobs=1, min_data_per_group=5),
        xgb.XGBRegressor(n_estimators=5, n_jobs=1, enable_categorical=True),
    ):
        chosen = ColumnTransformer([("n", "passthrough", ["age"])], remainder="passthrough")
        pipeline = make_pipeline(chosen.set_output(transform="pandas"), model).fit(x, y)
        program = compile_model(pipeline)
        assert [column.dtype for column in program.columns] == ["float32", "string" if name == "city" else "float32"]
        table = to_table(x.astype({name: str if name == "city" else float}), program.columns)
        assert np.abs(evaluate(program, table.arrays)["prediction"][:, 0] - pipeline.predict(x)).max() < 1e-5


def test_categories_that_are_computed_with_are_refused() -> None:
    import lightgbm as lgb

    x, y = frame(missing=False)
    x = x[["age", "rooms"]].assign(rooms=(x["rooms"] + 0.0))
    scaled = StandardScaler().set_output(transform="pandas").fit(x)
    model = lgb.LGBMRegressor(n_estimators=3, verbosity=-1, n_jobs=1, min_data_per_group=5)
    model.fit(scaled.transform(x).astype({"rooms": "category"}), y)
    with pytest.raises(UnsupportedOpError, match="hand the column itself on"):
        compile_model(Pipeline([("s", scaled), ("m", model)]))


def log_of(x: Any) -> Any:
    return np.log1p(np.abs(x))


@pytest.mark.parametrize(
    ("transformer", "named"),
    [
        (FunctionTransformer(log_of), r"FunctionTransformer\(log_of\)"),
        (PolynomialFeatures(), "PolynomialFeatures"),
        (SimpleImputer(missing_values=-1), r"SimpleImputer\(missing_values=-1"),
        (MissingIndicator(missing_values=-1, features="all"), r"MissingIndicator\(missing_values=-1"),
    ],
)
def test_refusals_name_what_is_refused(transformer: Any, named: str) -> None:
    x, y = frame(missing=False)
    pipeline = make_pipeline(transformer, linear_model.Ridge()).fit(x[["age", "income"]], y)
    with pytest.raises(UnsupportedOpError, match=named):
        compile_model(pipeline)


def test_text_that_reaches_a_model_is_refused() -> None:
    x, _ = frame()
    imputer = SimpleImputer(strategy="most_frequent").fit(x[["city"]])
    pipeline = Pipeline([("i", imputer), ("m", linear_model.Ridge().fit([[1.0], [2.0]], [1.0, 2.0]))])
    with pytest.raises(UnsupportedOpError, match="encode it before"):
        compile_model(pipeline)


def test_a_category_that_float32_has_not_is_refused() -> None:
    x = pd.DataFrame({"id": [16777217.0, 5.0, 6.0] * 20})
    pipeline = make_pipeline(OneHotEncoder(), linear_model.Ridge()).fit(x, np.arange(60))
    with pytest.raises(UnsupportedOpError, match="not a float32 number"):
        compile_model(pipeline)


@pytest.mark.parametrize("unknown", [np.nan, -1])
def test_boosting_encodes_again_what_a_pipeline_encoded(unknown: float) -> None:
    """With `categorical_features`, histogram boosting has an encoder of its own behind the pipeline's."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown)
    transformer = ColumnTransformer([("c", encoder, ["city"]), ("n", "passthrough", ["age", "rooms"])])
    model = ensemble.HistGradientBoostingRegressor(max_iter=5, categorical_features=[0])
    assert worst_difference(fitted(make_pipeline(transformer, model))) < EXACT
