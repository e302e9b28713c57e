"""The typed table that features and learners read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from lean_automl_runtime.ir.columns import Column

from lean_automl.data.convert import Converted, convert
from lean_automl.data.notes import Note, NoteCode, count_of, did_you_mean
from lean_automl.errors import SchemaError

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns and their values, aligned.

    Attributes:
        columns: What the columns are.
        arrays: One array a column, typed as `lean_automl_runtime.ir.columns` says, missing markers included.
        notes: What could not be read while the table was made.
    """

    columns: tuple[Column, ...]
    arrays: tuple[npt.NDArray[Any], ...]
    notes: tuple[Note, ...] = ()
    _at: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Features are read one by one: looking names up must not take longer where there are thousands of columns.
        object.__setattr__(self, "_at", {column.name: position for position, column in enumerate(self.columns)})

    def __reduce__(self) -> tuple[Any, ...]:
        # One matrix for all columns of a dtype: a process that maps what it loads opens a file for every array, and may
        # not open thousands.
        dtypes = tuple(array.dtype.str for array in self.arrays)
        same = {dtype: [a for a in self.arrays if a.dtype.str == dtype] for dtype in dict.fromkeys(dtypes)}
        stacks = {dtype: own if own[0].dtype == object else np.stack(own) for dtype, own in same.items()}
        return _unpacked, (self.columns, dtypes, stacks, self.notes)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.arrays[0]) if self.arrays else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def by_name(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by the names of their columns."""
        return dict(zip(self.names, self.arrays, strict=True))

    def take(self, index: npt.NDArray[Any]) -> Table:
        """Return the rows of `index` (positions, or a mask), in its order."""
        return Table(self.columns, tuple(array[index] for array in self.arrays), self.notes)

    def select(self, names: Sequence[str]) -> Table:
        """Return the named columns, in the order of `names`.

        Raises:
            SchemaError: A name is not a column.
        """
        chosen = [self._position(name) for name in names]
        return Table(tuple(self.columns[i] for i in chosen), tuple(self.arrays[i] for i in chosen), self.notes)

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return the values of one column.

        Raises:
            SchemaError: There is no such column.
        """
        return self.arrays[self._position(name)]

    def _position(self, name: str) -> int:
        if name not in self._at:
            raise SchemaError(f"column {name!r} is not in the table.{did_you_mean(name, self._at)}")
        return self._at[name]


def _unpacked(columns: tuple[Column, ...], dtypes: tuple[str, ...], stacks: dict[str, Any], notes: Any) -> Table:
    """A table from what `Table.__reduce__` made of it; its arrays are views of the matrices."""
    rows = {dtype: iter(own if isinstance(own, list) else np.asarray(own)) for dtype, own in stacks.items()}
    return Table(columns, tuple(next(rows[dtype]) for dtype in dtypes), notes)


def to_table(frame: pd.DataFrame, columns: Sequence[Column]) -> Table:
    """Read `columns` from a frame of training rows or of new rows; other columns of the frame are ignored.

    A value that cannot be read as its column's kind becomes missing, and a note in the result says how many. The rule
    is the same for training rows and new rows, so a model never sees other values when it serves than when it learned.

    Raises:
        SchemaError: A column is absent, or cannot hold its kind at all (see `lean_automl.data.convert`).
    """
    known = {str(name): position for position, name in enumerate(frame.columns)}
    if len(known) < frame.shape[1]:
        raise SchemaError("the rows have two columns of the same name. Rename one of them.")
    arrays, notes = [], []
    for column in columns:
        if column.name not in known:
            raise SchemaError(f"column {column.name!r} is not in the rows.{did_you_mean(column.name, known)}")
        result = convert(frame.iloc[:, known[column.name]], column.kind)
        arrays.append(_store(result.array, column.dtype))
        if result.unreadable:
            notes.append(unreadable_note(column, result))
    return Table(tuple(columns), tuple(arrays), tuple(notes))


def unreadable_note(column: Column, result: Converted) -> Note:
    """Say which values of a column were taken as missing."""
    row, text = result.first_bad or (0, "")
    return Note(
        NoteCode.UNREADABLE_VALUES,
        column.name,
        f"{count_of(result.unreadable, 'value')} of {len(result.array):,} cannot be read as {column.kind.value}, "
        f"the first is {text} in row {row}",
        "taken as missing",
    )


def _store(array: npt.NDArray[Any], dtype: str) -> npt.NDArray[Any]:
    if dtype not in ("float32", "float64"):
        return array
    with np.errstate(over="ignore"):
        return array.astype(dtype)
