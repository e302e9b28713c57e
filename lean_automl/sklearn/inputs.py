"""From what callers of scikit-learn pass to the table that a run reads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.utils import assert_all_finite, check_array, check_consistent_length, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from lean_automl.data.target import MIN_CLASS_ROWS, MIN_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

FEWEST_ROWS: Final = 2


@dataclass(frozen=True, eq=False)
class Answers:
    """The target of every row.

    Attributes:
        values: Positions in `classes`, or numbers.
        classes: Sorted labels as the caller has them; None for regression.
    """

    values: Array
    classes: Array | None = None


@dataclass(frozen=True)
class Names:
    """Columns of a run's table beside the features; None where there is no such column."""

    target: str
    weight: str | None = None
    group: str | None = None


def read_features(estimator: Any, table: Any, *, reset: bool) -> pd.DataFrame:
    """A frame with one named column a feature; names and their number are set on the estimator, or checked.

    Columns without names that are text are called `x0`, `x1` and so on.

    Raises:
        ValueError: scikit-learn would not take it either: its shape, its number of columns, no rows.
        TypeError: It is sparse, or only some of its columns have names.
    """
    fewest = FEWEST_ROWS if reset else 1
    frame = _frame_of(table)
    if frame is None:
        array = validate_data(
            estimator, table, reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=fewest
        )
        frame = pd.DataFrame(array)
    else:
        validate_data(estimator, frame, reset=reset, skip_check_array=True)
        for axis, count, least in (("sample", frame.shape[0], fewest), ("feature", frame.shape[1], 1)):
            if count < least:
                raise ValueError(
                    f"Found array with {count} {axis}(s) (shape={frame.shape}) while a minimum of {least} is required."
                )
    return frame.set_axis(names_of_features(estimator), axis="columns").reset_index(drop=True)


def names_of_features(estimator: Any) -> list[str]:
    """What the columns are called."""
    names = getattr(estimator, "feature_names_in_", None)
    return [f"x{position}" for position in range(estimator.n_features_in_)] if names is None else names.tolist()


def _frame_of(table: Any) -> pd.DataFrame | None:
    """Data with columns as a frame; None for what is an array, or may become one."""
    if isinstance(table, pd.DataFrame):
        return table
    if hasattr(table, "__arrow_c_stream__") and (hasattr(table, "columns") or hasattr(table, "column_names")):
        frame: pd.DataFrame = pa.table(table).to_pandas()
        return frame
    return None


def read_answers(estimator: Any, y: Any, frame: pd.DataFrame, *, classifies: bool) -> Answers:
    """The target.

    Raises:
        ValueError: It is absent, of another length, not finite, or of another kind than the estimator predicts.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    if classifies:
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        answers = Answers(codes, classes)
    else:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=estimator)
        answers = Answers(column_or_1d(y, warn=True))
    check_consistent_length(frame, answers.values)
    return answers


def read_weight(sample_weight: Any, frame: pd.DataFrame) -> Array | None:
    """Weights of the rows.

    Raises:
        ValueError: One is negative or not finite, or all are zero.
    """
    if sample_weight is None:
        return None
    weight: Array = _check_sample_weight(sample_weight, frame, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("Sample weights must contain at least one that is not zero.")
    return weight


def with_class_weight(weight: Array | None, class_weight: Any, answers: Answers) -> Array | None:
    """Weights of the rows times those of their classes, where a mapping gives these.

    Raises:
        ValueError: There are no classes, or a key is none of them.
    """
    if not isinstance(class_weight, Mapping):
        return weight
    if answers.classes is None:
        raise ValueError("class_weight: a regression has no classes.")
    own: Array = compute_sample_weight(dict(class_weight), answers.classes[answers.values])
    return own if weight is None else weight * own


def native_labels(classes: Array) -> list[Any]:
    """The labels as a file can hold them: texts, whole numbers or truth values; else their positions."""
    values: list[Any] = classes.tolist()
    if all(isinstance(value, bool) for value in values) or all(type(value) is int for value in values):
        return values
    if all(isinstance(value, str) and value for value in values):
        return values
    if all(isinstance(value, float) and value.is_integer() for value in values):
        return [int(value) for value in values]
    return list(range(len(values)))


def make_table(frame: pd.DataFrame, answers: Answers, weight: Array | None, groups: Any) -> tuple[pd.DataFrame, Names]:
    """The table of a run.

    Rows of weight zero are left out, as scikit-learn has it. A run needs some rows of each class, for it holds rows
    out: where there are fewer, rows are repeated and share their weight.

    Raises:
        ValueError: Fewer than two classes are left, or the groups have another length.
    """
    names = Names(_free("target", frame), _free("weight", frame), None if groups is None else _free("group", frame))
    kept = np.arange(len(frame)) if weight is None else np.flatnonzero(weight)
    values = answers.values[kept]
    if answers.classes is not None and len(np.unique(values)) < 2:
        raise ValueError(
            f"The target has a single class, {answers.classes[values[0]]!r}, in the rows with a weight. At least 2 "
            "classes are needed."
        )
    times = _repeats(values, by_class=answers.classes is not None)
    rows = np.repeat(kept, times)
    columns: dict[str, Any] = {names.target: answers.values}
    if answers.classes is not None:
        kinds = pd.CategoricalDtype(native_labels(answers.classes))
        columns[names.target] = pd.Categorical.from_codes(answers.values, dtype=kinds)
    if weight is None and rows.size == kept.size:
        names = Names(names.target, None, names.group)
    else:
        shares = np.zeros(len(frame))
        shares[kept] = (1.0 if weight is None else weight[kept]) / times
        columns[str(names.weight)] = shares
    if groups is not None:
        check_consistent_length(frame, groups)
        columns[str(names.group)] = column_or_1d(groups)
    if rows.size > kept.size:
        warnings.warn(
            f"{rows.size - kept.size} rows were repeated, because a fit needs {MIN_ROWS} rows and {MIN_CLASS_ROWS} of "
            "each class: scores on rows that were held out are too good.",
            UserWarning,
            stacklevel=4,
        )
    return pd.concat([frame, pd.DataFrame(columns)], axis="columns").iloc[rows].reset_index(drop=True), names


def _repeats(values: Array, *, by_class: bool) -> Array:
    """How often each row has to be there."""
    times = np.ones(len(values), dtype=np.int64)
    if by_class:
        counts = np.bincount(values)
        times = -(-MIN_CLASS_ROWS // np.maximum(1, np.minimum(counts, MIN_CLASS_ROWS)))[values]
    total = int(times.sum())
    return times * -(-MIN_ROWS // total) if total < MIN_ROWS else times


def _free(name: str, frame: pd.DataFrame) -> str:
    """The name, with underscores until no column has it."""
    while name in frame.columns:
        name += "_"
    return name
