"""From the caller's records and tables to the typed arrays that engines take.

Rules: every column of the Program must be present, other columns are ignored; what counts as missing and how values
become text is in `values.py`, and is the same for one record and for a million rows.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.errors import DataError, SchemaError
from lean_automl_runtime.ir.columns import MISSING_TIME, Column, ColumnKind
from lean_automl_runtime.values import boolean_value, category_text, datetime_value, numeric_value

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

Array = np.ndarray[Any, np.dtype[Any]]
Record = Mapping[str, Any]
TableLike = Any  # a DataFrame, Mapping[str, Sequence] or Sequence[Record]

PARSERS: Final[dict[ColumnKind, Callable[[Any], Any]]] = {
    ColumnKind.NUMERIC: numeric_value,
    ColumnKind.BOOLEAN: boolean_value,
    ColumnKind.CATEGORICAL: category_text,
    ColumnKind.DATETIME: datetime_value,
    ColumnKind.TEXT: category_text,
}


def _nan(_: None) -> float:
    return math.nan


def _no_text(_: None) -> str:
    return ""


def _no_time(_: None) -> int:
    return MISSING_TIME


# What a parser does with the types that are in most records, without a look at the value.
QUICK: Final[dict[ColumnKind, dict[type, Callable[[Any], Any]]]] = {
    ColumnKind.NUMERIC: {float: float, int: float, NoneType: _nan},
    ColumnKind.BOOLEAN: {bool: float, NoneType: _nan},
    ColumnKind.CATEGORICAL: {str: str, NoneType: _no_text},
    ColumnKind.DATETIME: {NoneType: _no_time},
    ColumnKind.TEXT: {str: str, NoneType: _no_text},
}
NUMPY_DTYPES: Final[dict[str, DTypeLike]] = {
    "float32": np.float32,
    "float64": np.float64,
    "int64": np.int64,
    "string": object,
}


class RecordReader:
    """Turns records and tables into arrays for a fixed tuple of columns.

    Args:
        columns: What to read.
        read_column: What reads a table's columns; an engine may have a shorter way than `column_array`.
    """

    def __init__(self, columns: tuple[Column, ...], read_column: Callable[[Any, Column], Array] | None = None) -> None:
        self._columns = columns
        self._read = read_column or column_array
        self._plan = [(c.name, QUICK[c.kind], PARSERS[c.kind]) for c in columns]
        self._dtypes = [NUMPY_DTYPES[c.dtype] for c in columns]

    def values(self, record: Record) -> list[Any]:
        """One parsed value for each column."""
        values: list[Any] = []
        try:
            for name, quick, parse in self._plan:
                value = record[name]
                values.append(quick.get(type(value), parse)(value))
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise self._explain(record, error) from error
        return values

    def arrays(self, values: Sequence[Any]) -> list[Array]:
        """Arrays of one row, from `values`."""
        arrays = [np.empty(1, dtype=dtype) for dtype in self._dtypes]
        with np.errstate(over="ignore"):  # a number too large for float32 is infinite
            for array, value in zip(arrays, values, strict=True):
                array[0] = value
        return arrays

    def one(self, record: Record) -> list[Array]:
        """Arrays of one row."""
        return self.arrays(self.values(record))

    def table(self, table: TableLike) -> list[Array]:
        """Arrays of all rows of a DataFrame, a mapping of sequences, or a sequence of records."""
        if isinstance(table, Sequence) and not isinstance(table, str | bytes):
            return self._from_records(table)
        names = _column_names(table)
        present = set(names)
        arrays = []
        for column in self._columns:
            if column.name not in present:
                raise absent(column.name, names)
            arrays.append(self._read(table[column.name], column))
        lengths = {array.shape[0] for array in arrays}
        if len(lengths) > 1:
            raise DataError(f"columns have different lengths: {sorted(lengths)}")
        return arrays

    def _from_records(self, records: Sequence[Record]) -> list[Array]:
        columns: list[list[Any]] = [[] for _ in self._columns]
        for row, record in enumerate(records):
            if not isinstance(record, Mapping):
                raise DataError(f"row {row}: {_not_a_record(record)}")
            for (name, _, _), values in zip(self._plan, columns, strict=True):
                if name not in record:
                    raise absent(name, record)
                values.append(record[name])
        return [self._read(values, column) for values, column in zip(columns, self._columns, strict=True)]

    def _explain(self, record: object, error: Exception) -> Exception:
        """The error for the first column at fault."""
        if not isinstance(record, Mapping):
            return DataError(_not_a_record(record))
        for name, _, parse in self._plan:
            if name not in record:
                return absent(name, record)
            try:
                parse(record[name])
            except (ValueError, TypeError) as problem:
                return SchemaError(f"column {name!r}: {problem}")
        return error


def column_array(values: Any, column: Column) -> Array:
    """Typed array, shape (n,), of one column.

    Args:
        values: A sequence, numpy array, or pandas or Arrow column.
        column: Says kind and dtype.

    Raises:
        SchemaError: A value cannot be read as the column's kind; shows the row and the value.
    """
    array = _as_array(values, column)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise SchemaError(f"column {column.name!r}: takes one value a row, got shape {array.shape}")
    fast = _fast(array, column)
    if fast is not None:
        return fast
    parse = PARSERS[column.kind]
    result = np.empty(array.shape[0], dtype=NUMPY_DTYPES[column.dtype])
    # As Python objects where those read the same: a float32 has other digits, a timedelta64 another unit.
    same = array.dtype.kind in "OUSbiu" or array.dtype == np.float64
    with np.errstate(over="ignore"):
        for row, value in enumerate(array.tolist() if same else array):
            try:
                result[row] = parse(value)
            except (ValueError, TypeError) as problem:
                raise SchemaError(f"column {column.name!r}, row {row}: {problem}") from problem
    return result


def _column_names(table: TableLike) -> list[Any]:
    """Names of a table's columns; Arrow calls its columns' contents `columns`."""
    for attribute in ("column_names", "columns"):
        if hasattr(table, attribute):
            return list(getattr(table, attribute))
    if isinstance(table, Mapping):
        return list(table)
    raise DataError(
        f"cannot read a table from {type(table).__name__}: pass a DataFrame, a mapping of columns, or records"
    )


def _as_array(values: Any, column: Column) -> Array:
    """A column as an array; an object array for what is not one."""
    if isinstance(values, np.ndarray):
        return values
    if type(values).__module__.startswith("pyarrow"):
        if str(values.type).startswith("dictionary"):  # `to_numpy` of a chunked one reads a null as another value
            values = values.cast(values.type.value_type)
        array: Array = values.to_numpy(zero_copy_only=False)
        return array
    if hasattr(values, "to_numpy"):
        array = values.to_numpy()
        return array
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise SchemaError(f"column {column.name!r}: takes a sequence of values, not {values!r:.40}")
    return np.fromiter(values, dtype=object, count=len(values))


def _not_a_record(record: object) -> str:
    return f"a record is a mapping from column names to values, not {type(record).__name__}"


def _fast(array: Array, column: Column) -> Array | None:
    """Whole-array conversion where it gives the same as value by value."""
    if column.kind is ColumnKind.NUMERIC and array.dtype.kind in "fiub":
        with np.errstate(over="ignore"):
            doubles = array if array.dtype.kind == "f" else array.astype(np.float64)  # a value is a double first
            return doubles.astype(NUMPY_DTYPES[column.dtype])
    if column.kind is ColumnKind.BOOLEAN and array.dtype.kind == "b":
        return array.astype(np.float32)
    if column.dtype == "string" and array.dtype == object and all(type(v) is str for v in array):
        return array
    if column.kind is ColumnKind.DATETIME and array.dtype.kind == "M":
        return _epoch_seconds(array)
    return None


def _epoch_seconds(array: Array) -> Array:
    seconds: Array = array.astype("datetime64[s]").astype(np.int64)  # NaT is int64 min, as MISSING_TIME
    finer = array.astype("datetime64[s]") > array  # numpy truncates towards zero before 1970; a field wants the floor
    seconds[finer] -= 1
    return seconds


def absent(name: str, present: Any) -> SchemaError:
    """The error for a column that a table or record does not have, with the nearest name that it has."""
    near = difflib.get_close_matches(name, [str(p) for p in present], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else " Pass None where its value is missing."
    return SchemaError(f"column {name!r} is absent.{hint}")
