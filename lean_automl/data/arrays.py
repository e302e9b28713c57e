"""The arrays beside the features: target, weights, groups and times of the rows that can be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from lean_automl_runtime.ir.columns import ColumnKind

from lean_automl.data.convert import convert, missing_mask
from lean_automl.data.kinds import guess_kind
from lean_automl.data.notes import Note, NoteCode, count_of, did_you_mean, shown
from lean_automl.data.schema import Schema
from lean_automl.data.target import label_codes, regression_values
from lean_automl.errors import DataError, SchemaError

if TYPE_CHECKING:
    Series: TypeAlias = pd.Series[Any]

Array = npt.NDArray[Any]
_NOTHING: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What is known of each usable row beside its features.

    Attributes:
        y: Class codes (int64, positions in `Schema.classes`), or float64 for regression.
        weight: Row weights, float64, finite and not negative; None without a weight column.
        group: Codes of the groups, int64; None without a group column.
        time: Order of the rows, int64 seconds or float64; None without a time column.
        kept: Positions of these rows in the frame that they came from, rising.
        notes: Which rows were left out and why.
    """

    y: Array
    weight: npt.NDArray[np.float64] | None
    group: npt.NDArray[np.int64] | None
    time: Array | None
    kept: npt.NDArray[np.intp]
    notes: tuple[Note, ...] = ()

    def take(self, index: Array) -> Target:
        """Return the rows of `index` (positions, or a mask), in its order."""
        return Target(
            self.y[index],
            None if self.weight is None else self.weight[index],
            None if self.group is None else self.group[index],
            None if self.time is None else self.time[index],
            self.kept[index],
            self.notes,
        )


def to_target(frame: pd.DataFrame, schema: Schema) -> Target:
    """Read target, weights, groups and times; rows without a target, a known label or a time are left out.

    Raises:
        DataError: No row is left, or a weight or target has a value that is not allowed.
        SchemaError: A column is absent.
    """
    y, usable, notes = _read_target(column_of(frame, schema.target), schema)
    time = None
    if schema.time is not None:
        time, timed = read_time(column_of(frame, schema.time))
        lost = int((usable & ~timed).sum())
        if lost:
            notes += (Note(NoteCode.MISSING_TIME, schema.time, "missing", f"dropped {count_of(lost, 'row')}"),)
        usable &= timed
    kept = np.flatnonzero(usable)
    if not kept.size:
        raise DataError(f"no row has a usable value in target {schema.target!r}. Check the column.")
    weight = None if schema.weight is None else read_weight(column_of(frame, schema.weight), kept)
    if weight is not None and not weight.all():
        counts = weight > 0
        found = f"is 0 in {count_of(int((~counts).sum()), 'row')}"
        notes += (Note(NoteCode.ZERO_WEIGHT, schema.weight, found, "dropped these rows"),)
        kept, weight = kept[counts], weight[counts]
    group = None
    if schema.group is not None:
        group, group_notes = _read_group(column_of(frame, schema.group), kept)
        notes += group_notes
    return Target(y[kept], weight, group, None if time is None else time[kept], kept, notes)


def read_time(series: Series) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return what orders the rows, as seconds or numbers, and a mask of the rows that have it.

    Raises:
        DataError: The column holds neither times nor numbers.
    """
    kind = guess_kind(series).kind
    if kind not in (ColumnKind.DATETIME, ColumnKind.NUMERIC):
        raise DataError(
            f"time column {series.name!r} holds neither times nor numbers. Write times as 2024-03-31T18:00, or "
            "choose another column."
        )
    values = convert(series, kind).array
    return values, ~missing_mask(values, kind)


def read_weight(series: Series, kept: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Return the weights of the rows that are kept.

    Raises:
        DataError: A weight is missing, negative or infinite, or all are zero.
    """
    values: npt.NDArray[np.float64] = convert(series, ColumnKind.NUMERIC).array[kept]
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        row = int(kept[int(np.argmax(bad))])
        raise DataError(
            f"weight column {series.name!r}: {count_of(int(bad.sum()), 'row')} without a weight of 0 or more, the "
            f"first is {shown(series.iloc[row])} in row {row}. Give every row a weight."
        )
    if not values.any():
        raise DataError(f"weight column {series.name!r}: all weights are 0. Give some rows a positive weight.")
    return values


def column_of(frame: pd.DataFrame, name: str) -> Series:
    """The column of that name, whatever type names have.

    Raises:
        SchemaError: There is none.
    """
    names = [str(known) for known in frame.columns]
    if name not in names:
        raise SchemaError(f"column {name!r} is not in the rows.{did_you_mean(name, names)}")
    return frame.iloc[:, names.index(name)]


def _read_target(series: Series, schema: Schema) -> tuple[Array, npt.NDArray[np.bool_], tuple[Note, ...]]:
    notes = _NOTHING
    y: Array
    if schema.task.is_classification:
        y, missing = label_codes(series, schema.classes)
        usable = y >= 0
        unknown = int((~usable & ~missing).sum())
        if unknown:
            found = f"{count_of(unknown, 'row')} with labels that are not among the {len(schema.classes)} classes"
            notes += (Note(NoteCode.UNKNOWN_LABEL, schema.target, found, "dropped"),)
    else:
        y = regression_values(series)
        missing = np.isnan(y)
        usable = ~missing
    if missing.any():
        found = f"no value in {count_of(int(missing.sum()), 'row')}"
        notes += (Note(NoteCode.MISSING_TARGET, schema.target, found, "dropped these rows"),)
    return y, usable, notes


def _read_group(series: Series, kept: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.int64], tuple[Note, ...]]:
    text = convert(series, ColumnKind.CATEGORICAL).array[kept]
    codes = pd.factorize(text)[0].astype(np.int64)
    alone = text == ""
    if not alone.any():
        return codes, _NOTHING
    codes[alone] = len(codes) + np.arange(int(alone.sum()))
    found = f"no value in {count_of(int(alone.sum()), 'row')}"
    return codes, (Note(NoteCode.MISSING_GROUP, str(series.name), found, "each is taken as a group of its own"),)
