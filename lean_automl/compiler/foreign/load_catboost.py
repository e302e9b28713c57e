"""Loads CatBoost models: JSON and cbm files, and live models."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.compiler.foreign.catboost import input_names, read_catboost
from lean_automl.compiler.foreign.catboost_ragged import at_end
from lean_automl.compiler.foreign.heads import HeadKind
from lean_automl.compiler.foreign.request import Loaded, Predict, Request
from lean_automl.errors import DataError, MissingDependencyError, UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from lean_automl.compiler.foreign.features import Feature
    from lean_automl.compiler.foreign.model import SourceModel


def load_catboost_file(path: Path, request: Request) -> Loaded:
    """A cbm or JSON file; JSON that explains its categories needs no CatBoost.

    Raises:
        MissingDependencyError: It needs CatBoost, which is not installed.
    """
    is_json = path.suffix == ".json"
    try:
        import catboost
    except ImportError as error:
        if not is_json:
            raise MissingDependencyError("reading a cbm file needs CatBoost: pip install catboost") from error
        return Loaded(_read(json.loads(path.read_text()), request), None)
    model = catboost.CatBoost()
    try:
        model.load_model(str(path), format="json" if is_json else "cbm")
    except catboost.CatBoostError as error:
        raise DataError(f"{path}: CatBoost cannot read this file: {error}") from error
    stored = json.loads(path.read_text()) if is_json else {}
    return _load(model, request, stored.get("features_info", {}).get("cat_features_hash") or [])


def load_catboost(source: Any, request: Request) -> Loaded:
    """A live model."""
    return _load(source, request, [])


def read_at_end(model: Any, features: Sequence[Feature]) -> SourceModel:
    """A model at the end of a pipeline, whose columns are these features.

    Raises:
        UnsupportedOpError: It has categorical columns of its own, or another part that cannot be represented.
    """
    described = _described(model, Request(), [])
    if described["features_info"].get("categorical_features"):
        raise UnsupportedOpError(
            "CatBoost at the end of a pipeline has categorical columns: encode them, or train alone"
        )
    names = [str(number) for number in range(len(features))]
    return at_end(read_catboost(described, names=names), features)


def _load(model: Any, request: Request, hashes: Sequence[Mapping[str, Any]]) -> Loaded:
    described = _described(model, request, hashes)
    read = _read(described, request)
    return Loaded(read, _predict(model, read, described))


def _read(described: Mapping[str, Any], request: Request) -> SourceModel:
    count = len(input_names(described["features_info"], ()))
    return read_catboost(described, request.classes, request.names_for(count), request.categories)


def _described(model: Any, request: Request, hashes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The model as parsed JSON, with the hashes of the categories that the file or the caller knows."""
    import catboost

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        try:
            model.save_model(str(path), format="json")
        except catboost.CatBoostError as error:
            raise UnsupportedOpError(
                f"CatBoost cannot write this model as JSON, which is read here: {error}"
            ) from error
        described: dict[str, Any] = json.loads(path.read_text())
        info = described["features_info"]
        if info.get("categorical_features") and request.categories:
            model.save_model(str(path), format="json", pool=_pool_of(info, request))
            info["cat_features_hash"] = json.loads(path.read_text())["features_info"].get("cat_features_hash") or []
    info["cat_features_hash"] = [*(info.get("cat_features_hash") or []), *hashes]
    return described


def _pool_of(info: Mapping[str, Any], request: Request) -> Any:
    """Rows in which every category occurs that the caller knows."""
    import catboost
    import pandas as pd

    names = input_names(info, request.names_for(len(input_names(info, ()))))
    flat = [feature["flat_feature_index"] for feature in info["categorical_features"]]
    own = {at: ["", *request.categories.get(names[at], ())] for at in flat}
    rows = max(map(len, own.values()))
    columns = {
        name: np.resize(np.array(own[at], dtype=object), rows) if at in own else np.zeros(rows)
        for at, name in enumerate(names)
    }
    return catboost.Pool(pd.DataFrame(columns), cat_features=flat)


def _predict(model: Any, read: SourceModel, described: Mapping[str, Any]) -> Predict:
    info = described["features_info"]
    flat = [feature["flat_feature_index"] for feature in info.get("categorical_features", [])]
    kinds = {HeadKind.EXP: "Exponent", HeadKind.VALUE: "RawFormulaVal"}

    def predict(frame: pd.DataFrame) -> NDArray[np.float64]:
        import catboost
        import pandas as pd

        columns: dict[str, Any] = {}
        for at, (name, values) in enumerate(frame.items()):
            if at in flat:
                columns[str(name)] = values.fillna("").astype(str).astype(object)
            else:
                columns[str(name)] = pd.to_numeric(values, errors="coerce").astype(np.float32)
        made = pd.DataFrame(columns)
        pool = catboost.Pool(made, cat_features=flat) if flat else catboost.Pool(made.to_numpy())
        return np.asarray(model.predict(pool, prediction_type=kinds.get(read.head.kind, "Probability")))

    return predict
