"""scikit-learn's linear models and perceptrons compile to what they predict, up to float32 rounding."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from foreign_probes import worst_difference
from sklearn import discriminant_analysis, linear_model, neural_network, svm
from sklearn.multiclass import OneVsRestClassifier

from lean_automl.compiler.foreign import compile_model
from lean_automl.errors import UnsupportedOpError

TOLERANCE = 5e-6


def rows(count: int = 300) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 4)) * [1, 10, 0.1, 1] + [0, 5, 0, -3]


def fitted(model: Any, classes: int = 0) -> Any:
    x = rows()
    s = x[:, 0] + x[:, 1] / 10 + np.sin(x[:, 3])
    y = np.abs(s) + 0.1
    if classes:
        y = np.array(["a", "b", "c", "d", "e"])[np.digitize(s, np.quantile(s, np.linspace(0, 1, classes + 1)[1:-1]))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(x, y)


def worst(model: Any) -> float:
    return worst_difference(model, nan=False, largest=20.0)


@pytest.mark.parametrize(
    "model",
    [
        linear_model.LinearRegression(),
        linear_model.Ridge(alpha=2.0),
        linear_model.Lasso(alpha=0.1),
        linear_model.ElasticNet(alpha=0.1),
        linear_model.SGDRegressor(random_state=0, eta0=1e-4),
        linear_model.HuberRegressor(),
        linear_model.BayesianRidge(),
        linear_model.PoissonRegressor(),
        linear_model.GammaRegressor(),
        linear_model.TweedieRegressor(power=0, link="identity"),
        svm.LinearSVR(),
        svm.SVR(kernel="linear"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_regressors(model: Any) -> None:
    assert worst(fitted(model)) < TOLERANCE


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize(
    "model",
    [
        linear_model.LogisticRegression(),
        linear_model.LogisticRegressionCV(cv=2, Cs=2),
        linear_model.SGDClassifier(loss="log_loss", random_state=0, eta0=1e-4, learning_rate="constant"),
        discriminant_analysis.LinearDiscriminantAnalysis(),
        neural_network.MLPClassifier((8, 5), max_iter=20, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_classifiers(model: Any, classes: int) -> None:
    assert worst(fitted(model, classes)) < TOLERANCE


@pytest.mark.parametrize(
    "model",
    [
        svm.LinearSVC(),
        svm.SVC(kernel="linear"),
        linear_model.RidgeClassifier(),
        linear_model.Perceptron(),
        linear_model.SGDClassifier(loss="hinge", random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_classifiers_without_probabilities_predict_their_decision_function(model: Any) -> None:
    assert worst(fitted(model, 2)) < TOLERANCE
    with pytest.raises(UnsupportedOpError, match="has no probabilities"):
        compile_model(fitted(model, 3))


@pytest.mark.parametrize("activation", ["relu", "identity", "logistic", "tanh"])
def test_activations(activation: str) -> None:
    model = neural_network.MLPRegressor(hidden_layer_sizes=(6, 4), activation=activation, max_iter=30, random_state=0)
    assert worst(fitted(model)) < TOLERANCE


def test_sparse_coefficients() -> None:
    assert worst(fitted(linear_model.LogisticRegression(), 3).sparsify()) < TOLERANCE


def test_poisson_perceptron() -> None:
    assert (
        worst(fitted(neural_network.MLPRegressor(hidden_layer_sizes=(6,), loss="poisson", max_iter=30, random_state=0)))
        < TOLERANCE
    )


@pytest.mark.parametrize(
    ("model", "classes", "named"),
    [
        (neural_network.MLPRegressor(hidden_layer_sizes=(80,), activation="tanh", max_iter=2), 0, "80 units"),
        (OneVsRestClassifier(linear_model.LogisticRegression()), 3, "OneVsRestClassifier"),
        (svm.SVC(), 2, r"SVC\(kernel='rbf'\)"),
    ],
)
def test_refusals_name_what_is_refused(model: Any, classes: int, named: str) -> None:
    with pytest.raises(UnsupportedOpError, match=named):
        compile_model(fitted(model, classes))


def test_several_targets_are_refused() -> None:
    x = rows()
    with pytest.raises(UnsupportedOpError, match="2 targets"):
        compile_model(linear_model.Ridge().fit(x, x[:, :2]))
