"""Estimators in the graphs of skl2onnx."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from estimators.quick import QUICK
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lean_automl import LeanClassifier, LeanRegressor
from lean_automl.sklearn import register_skl2onnx

skl2onnx = pytest.importorskip("skl2onnx")
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType  # noqa: E402


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_skl2onnx()


def numbers() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    return x, x[:, 0] + 0.3 * x[:, 1]


def run(model: Any, inputs: dict[str, Any]) -> list[Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


@pytest.mark.parametrize("family", ["linear", "oblivious"])
def test_a_pipeline_that_classifies(family: str) -> None:
    x, y = numbers()
    labels = np.where(y > 0, "yes", "no")
    steps = make_pipeline(StandardScaler(), LeanClassifier(**QUICK | {"families": (family,)})).fit(x, labels)
    model = skl2onnx.to_onnx(steps, x[:1], options={"zipmap": False})
    label, probabilities = run(model, {"X": x})
    np.testing.assert_allclose(probabilities, steps.predict_proba(x), atol=1e-4)
    assert np.mean(label == steps.predict(x)) > 0.98
    assert "label" in [output.name for output in model.graph.output]


def test_two_models_in_one_graph_do_not_mix_their_names() -> None:
    from sklearn.ensemble import VotingRegressor

    x, y = numbers()
    both = VotingRegressor([("a", LeanRegressor(**QUICK)), ("b", LeanRegressor(**QUICK, random_state=1))]).fit(x, y)
    (predicted,) = run(skl2onnx.to_onnx(both, x[:1]), {"X": x})
    np.testing.assert_allclose(predicted[:, 0], both.predict(x), atol=1e-4)


def test_a_regressor_of_doubles() -> None:
    x, y = numbers()
    steps = make_pipeline(StandardScaler(), LeanRegressor(**QUICK)).fit(x.astype(np.float64), y)
    model = skl2onnx.to_onnx(steps, initial_types=[("X", DoubleTensorType([None, 3]))])
    (predicted,) = run(model, {"X": x.astype(np.float64)})
    np.testing.assert_allclose(predicted[:, 0], steps.predict(x.astype(np.float64)), atol=1e-4)


def test_columns_of_text_have_inputs_of_their_own() -> None:
    x, y = numbers()
    frame = pd.DataFrame({"a": x[:, 0], "b": np.where(x[:, 1] > 0, "up", "down")})
    fitted = LeanClassifier(**QUICK).fit(frame, y > 0)
    types = [("a", FloatTensorType([None, 1])), ("b", StringTensorType([None, 1]))]
    model = skl2onnx.convert_sklearn(fitted, initial_types=types, options={"zipmap": False})
    inputs = {"a": frame[["a"]].to_numpy(), "b": frame[["b"]].to_numpy().astype(object)}
    label, probabilities = run(model, inputs)
    np.testing.assert_allclose(probabilities, fitted.predict_proba(frame), atol=1e-4)
    assert label.dtype == np.int64
    with pytest.raises(Exception, match="input of its own"):
        skl2onnx.convert_sklearn(fitted, initial_types=[("X", FloatTensorType([None, 2]))])


def test_a_pipeline_that_predicts_quantiles() -> None:
    x, y = numbers()
    quantiles = LeanRegressor(**QUICK | {"families": ("additive",)}, quantiles=(0.2, 0.8))
    steps = make_pipeline(StandardScaler(), quantiles).fit(x, y)
    model = skl2onnx.to_onnx(steps, x[:1])
    (predicted,) = run(model, {"X": x})
    assert [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim][1:] == [2]
    np.testing.assert_allclose(predicted, steps.predict(x), atol=1e-4)
    assert (predicted[:, 0] <= predicted[:, 1]).all()
    assert -1.0 < steps.score(x, y) < 0.0
