"""What a model does on rows that no step has seen, in few numbers: plots are drawn from them, without the rows."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.ir import LABEL, PREDICTION, PROBABILITIES

from lean_automl.compiler.unread import read_by
from lean_automl.report.shapes import Shape, find_shapes
from lean_automl.search.decision import answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.engines import Engine
    from lean_automl_runtime.ir import Program
    from numpy.typing import NDArray

    from lean_automl.data import Dataset
    from lean_automl.search.metrics import Metric

MOST_ROWS: Final = 20_000
IMPORTANCE_ROWS: Final = 2_500
REPEATS: Final = 3
BINS: Final = 10
HISTOGRAM_BINS: Final = 24
MOST_CLASSES: Final = 12
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class CalibrationBin:
    """Rows with like predictions.

    Attributes:
        predicted: Mean of the predicted probability.
        observed: Share of the rows where it came true.
        rows: How many.
    """

    predicted: float
    observed: float
    rows: int


@dataclass(frozen=True)
class Confusion:
    """Counts of rows by true and predicted class.

    Attributes:
        classes: Names; where there are many, the last stands for all the others.
        counts: A list for each true class.
        right: Rows whose label is right. The others, as one class, hide which of them are taken for each other.
    """

    classes: list[str]
    counts: list[list[int]]
    right: int


@dataclass(frozen=True)
class Residuals:
    """Of a regression: true value minus prediction.

    Attributes:
        bins: Of rows with like predictions: mean prediction, then `QUANTILES` of the residual.
        edges: Of the histogram; what lies outside is counted in its ends.
        counts: Of the histogram.
    """

    bins: list[list[float]]
    edges: list[float]
    counts: list[int]


@dataclass(frozen=True)
class Importance:
    """How much the score falls when a raw column is shuffled.

    Attributes:
        score: Of the rows as they are.
        rows: How many.
        columns: Mean, least and greatest fall, by name.
        unused: Columns that the model does not read.
        left_out: Columns that there was no time for.
    """

    score: float
    rows: int
    columns: dict[str, list[float]]
    unused: list[str]
    left_out: int


@dataclass(frozen=True)
class Explained:
    """All of it.

    Attributes:
        rows: That were looked at.
        calibration: Of the second class, or of the predicted one where there are more than two; None for regression.
        confusion: None for regression.
        residuals: None for classification.
        importance: Of raw columns.
        shapes: What each raw column adds to the score, greatest first; None if the model is no sum of such terms.
    """

    rows: int
    calibration: list[CalibrationBin] | None
    confusion: Confusion | None
    residuals: Residuals | None
    importance: Importance
    shapes: list[Shape] | None


@dataclass(frozen=True, eq=False)
class Subject:
    """A compiled model and the rows that it is asked about."""

    engine: Engine
    data: Dataset
    metric: Metric
    classes: Sequence[Any] = ()

    def predict(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """Probabilities (n, classes) or predictions (n, 1)."""
        outputs = self.engine.run(tuple(arrays))
        return np.asarray(outputs.get(PROBABILITIES, outputs.get(PREDICTION)), dtype=np.float64)

    def labels(self) -> NDArray[np.int64]:
        """Codes of the labels of the rows."""
        code = {label: number for number, label in enumerate(self.classes)}
        found = self.engine.run(self.data.table.arrays)[LABEL].reshape(-1)
        return np.array([code[label] for label in found.tolist()], dtype=np.int64)

    def score(self, arrays: Sequence[NDArray[Any]]) -> float:
        """Greater is better."""
        outputs = self.engine.run(tuple(arrays))
        return self.metric(self.data.y, answers(self.metric, outputs, self.classes), self.data.weight)


def explain(program: Program, data: Dataset, metric: Metric, seconds: float, ships: Program | None = None) -> Explained:
    """Look at a model on rows that it has not seen.

    Args:
        program: The model.
        data: The rows; at most `MOST_ROWS` are used.
        metric: For the importance of columns.
        seconds: For importance and shapes, about; what there is no time for is left out.
        ships: The same model after a fit that knows these rows; what it reads is not called unused. None for `program`.
    """
    deadline = time.monotonic() + seconds
    rng = np.random.default_rng(0)
    data, names = _some(data, MOST_ROWS, rng), data.table.names
    data = replace(data, table=read_by(program, data.table))
    subject = Subject(make_engine(program), data, metric, program.classes)
    predicted = subject.predict(data.table.arrays)
    calibration = confusion = residuals = None
    if metric.task.is_classification:
        calibration = _calibration(data.y, predicted)
        confusion = _confusion(data.y, subject.labels(), [str(label) for label in program.classes])
    else:
        residuals = _residuals(data.y, predicted[:, predicted.shape[1] // 2])  # of quantiles, the middle one
    few = replace(subject, data=_some(data, IMPORTANCE_ROWS, rng))
    used = _used(program)
    read = {own.columns[number].name for own in (program, ships or program) for number in _used(own)}
    importance = _importance(few, used, [name for name in names if name not in read], deadline, rng)
    shapes = None if metric.quantiles else find_shapes(few.predict, few.data.table, used, deadline)
    return Explained(data.rows, calibration, confusion, residuals, importance, shapes)


def _used(program: Program) -> list[int]:
    return sorted({number for op in program.ops for number in op.inputs if number < len(program.columns)})


def _some(data: Dataset, most: int, rng: np.random.Generator) -> Dataset:
    return data if data.rows <= most else data.take(np.sort(rng.permutation(data.rows)[:most]))


def short(value: float) -> float:
    """Six digits: enough to draw."""
    return float(f"{value:.6g}")


def _groups(values: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Positions, in about equal parts by value; equal values stay together."""
    ranks = np.searchsorted(np.sort(values), values, side="left")
    bins = ranks * BINS // max(1, values.size)
    return [np.flatnonzero(bins == number) for number in np.unique(bins)]


def _calibration(y: NDArray[np.int64], predicted: NDArray[np.float64]) -> list[CalibrationBin]:
    if predicted.shape[1] == 2:
        chance, true = predicted[:, 1], y == 1
    else:
        chance, true = predicted.max(axis=1), predicted.argmax(axis=1) == y
    return [
        CalibrationBin(short(float(chance[own].mean())), short(float(true[own].mean())), int(own.size))
        for own in _groups(chance)
    ]


def _confusion(y: NDArray[np.int64], labels: NDArray[np.int64], classes: list[str]) -> Confusion:
    count, right = len(classes), int((y == labels).sum())
    if count > MOST_CLASSES:
        kept = np.sort(np.argsort(-np.bincount(y, minlength=count), kind="stable")[: MOST_CLASSES - 1])
        place = np.full(count, MOST_CLASSES - 1)
        place[kept] = np.arange(MOST_CLASSES - 1)
        y, labels, classes = place[y], place[labels], [*(classes[i] for i in kept), "(others)"]
        count = MOST_CLASSES
    counts = np.bincount(y * count + labels, minlength=count * count).reshape(count, count)
    return Confusion(classes, counts.tolist(), right)


def _residuals(y: NDArray[np.float64], predicted: NDArray[np.float64]) -> Residuals | None:
    residual = y - predicted
    finite = np.isfinite(residual)
    residual, predicted = residual[finite], predicted[finite]
    if not residual.size:
        return None
    bins = [
        [short(float(predicted[own].mean())), *(short(float(q)) for q in np.quantile(residual[own], QUANTILES))]
        for own in _groups(predicted)
    ]
    low, high = np.quantile(residual, (0.005, 0.995))
    edges = np.linspace(low, high, HISTOGRAM_BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    counts, _ = np.histogram(np.clip(residual, edges[0], edges[-1]), edges)
    return Residuals(bins, [short(float(edge)) for edge in edges], counts.tolist())


def _importance(
    subject: Subject, used: Sequence[int], unused: list[str], deadline: float, rng: np.random.Generator
) -> Importance:
    """Shuffle each column by itself, again and again while there is time."""
    arrays, names = subject.data.table.arrays, subject.data.table.names
    score = subject.score(arrays)
    falls: dict[int, list[float]] = {}
    turns = [int(number) for _ in range(REPEATS) for number in rng.permutation(used)]
    for number in turns:
        if time.monotonic() > deadline:
            break
        changed = list(arrays)
        changed[number] = arrays[number][rng.permutation(subject.data.rows)]
        fall = score - subject.score(changed)
        if np.isfinite(fall):
            falls.setdefault(number, []).append(fall)
    found = {names[n]: [short(float(np.mean(own))), short(min(own)), short(max(own))] for n, own in falls.items()}
    ranked = dict(sorted(found.items(), key=lambda pair: -pair[1][0]))
    return Importance(
        short(score) if np.isfinite(score) else 0.0, subject.data.rows, ranked, unused, len(used) - len(falls)
    )
