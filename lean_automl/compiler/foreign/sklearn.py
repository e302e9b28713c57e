"""Reads fitted scikit-learn estimators: pipelines that end in a tree, linear or perceptron model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from lean_automl.compiler.foreign.boosters import read_booster
from lean_automl.compiler.foreign.features import Feature, Number
from lean_automl.compiler.foreign.heads import Head
from lean_automl.compiler.foreign.model import ScoreModel, SourceModel
from lean_automl.compiler.foreign.sklearn_features import Stage, as_features, follow, is_sparse
from lean_automl.compiler.foreign.sklearn_linear import LINEAR, read_perceptron
from lean_automl.compiler.foreign.sklearn_trees import read_forest, read_gradient_boosting, read_hist_gradient_boosting
from lean_automl.errors import UnsupportedOpError

LIBRARY: Final = "scikit-learn"
Reader = Callable[[Any, Sequence[Feature]], tuple[ScoreModel, Head]]

FORESTS: Final = (
    *("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"),
    *("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"),
)
READERS: Final[dict[str, Reader]] = {
    **dict.fromkeys(FORESTS, read_forest),
    "GradientBoostingClassifier": read_gradient_boosting,
    "GradientBoostingRegressor": read_gradient_boosting,
    "MLPClassifier": read_perceptron,
    "MLPRegressor": read_perceptron,
    **LINEAR,
}
HIST: Final = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")


def read_sklearn(model: Any, names: Sequence[str] = ()) -> SourceModel:
    """A fitted estimator.

    Args:
        model: The estimator, or a pipeline that ends in one.
        names: Names of the raw columns, for a model that was fitted without.

    Raises:
        UnsupportedOpError: A part cannot be represented; the message names it.
    """
    model = unwrapped(model)
    inputs = input_names(model, names)
    stages: list[Stage] = [Number(name) for name in inputs]
    sparse = False
    while type(model).__name__ == "Pipeline":
        for _, step in model.steps[:-1]:
            stages, sparse = follow(step, stages), is_sparse(step, sparse)
        model = unwrapped(model.steps[-1][1])
    name = type(model).__name__
    if not type(model).__module__.startswith("sklearn."):
        booster = read_booster(model, as_features(stages, name), sparse)
        if booster is not None:
            return replace(booster, library=f"{LIBRARY} with {booster.library}", inputs=inputs)
    if name in HIST:
        scores, head = _read_hist(model, stages)
    elif name in READERS and type(model).__module__.startswith("sklearn."):
        scores, head = READERS[name](model, as_features(stages, name))
    else:
        raise UnsupportedOpError(
            f"scikit-learn estimator {name} is not supported. Supported: {', '.join([*READERS, *HIST])}."
        )
    notes: tuple[str, ...] = ()
    if hasattr(model, "classes_") and not head.classes:
        positive = str(model.classes_[1])
        notes = (f"{name} has no probabilities: the Program predicts its decision function, above 0 for {positive!r}",)
    return SourceModel(LIBRARY, scores, head, inputs, notes)


def unwrapped(model: Any) -> Any:
    """The estimator that a search found best."""
    return getattr(model, "best_estimator_", model) if type(model).__name__.endswith("SearchCV") else model


def _read_hist(model: Any, stages: Sequence[Stage]) -> tuple[ScoreModel, Head]:
    """Its own encoder stands before its trees where columns are categorical."""
    if getattr(model, "_preprocessor", None) is not None:
        encoder = model._preprocessor
        categorical = follow(
            encoder.named_transformers_["encoder"], [s for s, c in zip(stages, model.is_categorical_, strict=True) if c]
        )
        numerical = [s for s, c in zip(stages, model.is_categorical_, strict=True) if not c]
        stages = [*categorical, *numerical]
    return read_hist_gradient_boosting(model, as_features(stages, type(model).__name__))


def input_names(model: Any, names: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns that an estimator was fitted on; `names`, or x0, x1, ... where it knows none."""
    known = getattr(_first(model), "feature_names_in_", None)
    if known is not None:
        return tuple(map(str, known))
    return tuple(names) or tuple(f"x{number}" for number in range(column_count(model)))


def column_count(model: Any) -> int:
    """How many columns an estimator was fitted on."""
    return int(_first(model).n_features_in_)


def _first(model: Any) -> Any:
    """What saw the raw columns: the first step of a pipeline that does anything."""
    while type(model).__name__ == "Pipeline":
        model = next(step for _, step in model.steps if step is not None and step != "passthrough")
    return model
