"""Estimators with the interface of scikit-learn: a fit is a whole run, a prediction is the compiled model's."""

from lean_automl.sklearn.errors import InputError, SettingError
from lean_automl.sklearn.estimators import LeanClassifier, LeanRegressor
from lean_automl.sklearn.to_onnx import register_skl2onnx

__all__ = ["InputError", "LeanClassifier", "LeanRegressor", "SettingError", "register_skl2onnx"]
