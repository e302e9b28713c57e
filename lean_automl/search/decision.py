"""From probabilities to labels, for metrics that judge labels: the threshold, or the weights of classes, that do best.

The most probable class is the best label for accuracy alone, and only if probabilities are right. F1, balanced accuracy
and Matthews' coefficient want another rule: one threshold for two classes, one weight a class for more. It is chosen on
predictions for rows that the models did not see, and kept only if it does better on rows that did not choose it.

Any such metric is a function of the confusion matrix, so a rule is judged by a handful of weighted rows, however many
there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from lean_automl.search.metrics import Metric

F64 = np.ndarray[Any, np.dtype[np.float64]]

JUDGED_BY_RULE: Final = ("accuracy", "balanced_accuracy", "matthews_corrcoef", "f1", "jaccard")  # and f1_macro, ...
FEWEST_ROWS: Final = 50
MOST_CUTS: Final = 400
MOST_SCORED_CUTS: Final = 60  # of metrics without a formula here
SMOOTHED_SHARE: Final = 0.02  # of the cuts: the middle of a good stretch, not the top of a spike
EXPONENTS: Final = (0.25, 0.5, 0.75, 1.0)  # of one over the share of a class, as its weight
STEPS: Final = (0.5, 0.7, 0.85, 1.2, 1.4, 2.0)
MOST_TRIES: Final = 150


@dataclass(frozen=True)
class Decision:
    """A rule from probabilities to labels.

    Attributes:
        threshold: The second of two classes where its probability is above it; None for more classes.
        weights: Of each class: the label is the class of the greatest product with the probability. Empty for two.
    """

    threshold: float | None
    weights: tuple[float, ...] = ()

    def labels(self, predicted: NDArray[Any]) -> NDArray[np.int64]:
        """Class codes of rows with these probabilities, as the Program decides: in float32."""
        own = predicted.astype(np.float32)
        if self.threshold is not None:
            return np.asarray(own[:, 1] > np.float32(self.threshold), dtype=np.int64)
        return np.asarray((own * np.array(self.weights, dtype=np.float32)).argmax(axis=1), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Judged:
    """Predictions for rows of one fold that the model did not see.

    Attributes:
        y: Class codes, shape (n,).
        predicted: Probabilities, shape (n, classes).
        weight: Row weights, shape (n,), or None.
    """

    y: NDArray[Any]
    predicted: F64
    weight: NDArray[np.float64] | None


def wants_rule(metric: Metric) -> bool:
    """Whether labels by another rule than the greatest probability may score better.

    Precision or recall alone would be best with a rule that gives one label to nearly all rows.
    """
    return metric.task.is_classification and metric.name.split("_macro")[0].split("_micro")[0].split("_weighted")[
        0
    ] in (JUDGED_BY_RULE)


def score_labels(metric: Metric, y: NDArray[Any], labels: NDArray[np.int64], weight: NDArray[Any] | None) -> float:
    """Score of labels, as class codes."""
    return metric(y, np.eye(metric.outputs)[labels], weight)


def answers(metric: Metric, outputs: Mapping[str, NDArray[Any]], classes: Sequence[Any]) -> F64:
    """What a metric judges of a Program's outputs: its labels, one column for each class, or what it predicts."""
    if not wants_rule(metric):
        return np.asarray(outputs.get(PROBABILITIES, outputs.get(PREDICTION)), dtype=np.float64)
    code = {label: number for number, label in enumerate(classes)}
    own: F64 = np.eye(metric.outputs)[[code[label] for label in outputs[LABEL].reshape(-1).tolist()]]
    return own


def choose_decision(metric: Metric, folds: Sequence[Judged], *, thorough: bool) -> tuple[Decision | None, float]:
    """The rule, or None for the greatest probability, and the mean score over the folds.

    Args:
        metric: What labels are scored by; others need no rule.
        folds: Rows of each fold.
        thorough: Whether to look for the weights of each of many classes by itself.
    """
    plain = float(np.mean([metric(fold.y, fold.predicted, fold.weight) for fold in folds]))
    y = np.concatenate([fold.y for fold in folds])
    if not wants_rule(metric) or y.size < FEWEST_ROWS:
        return None, plain
    predicted = np.concatenate([fold.predicted for fold in folds])
    weight = np.concatenate([np.ones(f.y.size) if f.weight is None else f.weight for f in folds])
    find = _best_threshold if metric.outputs == 2 else _best_weights
    half = np.random.default_rng(0).random(y.size) < 0.5
    labels = np.empty(y.size, dtype=np.int64)
    for own in (half, ~half):
        if np.unique(y[~own]).size < 2 or not weight[~own].sum() > 0:
            return None, plain
        labels[own] = find(metric, y[~own], predicted[~own], weight[~own], thorough).labels(predicted[own])
    ends = np.cumsum([0, *(fold.y.size for fold in folds)])
    judged = [
        score_labels(metric, fold.y, labels[start:stop], fold.weight)
        for fold, start, stop in zip(folds, ends[:-1], ends[1:], strict=True)
    ]
    crossed = float(np.mean(judged))
    if not crossed > plain:
        return None, plain
    return find(metric, y, predicted, weight, thorough), crossed


def _best_threshold(metric: Metric, y: NDArray[Any], predicted: F64, weight: F64, thorough: bool) -> Decision:  # noqa: ARG001
    """The middle of the stretch of thresholds with the best scores."""
    p = predicted[:, 1].astype(np.float32)
    order = np.argsort(p, kind="stable")
    p, own = p[order], weight[order]
    ends = np.append(np.flatnonzero(p[1:] > p[:-1]), p.size - 1)  # last row of each run of equal probabilities
    formula = FORMULAS.get(metric.name)
    most = MOST_SCORED_CUTS if formula is None else MOST_CUTS
    ends = ends[np.unique(np.linspace(0, ends.size - 1, min(most, ends.size)).astype(np.int64))]
    positive, negative = own * (y[order] == 1), own * (y[order] != 1)
    fn, tn = np.cumsum(positive)[ends], np.cumsum(negative)[ends]
    tp, fp = positive.sum() - fn, negative.sum() - tn
    if formula is not None:
        with np.errstate(all="ignore"):
            scores = np.nan_to_num(formula(tp, fp, fn, tn))
    else:
        scores = np.array([_of_matrix(metric, np.array(m).reshape(2, 2)) for m in zip(tn, fp, fn, tp, strict=True)])
    at = int(np.argmax(_smoothed(scores)))
    above = p[min(int(ends[at]) + 1, p.size - 1)]
    return Decision(float(np.float32((float(p[ends[at]]) + float(above)) / 2)))


def _smoothed(scores: F64) -> F64:
    """Means of neighbours; those at the ends of fewer."""
    reach = int(SMOOTHED_SHARE * scores.size)
    sums = np.concatenate([[0.0], np.cumsum(scores)])
    at = np.arange(scores.size)
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, scores.size)
    return np.asarray((sums[high] - sums[low]) / (high - low))


def _best_weights(metric: Metric, y: NDArray[Any], predicted: F64, weight: F64, thorough: bool) -> Decision:
    """Weights by a power of one over the share of a class; then, if there is time, each class by itself."""
    count = metric.outputs
    p = predicted.astype(np.float32)
    shares = np.bincount(y, weights=weight, minlength=count) / weight.sum()
    shares = np.maximum(shares, 1.0 / (2.0 * y.size))

    def score(weights: F64) -> float:
        labels = Decision(None, tuple(weights.tolist())).labels(p)
        return _of_matrix(
            metric, np.bincount(y * count + labels, weights=weight, minlength=count**2).reshape(count, -1)
        )

    best = np.ones(count)
    top = score(best)
    for exponent in EXPONENTS:
        tried = (shares.max() / shares) ** exponent
        if (own := score(tried)) > top:
            best, top = tried, own
    if thorough:
        tries = [(code, step) for code in np.argsort(shares).tolist() for step in STEPS]
        for code, step in tries[:MOST_TRIES]:
            tried = best.copy()
            tried[code] *= step
            if (own := score(tried)) > top:
                best, top = tried, own
    return Decision(None, tuple((best / best.max()).tolist()))


def _of_matrix(metric: Metric, matrix: NDArray[Any]) -> float:
    """Score of a confusion matrix: rows are true classes, columns labels."""
    true, label = np.nonzero(matrix)
    return score_labels(metric, true, label, matrix[true, label])


def _matthews(tp: F64, fp: F64, fn: F64, tn: F64) -> F64:
    return np.asarray((tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


FORMULAS: Final[dict[str, Callable[[F64, F64, F64, F64], F64]]] = {
    "accuracy": lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
    "balanced_accuracy": lambda tp, fp, fn, tn: (tp / (tp + fn) + tn / (tn + fp)) / 2,
    "matthews_corrcoef": _matthews,
    "f1": lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn),  # noqa: ARG005
}
