"""Features of a batch: a scikit-learn ColumnTransformer beside the Program that computes the same matrix.

Both get the same frame and one thread. The Program is written from the fitted transformer, and its matrix is compared
with scikit-learn's before anything is timed: equal, but for float32.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from latency_models import Split
from latency_python import in_turns, model_of, repeated
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

# How a frame holds texts. pandas keeps categories as positions in a list, and `str` in Arrow's buffers.
CONTAINERS: dict[str, str] = {"python strings": "object", "pandas str": "str", "pandas categories": "category"}


def transforms(split: Split, repeats: int) -> dict[str, Any]:
    """Milliseconds for 100,000 rows, for each container and form."""
    categorical = [c for c in split.train if not pd.api.types.is_numeric_dtype(split.train[c]) and c != split.target]
    numeric = [c for c in split.train if c not in categorical and c != split.target]
    rows, found = repeated(split.test), {}
    for container, dtype in CONTAINERS.items():
        train, frame = (own.astype(dict.fromkeys(categorical, dtype)) for own in (split.train, rows))
        for form, fitted in _transformers(numeric, categorical).items():
            fitted.fit(train)
            program = program_of(fitted, numeric, categorical)
            models = {name: model_of(program, name) for name in ("native", "numba")}
            calls: dict[str, Callable[[], Any]] = {
                name: lambda model=model, frame=frame: _matrix(model, frame) for name, model in models.items()
            }
            for name, call in calls.items():
                if not np.array_equal(call(), np.asarray(fitted.transform(frame), np.float32)):
                    raise SystemExit(f"{container}, {form}: {name} and scikit-learn do not agree")
            calls["scikit-learn"] = lambda fitted=fitted, frame=frame: fitted.transform(frame)
            found[f"{form}, {container}"] = in_turns(calls, repeats, "native")
    return found


def _matrix(model: Any, frame: pd.DataFrame) -> Any:
    return model.run(model._reader.table(frame))["prediction"]


def _transformers(numeric: list[str], categorical: list[str]) -> dict[str, ColumnTransformer]:
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encoders = {"ordinal": ordinal, "one-hot": OneHotEncoder(handle_unknown="ignore", sparse_output=False)}
    return {
        name: ColumnTransformer(
            [
                ("numbers", SimpleImputer(strategy="median"), numeric),
                ("texts", make_pipeline(SimpleImputer(strategy="most_frequent"), encoder), categorical),
            ]
        )
        for name, encoder in encoders.items()
    }


def program_of(fitted: ColumnTransformer, numeric: list[str], categorical: list[str]) -> Program:
    """A Program whose prediction is the matrix of a fitted transformer."""
    numbers = [Column(name, ColumnKind.NUMERIC, "float32") for name in numeric]
    builder = ProgramBuilder((*numbers, *(Column(name, ColumnKind.CATEGORICAL, "string") for name in categorical)))
    fill = fitted.named_transformers_["numbers"].statistics_.astype(np.float32)
    parts = [builder.add(o.Impute((builder.add(o.Concat(tuple(map(builder.column, numeric)))),), fill))]
    texts: Pipeline = fitted.named_transformers_["texts"]
    imputer, encoder = (step for _, step in texts.steps)
    for name, common, categories in zip(categorical, imputer.statistics_, encoder.categories_, strict=True):
        code = builder.add(o.Encode((builder.column(name),), tuple(categories)))
        parts.append(builder.add(o.Lookup((code,), _table(encoder, list(categories), common))))
    return builder.build({PREDICTION: builder.add(o.Concat(tuple(parts)))})


def _table(encoder: Any, categories: list[str], common: str) -> Any:
    """Rows for a missing text, which is filled, an unseen one, and each category."""
    if isinstance(encoder, OneHotEncoder):
        known = np.eye(len(categories), dtype=np.float32)
        unseen = np.zeros((1, len(categories)), np.float32)
    else:
        known = np.arange(len(categories), dtype=np.float32)[:, None]
        unseen = np.full((1, 1), encoder.unknown_value, np.float32)
    return np.concatenate([known[[categories.index(common)]], unseen, known])
