"""The target: which task it is, its labels, and the arrays that learners need.

Task, if the caller does not say:

| target                                                            | task                              |
|-------------------------------------------------------------------|-----------------------------------|
| booleans, text, pandas 'category'                                  | binary with 2 labels, else multiclass |
| numbers, not all whole                                             | regression                        |
| whole numbers, 2 distinct                                          | binary                            |
| whole numbers, 3 to 20 distinct, 10 rows or more a value on average | multiclass                       |
| other whole numbers                                                | regression                        |

Text counts as numbers if all of it is, or if 95 % is and there are more than 20 distinct numbers; never codes with
leading zeros. Classes of fewer than `MIN_CLASS_ROWS` rows are left out, with a note: a hold-out and two folds each need
a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from lean_automl_runtime.ir.columns import ColumnKind

from lean_automl.data.convert import convert, count_present, missing_mask
from lean_automl.data.kinds import guess_kind
from lean_automl.data.notes import Note, NoteCode, count_of, shown
from lean_automl.data.schema import Label, Task
from lean_automl.errors import ConfigError, DataError

if TYPE_CHECKING:
    Series: TypeAlias = pd.Series[Any]

MIN_ROWS: Final = 10
MIN_CLASS_ROWS: Final = 3
MAX_CLASSES: Final = 1_000
MAX_INTEGER_CLASSES: Final = 20
MIN_ROWS_PER_INTEGER_CLASS: Final = 10
_MIN_DISTINCT_NUMBERS: Final = 20


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """What the target is, as its values show it."""

    task: Task
    classes: tuple[Label, ...]
    notes: tuple[Note, ...]


def plan_target(series: Series, task: Task | None) -> TargetPlan:
    """Find the task and the labels of a target.

    Raises:
        DataError: The target cannot be learned.
        ConfigError: It cannot be learned as `task`.
    """
    name = str(series.name)
    total = count_present(series)
    if not total:
        raise DataError(f"target {name!r} has no value in any of {len(series):,} rows. Choose another target column.")
    guess = guess_kind(series)
    kind = _target_kind(series, guess.kind)
    if kind is ColumnKind.NUMERIC:
        return _plan_numbers(series, task)
    if task in (None, Task.REGRESSION) and kind is ColumnKind.CATEGORICAL:
        _check_plain(series, guess.notes, task)
    if task is Task.REGRESSION and kind is not ColumnKind.BOOLEAN:
        raise ConfigError(
            f"task: regression needs numbers, but target {name!r} holds labels such as "
            f"{_shown(series.dropna().tolist()[:3])}. Set the task to binary or multiclass, or leave it out."
        )
    if task is Task.REGRESSION:
        return _plan_numbers(series, task)
    values = convert(series, kind).array
    return _plan_labels(name, values[~missing_mask(values, kind)], kind, task)


def _check_plain(series: Series, found: tuple[Note, ...], task: Task | None) -> None:
    """Refuse amounts that are written for people: as labels they would be hundreds of classes."""
    for note in found:
        if note.code is NoteCode.FORMATTED_NUMBERS and (task or series.nunique() > _MIN_DISTINCT_NUMBERS):
            error = DataError if task is None else ConfigError
            raise error(
                f"target {series.name!r} {note.found}. Write them plainly, as 1234.5, to predict numbers; for labels, "
                "set the task to multiclass."
            )


def label_codes(series: Series, classes: tuple[Label, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the code of each label, -1 if it is missing or unknown, and a mask of the missing ones."""
    kind = _kind_of_labels(classes)
    values = convert(series, kind).array
    codes = pd.Index(np.array(classes, dtype=values.dtype)).get_indexer(pd.Index(values))
    return codes.astype(np.int64), missing_mask(values, kind)


def regression_values(series: Series) -> npt.NDArray[np.float64]:
    """Return the target as float64, NaN if missing.

    Raises:
        DataError: A value is infinite.
    """
    values: npt.NDArray[np.float64] = convert(series, ColumnKind.NUMERIC).array
    infinite = np.isinf(values)
    if infinite.any():
        raise DataError(
            f"target {series.name!r} is infinite in {count_of(int(infinite.sum()), 'row')}, first in row "
            f"{int(np.argmax(infinite))}. Replace these values, or leave them empty to drop the rows."
        )
    return values


def _kind_of_labels(classes: tuple[Label, ...]) -> ColumnKind:
    if isinstance(classes[0], bool):
        return ColumnKind.BOOLEAN
    return ColumnKind.NUMERIC if isinstance(classes[0], int) else ColumnKind.CATEGORICAL


def _target_kind(series: Series, kind: ColumnKind | None) -> ColumnKind:
    """What a target holds that looks like `kind`."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        categories = series.cat.categories
        if pd.api.types.is_integer_dtype(categories.dtype):
            return ColumnKind.NUMERIC
        return ColumnKind.BOOLEAN if pd.api.types.is_bool_dtype(categories.dtype) else ColumnKind.CATEGORICAL
    if kind is ColumnKind.DATETIME or kind is None:
        held = "dates" if kind else "nested or complex values"
        raise DataError(f"target {series.name!r} holds {held}. Choose a column of labels or numbers.")
    is_object = pd.api.types.is_object_dtype(series.dtype) or isinstance(series.dtype, pd.StringDtype)
    if kind is ColumnKind.BOOLEAN and is_object and pd.api.types.infer_dtype(series, skipna=True) == "string":
        return ColumnKind.CATEGORICAL  # the labels are the words as they are written
    if kind is ColumnKind.NUMERIC and is_object:
        result = convert(series, kind)
        if result.unreadable and len(np.unique(result.array)) <= _MIN_DISTINCT_NUMBERS:
            return ColumnKind.CATEGORICAL  # labels such as 1, 2, 3 and 'other'
    return ColumnKind.CATEGORICAL if kind is ColumnKind.TEXT else kind


def _plan_numbers(series: Series, task: Task | None) -> TargetPlan:
    name = str(series.name)
    values = regression_values(series)
    values = values[~np.isnan(values)]
    distinct = np.unique(values)
    if len(distinct) < 2:
        raise DataError(f"target {name!r} has the same value in all rows. There is nothing to learn.")
    whole = bool((distinct == np.floor(distinct)).all())
    if task is None:
        is_category = isinstance(series.dtype, pd.CategoricalDtype)
        task, notes = _task_of_numbers(name, len(values), len(distinct), whole, is_category)
    else:
        notes = ()
    if task is Task.REGRESSION:
        _check_rows(name, len(values))
        return TargetPlan(task, (), notes)
    kind = ColumnKind.NUMERIC if whole else ColumnKind.CATEGORICAL
    labels = values if whole else convert(series, kind).array
    plan = _plan_labels(name, labels[~missing_mask(labels, kind)], kind, task)
    return TargetPlan(plan.task, plan.classes, (*notes, *plan.notes))


def _task_of_numbers(
    name: str, rows: int, distinct: int, whole: bool, is_category: bool
) -> tuple[Task, tuple[Note, ...]]:
    if whole and (distinct == 2 or is_category):
        return (Task.BINARY if distinct == 2 else Task.MULTICLASS), ()
    if not whole:
        return Task.REGRESSION, ()
    few = distinct <= MAX_INTEGER_CLASSES and rows >= MIN_ROWS_PER_INTEGER_CLASS * distinct
    task, other = (Task.MULTICLASS, Task.REGRESSION) if few else (Task.REGRESSION, Task.MULTICLASS)
    found = f"target of {distinct:,} distinct whole numbers"
    return task, (Note(NoteCode.TASK, name, found, f"task is {task.value}; set it to {other.value} if it is that"),)


def _plan_labels(name: str, values: npt.NDArray[Any], kind: ColumnKind, task: Task | None) -> TargetPlan:
    codes, labels = pd.factorize(values)
    counts = np.bincount(codes, minlength=len(labels))
    if len(labels) > MAX_CLASSES or (len(labels) > 20 and len(labels) > 0.5 * len(values)):
        raise DataError(
            f"target {name!r} has {len(labels):,} distinct labels in {len(values):,} rows, too many to tell apart. "
            f"At most {MAX_CLASSES:,} are allowed. Is it an id or free text? Group the labels, or choose another "
            "target column (for numbers: set the task to regression)."
        )
    if len(labels) < 2:
        raise DataError(
            f"target {name!r} has a single class, {shown(_native(labels[0], kind))}. There is nothing to learn."
        )
    frequent = counts >= MIN_CLASS_ROWS
    if frequent.sum() < 2:
        raise DataError(
            f"target {name!r} has {count_of(int(frequent.sum()), 'class')} of {MIN_CLASS_ROWS} rows or more, and "
            "at least 2 are needed. Give more rows."
        )
    notes = []
    if not frequent.all():
        examples = _shown([_native(label, kind) for label in labels[~frequent][:5]])
        found = f"{count_of(int((~frequent).sum()), 'label')} with fewer than {MIN_CLASS_ROWS} rows: {examples}"
        notes.append(Note(NoteCode.RARE_CLASS, name, found, f"dropped {counts[~frequent].sum():,} rows"))
    classes = tuple(sorted(_native(label, kind) for label in labels[frequent]))
    _check_rows(name, int(counts[frequent].sum()))
    if task is Task.BINARY and len(classes) > 2:
        raise ConfigError(
            f"task: binary needs 2 labels, but target {name!r} has {len(classes)}: {_shown(list(classes[:5]))}. "
            "Set the task to multiclass."
        )
    return TargetPlan(Task.BINARY if len(classes) == 2 else Task.MULTICLASS, classes, tuple(notes))


def _native(label: Any, kind: ColumnKind) -> Any:
    if kind is ColumnKind.BOOLEAN:
        return bool(label)
    return int(label) if kind is ColumnKind.NUMERIC else str(label)


def _check_rows(name: str, rows: int) -> None:
    if rows < MIN_ROWS:
        raise DataError(f"target {name!r}: only {count_of(rows, 'usable row')}, at least {MIN_ROWS} are needed.")


def _shown(values: list[Any]) -> str:
    return ", ".join(shown(value) for value in values)
