"""Finds out what kind of model a file, a text or an object is, and reads it with the reader of that kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lean_automl.compiler.foreign.request import Loaded, Request, is_instance_of
from lean_automl.errors import ConfigError, DataError, MissingDependencyError, UnsupportedOpError

if TYPE_CHECKING:
    from collections.abc import Mapping

PICKLE: Final = (b"\x80", b"x\x9c", b"x\xda", b"x\x01", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
KINDS: Final = (
    "LightGBM text; XGBoost JSON or UBJSON; CatBoost cbm or JSON; ONNX; a pickle or joblib file of a scikit-learn, "
    "LightGBM, XGBoost or CatBoost model"
)


def load_source(source: Any, request: Request) -> Loaded:
    """Read a model from a path, from LightGBM's model string, or from a live object.

    Raises:
        DataError: The file cannot be read or is no model.
        ConfigError: It is a pickle and the caller does not trust it.
        UnsupportedOpError: A part of it cannot be represented; the message names it.
    """
    if isinstance(source, str) and source.startswith("tree\n"):
        return _lightgbm_text(source, request)
    if isinstance(source, str | Path):
        try:
            return _load_file(Path(source), request)
        except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError, AttributeError) as error:
            raise DataError(f"{source}: the model is damaged: {type(error).__name__}: {error}.") from error
    return load_object(source, request)


def load_object(source: Any, request: Request) -> Loaded:
    """Read a live object."""
    _check_fitted(source)
    if is_instance_of(source, "lightgbm", "Booster", "LGBMModel"):
        from lean_automl.compiler.foreign.load_boosters import load_lightgbm

        return load_lightgbm(source, request)
    if is_instance_of(source, "xgboost", "Booster", "XGBModel"):
        from lean_automl.compiler.foreign.load_boosters import load_xgboost

        return load_xgboost(source, request)
    if is_instance_of(source, "catboost", "CatBoost", "_CatBoostBase"):
        from lean_automl.compiler.foreign.load_catboost import load_catboost

        return load_catboost(source, request)
    if is_instance_of(source, "onnx", "ModelProto") or type(source).__name__ == "ModelProto":
        from lean_automl.compiler.foreign.load_onnx import load_onnx

        return load_onnx(source, request)
    if is_instance_of(source, "sklearn", "BaseEstimator"):
        from lean_automl.compiler.foreign.load_sklearn import load_sklearn

        return load_sklearn(source, request)
    raise UnsupportedOpError(f"a {type(source).__name__} object is not a model of a supported kind: {KINDS}")


def _check_fitted(source: Any) -> None:
    """Refuse an estimator before its fit."""
    if is_instance_of(source, "catboost", "CatBoost", "_CatBoostBase"):
        fitted = bool(source.is_fitted())
    elif is_instance_of(source, "sklearn", "BaseEstimator"):
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted

        try:
            check_is_fitted(source)
            fitted = True
        except NotFittedError:
            fitted = False
    else:
        return
    if not fitted:
        raise DataError(f"this {type(source).__name__} is not fitted: call its fit before it is compiled.")


def _load_file(path: Path, request: Request) -> Loaded:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: the model cannot be read: {error.strerror}.") from error
    if content.startswith(b"tree\n") or content.startswith(b"tree\r\n"):
        return _lightgbm_text(content.decode().replace("\r\n", "\n"), request)
    if content.startswith(b"CBM1"):
        from lean_automl.compiler.foreign.load_catboost import load_catboost_file

        return load_catboost_file(path, request)
    if content.startswith(b"{"):
        return _load_braces(path, content, request)
    if path.suffix == ".onnx":
        from lean_automl.compiler.foreign.load_onnx import load_onnx_bytes

        return load_onnx_bytes(content, str(path), request)
    if content.startswith(PICKLE) or path.suffix in (".pkl", ".pickle", ".joblib"):
        return load_object(_unpickle(path, request), request)
    raise DataError(f"{path}: this is not a model of a known kind. Known: {KINDS}.")


def _load_braces(path: Path, content: bytes, request: Request) -> Loaded:
    """JSON or UBJSON, which both begin with a brace."""
    from lean_automl.compiler.foreign.load_boosters import load_xgboost_file
    from lean_automl.compiler.foreign.ubjson import read_ubjson

    try:
        described: Mapping[str, Any] = json.loads(content)
    except ValueError:
        described = read_ubjson(content, str(path))
    if "learner" in described:
        return load_xgboost_file(described, content, request)
    if "features_info" in described:
        from lean_automl.compiler.foreign.load_catboost import load_catboost_file

        return load_catboost_file(path, request)
    raise DataError(f"{path}: this is JSON of neither XGBoost nor CatBoost.")


def _lightgbm_text(text: str, request: Request) -> Loaded:
    from lean_automl.compiler.foreign.load_boosters import load_lightgbm_text

    return load_lightgbm_text(text, request)


def _unpickle(path: Path, request: Request) -> Any:
    if not request.trust_pickle:
        raise ConfigError(
            f"{path} is a pickle. Loading one runs whatever code its author put in it, so it is not loaded unasked. "
            "If you made this file yourself or trust whoever did, pass --trust-pickle (trust_pickle=True in Python); "
            "else ask for the model as ONNX, or in its library's own format."
        )
    try:
        import joblib
    except ImportError as error:
        raise MissingDependencyError("loading a pickled model needs joblib: pip install joblib") from error
    try:
        return joblib.load(path)
    except Exception as error:  # whatever code the pickle runs
        raise DataError(f"{path}: the pickle cannot be loaded: {type(error).__name__}: {error}") from error
