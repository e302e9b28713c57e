"""One pandas column into one typed array, by the kind of its column.

The scalar readers of `lean_automl_runtime.values` define every value; this file only makes them fast for whole columns.
Where a quick way exists (a dtype that already fits, an Arrow cast) it gives the same result, otherwise each
distinct value is read once by the scalar reader.

The rule for values that cannot be read, the same for training rows and for new rows: such a value becomes missing and
is counted in the result. A dtype that can never fit (dates where numbers are due), or a column of at least
`MIN_ROWS_TO_REFUSE` values of which none can be read, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from lean_automl_runtime.ir.columns import MISSING_TIME, ColumnKind
from lean_automl_runtime.values import boolean_value, category_text, datetime_value, numeric_value

from lean_automl.data.notes import shown
from lean_automl.errors import SchemaError

if TYPE_CHECKING:
    Series: TypeAlias = pd.Series[Any]

MIN_ROWS_TO_REFUSE: Final = 20
_YEAR_1: Final = -62_135_596_800
_STORAGE: Final[dict[ColumnKind, type]] = {
    ColumnKind.NUMERIC: np.float64,
    ColumnKind.BOOLEAN: np.float64,
    ColumnKind.DATETIME: np.int64,
    ColumnKind.CATEGORICAL: object,
    ColumnKind.TEXT: object,
}
_READERS: Final[dict[ColumnKind, Callable[[object], Any]]] = {
    ColumnKind.NUMERIC: numeric_value,
    ColumnKind.BOOLEAN: boolean_value,
    ColumnKind.DATETIME: datetime_value,
    ColumnKind.CATEGORICAL: category_text,
    ColumnKind.TEXT: category_text,
}
_MARKERS: Final[dict[ColumnKind, Any]] = {
    ColumnKind.NUMERIC: np.nan,
    ColumnKind.BOOLEAN: np.nan,
    ColumnKind.DATETIME: MISSING_TIME,
    ColumnKind.CATEGORICAL: "",
    ColumnKind.TEXT: "",
}


@dataclass(frozen=True, slots=True)
class Converted:
    """A column after reading.

    Attributes:
        array: float64 for numeric and boolean, int64 seconds for datetime, object array of str for the others.
        unreadable: How many values were not missing and could not be read; they are missing in `array`.
        first_bad: Row and text of the first of them.
    """

    array: npt.NDArray[Any]
    unreadable: int = 0
    first_bad: tuple[int, str] | None = None


def convert(series: Series, kind: ColumnKind) -> Converted:
    """Read a column as `kind`.

    Raises:
        SchemaError: The column's values can never be read as this kind, or none of them can.
    """
    _check_dtype(series, kind)
    array = _quick(series, kind)
    if array is not None:
        return Converted(array)
    result = _by_reader(series, kind)
    if result.first_bad is not None:
        result = replace(result, first_bad=(row_name(series, result.first_bad[0]), result.first_bad[1]))
    if result.unreadable >= MIN_ROWS_TO_REFUSE and result.unreadable == count_present(series):
        raise _refusal(series.name, kind, result)
    return result


def arrow_text(series: Series) -> Any:
    """Return the column of text as an Arrow array, with null for missing and for the empty string.

    Raises:
        SchemaError: A text has half a surrogate pair, which no file of text can hold.
    """
    try:
        text = pa.array(series, from_pandas=True)
    except UnicodeEncodeError as error:
        raise SchemaError(
            f"column {series.name!r}: {error.object!a} is not valid Unicode. Correct the text."
        ) from error
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    text = text.cast(pa.large_string())
    if pc.any(pc.equal(text, "")).as_py():
        text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.large_string()), text)
    return text


def is_text(series: Series) -> bool:
    """Return whether the column holds only text, and missing values."""
    if isinstance(series.dtype, pd.StringDtype):
        return True
    return pd.api.types.is_object_dtype(series.dtype) and pd.api.types.infer_dtype(series, skipna=True) == "string"


def present(series: Series) -> npt.NDArray[np.bool_]:
    """Return a mask of the values that are not missing."""
    if isinstance(series.dtype, pd.StringDtype):
        return np.asarray(arrow_text(series).is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    mask = series.notna().to_numpy(dtype=bool).copy()
    if pd.api.types.is_object_dtype(series.dtype):
        mask &= np.fromiter((value != "" if isinstance(value, str) else True for value in series), bool, len(series))
    elif isinstance(series.dtype, pd.CategoricalDtype) and "" in series.cat.categories:
        mask &= (series != "").to_numpy(dtype=bool)
    return mask


def count_present(series: Series) -> int:
    """Count the values that are not missing."""
    return int(present(series).sum())


def row_name(series: Series, position: int) -> int:
    """Return the number that messages give to a row: its whole-number index, which survives filtering, or position."""
    label = series.index[position]
    return int(label) if isinstance(label, int | np.integer) else position


def _check_dtype(series: Series, kind: ColumnKind) -> None:
    is_time = pd.api.types.is_datetime64_any_dtype(series.dtype)
    wrong = (kind in (ColumnKind.NUMERIC, ColumnKind.BOOLEAN) and is_time) or (
        kind is ColumnKind.DATETIME
        and (pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(series.dtype))
    )
    if wrong and series.notna().any():
        row = int(np.argmax(series.notna().to_numpy()))
        raise SchemaError(
            f"column {series.name!r}: expected {kind.value} values, got {series.dtype}, such as "
            f"{shown(series.iloc[row])} in row {row_name(series, row)}. Convert the column, or declare its kind anew "
            "and train again."
        )


def _quick(series: Series, kind: ColumnKind) -> npt.NDArray[Any] | None:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return None
    if kind in (ColumnKind.CATEGORICAL, ColumnKind.TEXT):
        return None
    if kind is ColumnKind.DATETIME:
        if pd.api.types.is_datetime64_any_dtype(dtype):
            return _seconds(series)
        return _cast_times(series) if is_text(series) else None
    if kind is ColumnKind.NUMERIC and is_text(series):
        return _cast_numbers(series)
    if pd.api.types.is_bool_dtype(dtype) or (kind is ColumnKind.NUMERIC and _is_real(dtype)):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return None


def _is_real(dtype: object) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)  # type: ignore[arg-type]


def _seconds(series: Series) -> npt.NDArray[np.int64]:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    return series.to_numpy().astype("datetime64[s]").astype(np.int64)


def _cast_numbers(series: Series) -> npt.NDArray[np.float64] | None:
    try:
        numbers = pc.cast(arrow_text(series), pa.float64())
    except pa.ArrowInvalid:
        return None
    array: npt.NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    return array.astype(np.float64)


def _cast_times(series: Series) -> npt.NDArray[np.int64] | None:
    text = arrow_text(series)
    for dtype in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            times = pc.cast(text, dtype)
        except pa.ArrowInvalid:
            continue
        missing = times.is_null().to_numpy(zero_copy_only=False)
        microseconds = pc.fill_null(pc.cast(times, pa.int64()), 0).to_numpy(zero_copy_only=False)
        seconds = microseconds // 1_000_000
        if seconds.size and seconds.min() < _YEAR_1:
            return None
        return np.where(missing, MISSING_TIME, seconds).astype(np.int64)
    return None


def _by_reader(series: Series, kind: ColumnKind) -> Converted:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy()
        return _take(list(series.cat.categories), np.asarray(codes, dtype=np.int64), kind)
    if pd.api.types.is_object_dtype(dtype) and not is_text(series):
        # Equal values of different types (1, True, 1.0) must not be merged, so each row is read by itself.
        return _take(list(series), np.arange(len(series)), kind)
    codes, distinct = pd.factorize(series)
    return _take(list(distinct), codes, kind)


def _take(values: list[Any], codes: npt.NDArray[np.int64], kind: ColumnKind) -> Converted:
    """Read each of `values` once and lay them out by `codes`; code -1 is missing."""
    reader, marker = _READERS[kind], _MARKERS[kind]
    read: npt.NDArray[Any] = np.full(len(values) + 1, marker, dtype=_STORAGE[kind])
    bad = np.zeros(len(values) + 1, dtype=bool)
    for position, value in enumerate(values):
        try:
            read[position] = reader(value)
        except ValueError:
            bad[position] = True
    array = read[codes]
    if not bad.any():
        return Converted(array)
    bad_rows = np.flatnonzero(bad[codes])
    if not bad_rows.size:
        return Converted(array)
    first = int(bad_rows[0])
    return Converted(array, int(bad_rows.size), (first, shown(values[codes[first]])))


def _refusal(name: object, kind: ColumnKind, result: Converted) -> SchemaError:
    row, text = result.first_bad or (0, "")
    return SchemaError(
        f"column {name!r}: none of {result.unreadable:,} values can be read as {kind.value}; the first is {text} in "
        f"row {row}. Check that the right column is given, or declare its kind anew and train again."
    )


def missing_mask(array: npt.NDArray[Any], kind: ColumnKind) -> npt.NDArray[np.bool_]:
    """Return a mask of the missing values of a converted array."""
    if kind in (ColumnKind.NUMERIC, ColumnKind.BOOLEAN):
        mask: npt.NDArray[np.bool_] = np.isnan(array)
        return mask
    return np.asarray(array == _MARKERS[kind], dtype=bool)


__all__ = ["Converted", "arrow_text", "convert", "count_present", "is_text", "missing_mask", "present"]
