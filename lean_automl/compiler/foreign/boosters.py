"""Boosters at the end of scikit-learn's pipelines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.compiler.foreign.heads import Classes, class_labels
from lean_automl.compiler.foreign.lightgbm import read_lightgbm
from lean_automl.compiler.foreign.request import is_instance_of
from lean_automl.compiler.foreign.xgboost import read_xgboost
from lean_automl.errors import UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl.compiler.foreign.features import Feature
    from lean_automl.compiler.foreign.model import SourceModel


def read_booster(model: Any, features: Sequence[Feature], sparse: bool) -> SourceModel | None:
    """A LightGBM, XGBoost or CatBoost estimator that reads these columns; None where it is another model.

    Args:
        model: The estimator.
        features: What its columns are.
        sparse: Whether it gets a sparse matrix.

    Raises:
        UnsupportedOpError: A part cannot be represented; the message names it.
    """
    if is_instance_of(model, "lightgbm", "LGBMModel"):
        text = model.booster_.model_to_string()
        return read_lightgbm(text, classes_of(model), features=features)
    if is_instance_of(model, "xgboost", "XGBModel"):
        if sparse:
            raise UnsupportedOpError(
                f"{type(model).__name__} gets a sparse matrix, whose zeros XGBoost takes for missing values: train "
                "with sparse_output=False and sparse_threshold=0"
            )
        described = json.loads(bytes(model.get_booster().save_raw("json")))
        return read_xgboost(described, classes_of(model), features=features, missing=missing_marker(model))
    if is_instance_of(model, "catboost", "CatBoost"):
        from lean_automl.compiler.foreign.load_catboost import read_at_end

        return read_at_end(model, features)
    return None


def missing_marker(model: Any) -> float | None:
    """The number that stands for missing values in an XGBoost estimator; None where it is NaN."""
    missing = getattr(model, "missing", None)
    return None if missing is None or np.isnan(missing) else float(missing)


def classes_of(model: Any) -> Classes:
    """The labels that an estimator knows; none for a regressor or a bare booster."""
    known = getattr(model, "classes_", None)
    return () if known is None else class_labels(list(known), type(model).__name__)
