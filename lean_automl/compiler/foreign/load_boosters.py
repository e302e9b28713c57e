"""Loads LightGBM and XGBoost models, from their formats or as live objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.foreign.boosters import classes_of, missing_marker
from lean_automl.compiler.foreign.features import Categories, Feature, Intervals, Levels
from lean_automl.compiler.foreign.heads import Classes
from lean_automl.compiler.foreign.lightgbm import read_lightgbm
from lean_automl.compiler.foreign.request import Loaded, Predict, Request
from lean_automl.compiler.foreign.xgboost import read_xgboost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from lean_automl.compiler.foreign.model import SourceModel


def load_lightgbm_text(text: str, request: Request) -> Loaded:
    """LightGBM's text format."""
    model = _read_lightgbm(text, request, request.classes)
    try:
        import lightgbm
    except ImportError:
        return Loaded(model, None)
    return Loaded(model, _predict_lightgbm(lightgbm.Booster(model_str=text), model, request.rounds))


def load_lightgbm(source: Any, request: Request) -> Loaded:
    """A Booster, or one of LightGBM's scikit-learn estimators."""
    booster = getattr(source, "booster_", source)
    classes = request.classes or classes_of(source)
    model = _read_lightgbm(booster.model_to_string(num_iteration=-1 if request.rounds == 0 else None), request, classes)
    return Loaded(model, _predict_lightgbm(booster, model, request.rounds))


def _read_lightgbm(text: str, request: Request, classes: Classes) -> SourceModel:
    names: tuple[str, ...] = ()
    header = text.split("\nTree=", 1)[0]
    if "\nfeature_names=Column_0" in header:
        count = int(header.split("\nmax_feature_idx=", 1)[1].split("\n", 1)[0]) + 1
        names = request.names_for(count)
    return read_lightgbm(text, classes, names, request.text_columns, request.rounds)


def _predict_lightgbm(booster: Any, model: SourceModel, rounds: int | None = None) -> Predict:
    def predict(frame: pd.DataFrame) -> NDArray[np.float64]:
        columns = _as_trained(frame, model.scores.features)  # type: ignore[attr-defined]
        named = bool(getattr(booster, "pandas_categorical", None))
        rows = columns if named else columns.to_numpy(dtype=np.float64)
        return _two_columns(
            booster.predict(rows, num_iteration=-1 if rounds == 0 else rounds), bool(model.head.classes)
        )

    return predict


def _as_trained(frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """Text columns as pandas categories, and the rest as numbers."""
    import pandas as pd

    made: dict[Any, Any] = {}
    for (name, values), feature in zip(frame.items(), features, strict=True):
        if isinstance(feature, Levels):
            is_empty_known = isinstance(feature.coding, Categories) and not np.isnan(feature.values[o.CODE_MISSING])
            made[name] = (values.fillna("") if is_empty_known else values).astype("category")
        else:
            made[name] = pd.to_numeric(values, errors="coerce").astype(np.float64)
    return pd.DataFrame(made)


def _whole_categories(values: pd.Series[Any], feature: Levels, coding: Intervals) -> Any:
    """XGBoost takes categories that are numbers as integers only; others count as missing."""
    import pandas as pd

    known = [int(coding.edges[code]) for code, value in enumerate(feature.values) if not np.isnan(value)]
    return pd.Categorical([int(v) if v in known else None for v in values], categories=known)


def _two_columns(predicted: Any, classifier: bool) -> NDArray[np.float64]:
    """A probability of the second class as one of both."""
    values = np.asarray(predicted, dtype=np.float64)
    return np.column_stack([1.0 - values, values]) if classifier and values.ndim == 1 else values


def load_xgboost_file(described: Mapping[str, Any], content: bytes, request: Request) -> Loaded:
    """A parsed JSON or UBJSON file, and its content."""
    model = _read_xgboost(described, request, request.classes)
    try:
        import xgboost
    except ImportError:
        return Loaded(model, None)
    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
    return Loaded(model, _predict_xgboost(booster, model, described, request))


def load_xgboost(source: Any, request: Request) -> Loaded:
    """A Booster, or one of XGBoost's scikit-learn estimators."""
    booster = source.get_booster() if hasattr(source, "get_booster") else source
    described = json.loads(bytes(booster.save_raw("json")))
    missing = missing_marker(source)
    model = _read_xgboost(described, request, request.classes or classes_of(source), missing)
    return Loaded(model, _predict_xgboost(booster, model, described, request, missing))


def _read_xgboost(
    described: Mapping[str, Any], request: Request, classes: Classes, missing: float | None = None
) -> SourceModel:
    learner = described["learner"]
    names: tuple[str, ...] = ()
    if not learner.get("feature_names"):
        names = request.names_for(int(learner["learner_model_param"]["num_feature"]))
    return read_xgboost(described, classes, names, request.rounds, missing=missing)


def _predict_xgboost(
    booster: Any, model: SourceModel, described: Mapping[str, Any], request: Request, missing: float | None = None
) -> Predict:
    learner = described["learner"]
    types = list(learner.get("feature_types") or []) or None
    rounds = request.rounds
    if rounds is None and "best_iteration" in learner.get("attributes", {}):
        rounds = min(int(learner["attributes"]["best_iteration"]) + 1, booster.num_boosted_rounds())

    def predict(frame: pd.DataFrame) -> NDArray[np.float64]:
        import xgboost

        categorical = bool(types and "c" in types)
        columns = _as_trained(frame, model.scores.features)  # type: ignore[attr-defined]
        for name, feature in zip(frame.columns, model.scores.features, strict=True):  # type: ignore[attr-defined]
            if isinstance(feature, Levels) and isinstance(feature.coding, Intervals):
                columns[name] = _whole_categories(frame[name], feature, feature.coding)
        if any(isinstance(feature, Levels) for feature in model.scores.features):  # type: ignore[attr-defined]
            matrix = xgboost.DMatrix(columns, enable_categorical=True)
        else:
            names = learner.get("feature_names") or None
            values = columns.to_numpy(dtype=np.float32)
            matrix = xgboost.DMatrix(
                values,
                missing=np.nan if missing is None else missing,
                feature_names=names,
                feature_types=types,
                enable_categorical=categorical,
            )
        chosen = (0, rounds) if rounds else (0, 0)
        if learner["objective"]["name"] == "multi:softmax":
            margins = booster.predict(matrix, output_margin=True, iteration_range=chosen).astype(np.float64)
            raised = np.exp(margins - margins.max(axis=1, keepdims=True))
            return np.asarray(raised / raised.sum(axis=1, keepdims=True))
        return _two_columns(booster.predict(matrix, iteration_range=chosen), bool(model.head.classes))

    return predict
