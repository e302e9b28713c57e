"""Columns of a caller's table as compiled engines read them: numbers where they lie, texts as codes.

Where a column is of a form that needs thought, `records.column_array` reads it, so that results and errors are the
same for every engine.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np

from lean_automl_runtime.ir.columns import Column, ColumnKind
from lean_automl_runtime.records import column_array

Array = np.ndarray[Any, np.dtype[Any]]
LARGEST_BYTE: Final = 255


class TextEncoder(Protocol):
    """From the texts of a column, by its number, to int32 codes: 0 missing, 1 unseen, then categories."""

    def objects(self, number: int, values: Array) -> Array | None:
        """Codes of an array of Python objects; None if one is of a type that `column_array` has to read."""
        ...

    def texts(self, number: int, values: Array) -> Array:
        """Codes of an array of `str` objects."""
        ...

    def arrow(self, number: int, chunk: Any) -> Array:
        """Codes of an Arrow array of type string or large_string."""
        ...


class ColumnReader:
    """Reads columns for one Program.

    Args:
        encoder: Of its string columns.
        names: Of all columns, in order.
        whole: Names of those whose texts the engine reads from end to end, so that codes would not be enough.
    """

    def __init__(self, encoder: TextEncoder, names: tuple[str, ...], whole: frozenset[str] = frozenset()) -> None:
        self._encoder, self._whole = encoder, whole
        self._number = {name: number for number, name in enumerate(names)}
        self._last: dict[str, tuple[Any, Array]] = {}  # categories of a table's column, and their codes

    def read(self, values: Any, column: Column) -> Array:
        """An array of numbers as they lie, or of codes.

        Raises:
            SchemaError: As `records.column_array`.
        """
        if column.name in self._whole:
            return column_array(values, column)
        if column.dtype == "string":
            return self._codes(values, column)
        array = values if isinstance(values, np.ndarray) else _plain_numbers(values)
        if array is not None and array.ndim == 1 and _is_read_as_it_lies(array, column):
            return array
        return column_array(values, column)

    def _codes(self, values: Any, column: Column) -> Array:
        number = self._number[column.name]
        arrow = _arrow(values)
        if arrow is not None:
            return np.concatenate([self._arrow_codes(chunk, column) for chunk in _chunks(arrow)] or [_no_codes(0)])
        categorical = getattr(values, "array", values)  # of a pandas column
        if hasattr(categorical, "categories") and hasattr(categorical, "codes"):
            return self._dictionary_codes(categorical.categories, np.asarray(categorical.codes), column)
        array = values.to_numpy() if hasattr(values, "to_numpy") else values
        if isinstance(array, list | tuple):
            array = np.fromiter(array, dtype=object, count=len(array))
        if isinstance(array, np.ndarray) and array.dtype == object and array.ndim == 1:
            codes = self._encoder.objects(number, array)
            if codes is not None:
                return codes
        return self._encoder.texts(number, column_array(values, column))

    def _arrow_codes(self, chunk: Any, column: Column) -> Array:
        """Codes of one Arrow array."""
        kind, number = str(chunk.type), self._number[column.name]
        if kind.startswith("dictionary"):
            positions = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            return self._dictionary_codes(chunk.dictionary, positions, column)
        if kind not in ("string", "large_string"):
            return self._encoder.texts(number, column_array(chunk, column))
        return self._encoder.arrow(number, chunk) if len(chunk) else _no_codes(0)

    def _dictionary_codes(self, categories: Any, positions: Array, column: Column) -> Array:
        """Codes of values that are positions in a list, -1 where missing."""
        known, own = self._last.get(column.name, (None, _no_codes(0)))
        if known is not categories:
            own = self._encoder.texts(self._number[column.name], column_array(categories, column))
            if type(categories).__module__.partition(".")[0] == "pandas":  # an index of pandas never changes
                self._last[column.name] = categories, own
        with_missing: Array = np.append(own, np.int32(0))  # position -1 is the last
        if positions.dtype == np.int8 and with_missing.max() <= LARGEST_BYTE:
            # A third of the time of an index, which is widened before and after.
            table = bytes(own.tolist()).ljust(LARGEST_BYTE + 1, b"\0")  # as bytes, -1 is the last too
            return np.frombuffer(positions.tobytes().translate(table), np.uint8)
        return with_missing.take(positions)


def _no_codes(n: int) -> Array:
    return np.empty(n, dtype=np.int32)


def _plain_numbers(values: Any) -> Array | None:
    """The array under a pandas column of plain NumPy numbers."""
    if type(getattr(values, "dtype", None)).__module__.partition(".")[0] == "numpy" and hasattr(values, "to_numpy"):
        array: Array = values.to_numpy()
        return array
    return None


def _is_read_as_it_lies(array: Array, column: Column) -> bool:
    if column.kind is ColumnKind.NUMERIC:
        return array.dtype.isnative and (array.dtype.kind in "iub" or array.dtype in (np.float32, np.float64))
    return column.kind is ColumnKind.BOOLEAN and array.dtype.kind == "b"


def _arrow(values: Any) -> Any:
    """An Arrow array or chunked array of a column that is one, or of a pandas column of texts that holds one."""
    if type(values).__module__.partition(".")[0] == "pyarrow":
        return values
    if getattr(getattr(values, "dtype", None), "storage", "") == "pyarrow" and hasattr(values, "__arrow_c_stream__"):
        import pyarrow as pa

        return pa.chunked_array(values)
    return None


def _chunks(arrow: Any) -> list[Any]:
    return list(arrow.chunks) if hasattr(arrow, "chunks") else [arrow]
