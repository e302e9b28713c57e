"""Loads live scikit-learn estimators."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.compiler.foreign.request import Loaded, Predict, Request
from lean_automl.compiler.foreign.sklearn import column_count, read_sklearn, unwrapped

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from lean_automl.compiler.foreign.model import SourceModel


def load_sklearn(source: Any, request: Request) -> Loaded:
    """A fitted estimator."""
    source = unwrapped(source)
    model = read_sklearn(source, request.names_for(column_count(source)))
    return Loaded(model, _predict(source, model))


def _predict(source: Any, model: SourceModel) -> Predict:
    named = hasattr(source, "feature_names_in_")

    def predict(frame: pd.DataFrame) -> NDArray[np.float64]:
        rows = frame if named else frame.to_numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unknown categories, which are meant
            if model.head.classes:
                return np.asarray(source.predict_proba(rows), dtype=np.float64)
            is_margin = hasattr(source, "classes_") and hasattr(source, "decision_function")
            answer = source.decision_function(rows) if is_margin else source.predict(rows)
        return np.asarray(answer, dtype=np.float64).reshape(-1)

    return predict
