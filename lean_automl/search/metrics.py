"""Metrics by scikit-learn name, computed from predictions alone. Greater is always better."""

from __future__ import annotations

import difflib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names

from lean_automl.data import Task
from lean_automl.errors import ConfigError
from lean_automl.search.losses import pinball

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULTS: Final = {
    Task.BINARY: "roc_auc",
    Task.MULTICLASS: "neg_log_loss",
    Task.REGRESSION: "neg_root_mean_squared_error",
}
PINBALL: Final = "neg_mean_pinball_loss"
ALIASES: Final = {
    "pinball": PINBALL,
    "auc": "roc_auc",
    "logloss": "neg_log_loss",
    "log_loss": "neg_log_loss",
    "brier": "neg_brier_score",
    "rmse": "neg_root_mean_squared_error",
    "mse": "neg_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "rmsle": "neg_root_mean_squared_log_error",
}


@dataclass(frozen=True)
class Metric:
    """A scikit-learn scorer.

    Attributes:
        name: Name of the scorer.
        task: Kind of target.
        outputs: Columns of a prediction.
        quantiles: What the columns are, if they are quantiles; the score then is the mean pinball loss.
    """

    name: str
    task: Task
    outputs: int
    quantiles: tuple[float, ...] = ()

    def __call__(self, y: NDArray[Any], predicted: NDArray[Any], weight: NDArray[np.float64] | None = None) -> float:
        """Score of predictions; greater is better.

        Args:
            y: Class codes or numbers, shape (n,).
            predicted: Probabilities (n, classes) or predictions (n, 1).
            weight: Row weights, shape (n,).
        """
        if self.quantiles:
            return -float(np.average(pinball(y, predicted, self.quantiles), weights=weight))
        quick = QUICK.get((self.name, self.task.is_classification))
        if quick is not None and (weight is None or quick is not _roc_auc or np.unique(y).size < 2):
            return quick(y, np.asarray(predicted, dtype=np.float64), weight)
        if self.task is Task.MULTICLASS and self.name in OF_PRESENT_CLASSES:
            present = np.unique(y)
            if present.size < 2:
                return NOTHING_TO_RANK
            y, predicted = np.searchsorted(present, y), predicted[:, present]
        elif self.name in LEAST:
            predicted = np.maximum(predicted, LEAST[self.name](float(np.average(y, weights=weight))))
        answers = _Classifier(predicted.shape[1]) if self.task.is_classification else _Regressor()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes that are absent from a fold, and the like
            scorer = get_scorer(self.name)
            return float(scorer(answers, np.asarray(predicted, dtype=np.float64), y, sample_weight=weight))

    @property
    def logs(self) -> float | None:
        """What is added to a number whose logarithm it judges, more or less; None where it judges the number."""
        return LOGS.get(self.name)

    def shown(self, score: float) -> str:
        """Score as people write it: losses without their sign."""
        return f"{-score if self.name.startswith('neg_') else score:.5g}"

    @property
    def shown_name(self) -> str:
        """Name without the prefix for losses."""
        return self.name.removeprefix("neg_")


def _roc_auc(y: NDArray[Any], predicted: NDArray[np.float64], weight: NDArray[np.float64] | None) -> float:  # noqa: ARG001 - see above
    """Area under the curve from ranks (Mann-Whitney); 0.5 where there is one class."""
    positives = int(np.sum(y == 1))
    negatives = y.size - positives
    if not positives or not negatives:
        return 0.5
    ranks = rankdata(predicted[:, 1] / predicted.sum(axis=1))
    return float((ranks[y == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _neg_log_loss(y: NDArray[Any], predicted: NDArray[np.float64], weight: NDArray[np.float64] | None) -> float:
    chance = predicted[np.arange(y.size), y] / predicted.sum(axis=1)
    return float(np.average(np.log(np.maximum(chance, np.finfo(np.float64).eps)), weights=weight))


def _neg_rmse(y: NDArray[Any], predicted: NDArray[np.float64], weight: NDArray[np.float64] | None) -> float:
    return -float(np.sqrt(np.average((predicted[:, 0] - y) ** 2, weights=weight)))


def _neg_brier(y: NDArray[Any], predicted: NDArray[np.float64], weight: NDArray[np.float64] | None) -> float:
    errors = np.eye(predicted.shape[1])[y] - predicted / predicted.sum(axis=1, keepdims=True)
    halved = 0.5 if predicted.shape[1] == 2 else 1.0  # as scikit-learn has it: of two classes, one counts
    return -halved * float(np.average((errors**2).sum(axis=1), weights=weight))


# The same numbers as scikit-learn's scorers, without their checks: ensemble selection scores thousands of times, and
# rows that judge may lack a class.
QUICK: Final = {
    ("roc_auc", True): _roc_auc,
    ("neg_log_loss", True): _neg_log_loss,
    ("neg_brier_score", True): _neg_brier,
    ("neg_root_mean_squared_error", False): _neg_rmse,
}

# These refuse columns of classes that no row has: they compare the classes that are there.
OF_PRESENT_CLASSES: Final = frozenset(
    {
        "roc_auc_ovr",
        "roc_auc_ovo",
        "roc_auc_ovr_weighted",
        "roc_auc_ovo_weighted",
        "average_precision",
        "top_k_accuracy",
    }
)
NOTHING_TO_RANK: Final = 0.5

LOGS: Final = {
    "neg_mean_squared_log_error": 1.0,
    "neg_root_mean_squared_log_error": 1.0,
    "neg_mean_absolute_percentage_error": 0.0,
}


def _above_minus_one(_: float) -> float:
    return -1.0 + 1e-6


def _positive(mean: float) -> float:
    return max(1e-6 * mean, 1e-12)


# These refuse small predictions, which count as the least that is allowed, by the mean of the target.
LEAST: Final = {
    "neg_mean_squared_log_error": _above_minus_one,
    "neg_root_mean_squared_log_error": _above_minus_one,
    "neg_mean_poisson_deviance": _positive,
    "neg_mean_gamma_deviance": _positive,
}


class _Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Takes probabilities as its input and answers with them."""

    def __init__(self, outputs: int = 2) -> None:
        self.outputs = outputs
        self.classes_ = np.arange(outputs)
        self.fitted_ = True

    def predict_proba(self, x: NDArray[Any]) -> NDArray[Any]:
        total = x.sum(axis=1, keepdims=True)
        share: NDArray[Any] = x / np.where(total > 0, total, 1.0)
        return share

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.argmax(x, axis=1))


class _Regressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Takes predictions as its input and answers with them."""

    fitted_ = True

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        return x[:, 0]


def make_metric(name: str | None, task: Task, outputs: int, quantiles: tuple[float, ...] = ()) -> Metric:
    """The metric of that name, or the task's default; for quantiles, the pinball loss.

    Raises:
        ConfigError: It is no name, scikit-learn has no such scorer, or it does not fit the task.
    """
    if name is not None and not isinstance(name, str):
        raise ConfigError("--metric: only names are taken, such as those of sklearn.metrics.get_scorer_names().")
    if quantiles:
        if name not in (None, PINBALL, *(alias for alias, full in ALIASES.items() if full == PINBALL)):
            raise ConfigError(f"--metric: {name!r} judges no quantiles. Leave it out: they have the pinball loss.")
        return Metric(PINBALL, task, outputs, quantiles)
    if ALIASES.get(name or "", name) == PINBALL:
        raise ConfigError("--metric: the pinball loss judges quantiles. Say which: --quantiles 0.1,0.5,0.9.")
    wanted = DEFAULTS[task] if name is None else ALIASES.get(name, name)
    known = get_scorer_names()
    if wanted not in known:
        near = difflib.get_close_matches(wanted, [*known, *ALIASES], n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "Use the name of a scikit-learn scorer."
        raise ConfigError(f"--metric: {name!r} is not known. {hint}")
    metric = Metric(_for_many_classes(wanted, task), task, outputs)
    try:
        _try_out(metric)
    except (ValueError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--metric: {wanted!r} does not fit a {task.value} target: {reason}") from error
    return metric


def check_target(metric: Metric, y: NDArray[Any]) -> None:
    """Refuse numbers that a metric cannot take, as logarithmic ones cannot take those below zero.

    Raises:
        ConfigError: It cannot take one of `y`, shape (n,).
    """
    try:
        metric(y, np.full((y.size, metric.outputs), np.abs(y).mean() + 1.0))
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--metric: {metric.name!r} does not fit this target: {reason}") from error


def is_absolute(name: str | None) -> bool:
    """Whether the metric of that name is a mean of absolute errors."""
    return isinstance(name, str) and ALIASES.get(name, name) in (ALIASES["mae"], ALIASES["mape"])


def _for_many_classes(name: str, task: Task) -> str:
    """Scorers that need to be told how to average over more than two classes."""
    if task is not Task.MULTICLASS:
        return name
    return {"roc_auc": "roc_auc_ovr", "f1": "f1_macro", "precision": "precision_macro", "recall": "recall_macro"}.get(
        name, name
    )


def _try_out(metric: Metric) -> None:
    """Score a few made-up rows, to find out now whether the metric works."""
    rng = np.random.default_rng(0)
    rows = 4 * metric.outputs + 8
    if metric.task.is_classification and _judges_numbers(metric.name):
        raise ValueError("it compares numbers, not labels")
    if not metric.task.is_classification:
        numbers = rng.random(rows) + 0.5
        score = metric(numbers, numbers[:, None] + 0.1)
    else:
        codes = np.arange(rows) % metric.outputs
        score = metric(codes, rng.random((rows, metric.outputs)) + 0.1)
    if not np.isfinite(score):
        raise ValueError("its score is not a finite number")


def _judges_numbers(name: str) -> bool:
    """Whether a scorer takes a target of any numbers: scorers of labels refuse it."""
    y = np.random.default_rng(0).random(16) + 0.5
    try:
        Metric(name, Task.REGRESSION, 1)(y, y[:, None] + 0.1)
    except (ValueError, TypeError, AttributeError):
        return False
    return True
