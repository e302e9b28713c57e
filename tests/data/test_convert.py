"""Whole columns are read exactly as the scalar readers of the runtime read each value."""

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lean_automl_runtime.ir.columns import MISSING_TIME, ColumnKind
from lean_automl_runtime.values import boolean_value, category_text, datetime_value, is_missing, numeric_value

from lean_automl.data.convert import MIN_ROWS_TO_REFUSE, convert, count_present, missing_mask, present
from lean_automl.errors import SchemaError

READERS = {
    ColumnKind.NUMERIC: (numeric_value, math.nan),
    ColumnKind.BOOLEAN: (boolean_value, math.nan),
    ColumnKind.DATETIME: (datetime_value, MISSING_TIME),
    ColumnKind.CATEGORICAL: (category_text, ""),
}
NUMBER_TEXT = st.one_of(
    st.floats(width=64).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.text("0123456789.eE+-_ xnaif,", max_size=7),
    st.sampled_from(
        ["", " ", " 1 ", "+1", "1.", ".5", "1e400", "-inf", "Infinity", "NaN", "-nan", "0x10", "1_0", "007"]
    ),
)
TIMES = st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30))
TIME_TEXT = st.one_of(
    TIMES.map(lambda t: t.isoformat(" ")),
    TIMES.map(lambda t: t.replace(microsecond=0).isoformat()),
    TIMES.map(lambda t: t.strftime("%Y-%m-%d")),
    TIMES.map(lambda t: t.isoformat() + "+05:30"),
    TIMES.map(lambda t: t.isoformat() + "Z"),
    TIMES.map(lambda t: f"{t.day}.{t.month}.{t.year:04d} {t:%H:%M}"),
    TIMES.map(lambda t: f"{t.month}/{t.day}/{t.year:04d}"),
    st.text("0123456789-:T ZAPM/.+", max_size=20),
    st.sampled_from(["", "2024-02-30", "2024-01-01T24:00", "2024-01-01T23:59:60", "0000-01-01", "2024-01-01 05"]),
)
ANY_TEXT = st.one_of(NUMBER_TEXT, TIME_TEXT, st.text(max_size=6), st.sampled_from(["true", "No", "T", "f", "1.0"]))
SCALARS = st.one_of(
    ANY_TEXT,
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.decimals(allow_nan=False),
    st.sampled_from([None, math.nan, pd.NA, pd.NaT, np.bool_(True), np.int8(3), Decimal("NaN"), [1], b"a", 1j]),
    TIMES,
    TIMES.map(datetime.datetime.date),
    TIMES.map(pd.Timestamp),
    st.timedeltas(datetime.timedelta(-(10**4)), datetime.timedelta(10**4)),
)


def one_by_one(values, kind):
    reader, marker = READERS[kind]
    read, bad = [], []
    for row, value in enumerate(values):
        try:
            read.append(reader(value))
        except ValueError:
            read.append(marker)
            bad.append(row)
    return read, bad


def assert_agrees(series, values, kind):
    expected, bad = one_by_one(values, kind)
    if bad and len(bad) >= MIN_ROWS_TO_REFUSE:
        return
    result = convert(series, kind)
    assert result.unreadable == len(bad)
    assert (result.first_bad or (None,))[0] == (bad[0] if bad else None)
    if result.array.dtype == np.float64:
        np.testing.assert_array_equal(result.array, np.array(expected, dtype=np.float64))
    else:
        assert result.array.tolist() == expected


@settings(max_examples=150, deadline=None)
@given(st.lists(SCALARS, min_size=1, max_size=12), st.sampled_from(list(READERS)))
def test_objects(values, kind):
    assert_agrees(pd.Series(values, dtype=object), values, kind)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([NUMBER_TEXT, TIME_TEXT, ANY_TEXT]).flatmap(lambda s: st.lists(s, min_size=1, max_size=8)),
    st.sampled_from(list(READERS)),
    st.sampled_from(["str", "string", "object", "category"]),
)
def test_text(values, kind, dtype):
    assert_agrees(pd.Series(values, dtype=dtype), values, kind)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(width=32), min_size=1, max_size=8),
    st.sampled_from([ColumnKind.NUMERIC, ColumnKind.BOOLEAN, ColumnKind.CATEGORICAL, ColumnKind.DATETIME]),
    st.sampled_from(["float32", "float64", "Float64", "category"]),
)
def test_floats(values, kind, dtype):
    series = pd.Series(np.array(values, dtype=np.float64), dtype=dtype)
    assert_agrees(series, list(series), kind)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-100, 100), min_size=1, max_size=8),
    st.sampled_from(list(READERS)),
    st.sampled_from(["int8", "int64", "Int64", "category", "object"]),
)
def test_integers(values, kind, dtype):
    assert_agrees(pd.Series(values, dtype=dtype), values, kind)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(TIMES, st.none()), min_size=1, max_size=6),
    st.sampled_from([None, "UTC", "Asia/Kolkata", "America/New_York"]),
    st.sampled_from([ColumnKind.DATETIME, ColumnKind.CATEGORICAL]),
)
def test_times(values, zone, kind):
    series = pd.Series(pd.to_datetime(pd.Series(values, dtype="datetime64[us]"))).dt.tz_localize("UTC")
    series = series.dt.tz_localize(None) if zone is None else series.dt.tz_convert(zone)
    assert_agrees(series, list(series), kind)


@pytest.mark.parametrize("dtype", ["bool", "boolean", "object", "category"])
@pytest.mark.parametrize("kind", [ColumnKind.NUMERIC, ColumnKind.BOOLEAN, ColumnKind.CATEGORICAL])
def test_booleans(dtype, kind):
    values = [True, False, True]
    assert_agrees(pd.Series(values, dtype=dtype), values, kind)


def test_nullable_columns_keep_their_gaps():
    assert np.isnan(convert(pd.Series([1, None], dtype="Int64"), ColumnKind.NUMERIC).array[1])
    assert np.isnan(convert(pd.Series([True, None], dtype="boolean"), ColumnKind.BOOLEAN).array[1])
    assert convert(pd.Series([1, None], dtype="Int64"), ColumnKind.CATEGORICAL).array.tolist() == ["1", ""]


def test_integers_read_the_same_after_a_gap_made_them_floats():
    whole = convert(pd.Series([1, 2]), ColumnKind.CATEGORICAL).array.tolist()
    gapped = convert(pd.Series([1, 2, None]), ColumnKind.CATEGORICAL).array.tolist()
    assert gapped == [*whole, ""]


def test_equal_values_of_other_types_are_not_merged():
    values = [True, 1, "1", 1.5]
    assert convert(pd.Series(values, dtype=object), ColumnKind.CATEGORICAL).array.tolist() == ["True", "1", "1", "1.5"]


def test_wrong_dtype_is_refused_with_value_and_row():
    times = pd.Series([None, pd.Timestamp("2024-01-02")], name="when")
    with pytest.raises(SchemaError, match=r"'when': expected numeric.*2024-01-02.* in row 1"):
        convert(times, ColumnKind.NUMERIC)


def test_column_without_any_readable_value_is_refused():
    series = pd.Series(["x"] * MIN_ROWS_TO_REFUSE + [None], name="age")
    with pytest.raises(
        SchemaError, match=r"'age': none of 20 values can be read as numeric; the first is 'x' in row 0"
    ):
        convert(series, ColumnKind.NUMERIC)


@settings(max_examples=100, deadline=None)
@given(st.lists(SCALARS, min_size=1, max_size=8), st.sampled_from(["object", "category"]))
def test_presence_agrees_with_the_scalar(values, dtype):
    if dtype == "category":
        values = [value for value in values if isinstance(value, str)] or ["a"]
    series = pd.Series(values, dtype=dtype)
    expected = [not is_missing(value) for value in values]
    assert present(series).tolist() == expected
    assert count_present(series) == sum(expected)


def test_missing_masks():
    assert missing_mask(np.array([1.0, np.nan]), ColumnKind.NUMERIC).tolist() == [False, True]
    assert missing_mask(np.array([0, MISSING_TIME]), ColumnKind.DATETIME).tolist() == [False, True]
    assert missing_mask(np.array(["a", ""], dtype=object), ColumnKind.TEXT).tolist() == [False, True]
