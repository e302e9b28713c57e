"""Reads scikit-learn's fitted linear models and perceptrons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from lean_automl.compiler.foreign.features import Feature
from lean_automl.compiler.foreign.heads import Head, HeadKind, class_labels
from lean_automl.compiler.foreign.linear import Activation, LayersModel, LinearModel
from lean_automl.errors import UnsupportedOpError

Reader = Callable[[Any, Sequence[Feature]], tuple[LinearModel, Head]]


def _weights(model: Any, factor: float = 1.0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    own = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_  # after `sparsify`
    weight = np.asarray(own, dtype=np.float64)
    bias = np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64)).reshape(-1)
    weight = (weight if weight.ndim == 2 else weight.reshape(1, -1)).T
    return weight * factor, np.broadcast_to(bias, (weight.shape[1],)) * factor


def _regressor(model: Any, features: Sequence[Feature]) -> tuple[LinearModel, Head]:
    weight, bias = _weights(model)
    if weight.shape[1] != 1:
        raise UnsupportedOpError(f"{type(model).__name__} predicts {weight.shape[1]} targets: train one model for each")
    return LinearModel(tuple(features), weight, bias), Head(HeadKind.VALUE)


def _log_regressor(model: Any, features: Sequence[Feature]) -> tuple[LinearModel, Head]:
    """Generalised linear models; with the logarithm as link."""
    scores, head = _regressor(model, features)
    link = type(model._base_loss.link).__name__
    if link not in ("LogLink", "IdentityLink"):
        raise UnsupportedOpError(f"{type(model).__name__} with link {link} is not supported")
    return scores, Head(HeadKind.EXP) if link == "LogLink" else head


def _logistic(model: Any, features: Sequence[Feature]) -> tuple[LinearModel, Head]:
    """Logistic regression and discriminant analysis: sigmoid of two classes, softmax of more."""
    name = type(model).__name__
    labels = class_labels(model.classes_, name)
    together = getattr(model, "multi_class", "auto")
    if len(labels) == 2:
        # A softmax of (-d, d), which the multinomial loss uses, is a sigmoid of 2 d.
        weight, bias = _weights(model, 2.0 if together == "multinomial" else 1.0)
        return LinearModel(tuple(features), weight, bias), Head(HeadKind.SIGMOID, labels)
    weight, bias = _weights(model)
    apart = together == "ovr" or getattr(model, "solver", "") == "liblinear"
    kind = HeadKind.NORMALISED_ONE_VS_REST if apart else HeadKind.SOFTMAX
    return LinearModel(tuple(features), weight, bias), Head(kind, labels)


def _sgd(model: Any, features: Sequence[Feature]) -> tuple[LinearModel, Head]:
    if model.loss != "log_loss":
        return _margin(model, features)
    labels = class_labels(model.classes_, type(model).__name__)
    weight, bias = _weights(model)
    kind = HeadKind.SIGMOID if len(labels) == 2 else HeadKind.NORMALISED_ONE_VS_REST
    return LinearModel(tuple(features), weight, bias), Head(kind, labels)


def _margin(model: Any, features: Sequence[Feature]) -> tuple[LinearModel, Head]:
    """A classifier without probabilities: its decision function is what the Program predicts."""
    weight, bias = _weights(model)
    if weight.shape[1] != 1:
        raise UnsupportedOpError(
            f"{type(model).__name__} of {weight.shape[1]} classes has no probabilities, which a classifier's Program "
            "needs: train LogisticRegression or SGDClassifier(loss='log_loss')"
        )
    return LinearModel(tuple(features), weight, bias), Head(HeadKind.VALUE)


def _linear_kernel(model: Any, features: Sequence[Feature]) -> tuple[LinearModel, Head]:
    """A support vector machine, where its kernel is linear."""
    name = type(model).__name__
    if model.kernel != "linear":
        raise UnsupportedOpError(f"{name}(kernel={model.kernel!r}) is not supported: train with kernel='linear'")
    if not hasattr(model, "classes_"):
        return _regressor(model, features)
    if model.probability is True:
        raise UnsupportedOpError(f"{name}(probability=True) is not supported: train LogisticRegression")
    return _margin(model, features)


def read_perceptron(model: Any, features: Sequence[Feature]) -> tuple[LayersModel, Head]:
    """MLPClassifier or MLPRegressor."""
    name = type(model).__name__
    if model.activation not in tuple(Activation):
        raise UnsupportedOpError(
            f"{name}(activation={model.activation!r}) is not supported. Supported: {', '.join(Activation)}."
        )
    layers = tuple(
        (np.asarray(weight, dtype=np.float64), np.asarray(bias, dtype=np.float64))
        for weight, bias in zip(model.coefs_, model.intercepts_, strict=True)
    )
    scores = LayersModel(tuple(features), layers, Activation(model.activation))
    outputs, end = layers[-1][1].size, model.out_activation_
    if not hasattr(model, "classes_"):
        if outputs != 1:
            raise UnsupportedOpError(f"{name} predicts {outputs} targets: train one model for each")
        return scores, Head(HeadKind.EXP if end == "exp" else HeadKind.VALUE)
    labels = class_labels(model.classes_, name)
    if end == "softmax":
        return scores, Head(HeadKind.SOFTMAX, labels)
    if outputs != 1:
        raise UnsupportedOpError(f"{name} predicts {outputs} labels at once: train one model for each")
    return scores, Head(HeadKind.SIGMOID, labels)


LINEAR: Final[dict[str, Reader]] = {
    **dict.fromkeys(
        (
            *("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "LassoLars", "LassoLarsCV", "ElasticNet"),
            *(
                "ElasticNetCV",
                "Lars",
                "LarsCV",
                "BayesianRidge",
                "ARDRegression",
                "HuberRegressor",
                "QuantileRegressor",
            ),
            *("SGDRegressor", "LinearSVR", "TheilSenRegressor", "OrthogonalMatchingPursuit"),
        ),
        _regressor,
    ),
    **dict.fromkeys(("PoissonRegressor", "GammaRegressor", "TweedieRegressor"), _log_regressor),
    **dict.fromkeys(("LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis"), _logistic),
    "SGDClassifier": _sgd,
    **dict.fromkeys(("SVC", "NuSVC", "SVR", "NuSVR"), _linear_kernel),
    **dict.fromkeys(("LinearSVC", "RidgeClassifier", "RidgeClassifierCV", "Perceptron"), _margin),
}
