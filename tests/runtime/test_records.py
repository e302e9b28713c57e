"""Records and tables of any make become the same arrays; what cannot be read is named."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lean_automl_runtime.errors import DataError, SchemaError
from lean_automl_runtime.ir import MISSING_TIME, Column, ColumnKind
from lean_automl_runtime.records import RecordReader, column_array

COLUMNS = (
    Column("n", ColumnKind.NUMERIC, "float32"),
    Column("d", ColumnKind.NUMERIC, "float64"),
    Column("b", ColumnKind.BOOLEAN, "float32"),
    Column("c", ColumnKind.CATEGORICAL, "string"),
    Column("t", ColumnKind.DATETIME, "int64"),
    Column("w", ColumnKind.TEXT, "string"),
)
READER = RecordReader(COLUMNS)
BY_KIND = {column.name: column for column in COLUMNS}
DTYPES = [np.float32, np.float64, np.float32, object, np.int64, object]
DAY = 86_400

RECORDS: list[dict[str, Any]] = [
    {"n": 1, "d": 2.5, "b": True, "c": "x", "t": "1970-01-02", "w": "é"},
    {"n": -0.1, "d": 10**15 + 1, "b": False, "c": 7, "t": datetime.date(1969, 12, 31), "w": "two words"},
    {"n": None, "d": None, "b": None, "c": None, "t": None, "w": None},
    {"n": "3.5", "d": " 4 ", "b": "yes", "c": True, "t": 86_401, "w": ""},
    {"n": float("inf"), "d": float("nan"), "b": 0, "c": 12.0, "t": datetime.datetime(2024, 2, 29, 12), "w": "1"},
]
EXPECTED: dict[str, list[Any]] = {
    "n": [1.0, np.float32(-0.1), np.nan, 3.5, np.inf],
    "d": [2.5, 1e15 + 1, np.nan, 4.0, np.nan],
    "b": [1.0, 0.0, np.nan, 1.0, 0.0],
    "c": ["x", "7", "", "True", "12"],
    "t": [DAY, -DAY, MISSING_TIME, DAY + 1, 1_709_208_000],
    "w": ["é", "two words", "", "", "1"],
}


def assert_arrays(arrays: list[Any], expected: dict[str, list[Any]]) -> None:
    for array, dtype, values in zip(arrays, DTYPES, expected.values(), strict=True):
        assert array.dtype == dtype
        assert array.shape == (len(values),)
        np.testing.assert_array_equal(array, np.array(values, dtype=dtype))
        if dtype is object:
            assert {type(v) for v in array} <= {str}


def test_list_of_records() -> None:
    assert_arrays(READER.table(RECORDS), EXPECTED)
    assert_arrays(READER.table(tuple(RECORDS)), EXPECTED)


def test_mapping_of_columns() -> None:
    assert_arrays(READER.table({name: [r[name] for r in RECORDS] for name in BY_KIND}), EXPECTED)


def test_dataframe_of_objects() -> None:
    assert_arrays(READER.table(pd.DataFrame(RECORDS, dtype=object)), EXPECTED)


def test_one_record_is_a_table_of_one_row() -> None:
    for row, record in enumerate(RECORDS):
        expected = {name: values[row : row + 1] for name, values in EXPECTED.items()}
        assert_arrays(READER.one(record), expected)
        assert_arrays(READER.table([record]), expected)
        assert_arrays(READER.arrays(READER.values(record)), expected)


def test_no_rows() -> None:
    empty: dict[str, list[Any]] = {name: [] for name in BY_KIND}
    assert_arrays(READER.table([]), empty)
    assert_arrays(READER.table(empty), empty)
    assert_arrays(READER.table(pd.DataFrame(empty)), empty)


def typed_frame() -> pd.DataFrame:
    """As readers of files make it: a type for each column."""
    return pd.DataFrame(
        {
            "n": np.array([1, 2, 2**40], dtype=np.int64),
            "d": np.array([1.5, np.nan, -0.0]),
            "b": np.array([True, False, True]),
            "c": pd.Categorical(["u", None, "v"]),
            "t": pd.to_datetime(["2000-01-01", None, "1960-06-01 00:00:00.25"], format="ISO8601"),
            "w": pd.array(["a", None, ""], dtype="string"),
            "other": [object(), object(), object()],
        }
    )


TYPED = {
    "n": [1.0, 2.0, 2.0**40],
    "d": [1.5, np.nan, -0.0],
    "b": [1.0, 0.0, 1.0],
    "c": ["u", "", "v"],
    "t": [946_684_800, MISSING_TIME, -302_486_400],
    "w": ["a", "", ""],
}


def test_typed_dataframe() -> None:
    assert_arrays(READER.table(typed_frame()), TYPED)


def test_nullable_and_zoned_dataframe() -> None:
    frame = typed_frame()
    frame["n"] = frame["n"].astype("Int64").where([True, False, True])
    frame["b"] = frame["b"].astype("boolean").where([True, False, True])
    frame["t"] = frame["t"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    assert_arrays(READER.table(frame), TYPED | {"n": [1.0, np.nan, 2.0**40], "b": [1.0, np.nan, 1.0]})


@pytest.mark.parametrize("form", ["table", "batch", "chunks"])
def test_arrow(form: str) -> None:
    table = pa.table(
        {
            "n": pa.array([1, None, 2**40]),
            "d": pa.array([1.5, None, -0.0]),
            "b": pa.array([True, None, True]),
            "c": pa.array(["u", None, "v"]).dictionary_encode(),
            "t": pa.array([datetime.datetime(2000, 1, 1), None, datetime.datetime(1960, 6, 1, 0, 0, 0, 250_000)]),
            "w": pa.array(["a", None, ""]),
        }
    )
    expected = TYPED | {"n": [1.0, np.nan, 2.0**40], "b": [1.0, np.nan, 1.0]}
    if form == "batch":
        assert_arrays(READER.table(table.to_batches()[0]), expected)
    elif form == "chunks":
        assert_arrays(READER.table(pa.concat_tables([table.slice(0, 1), table.slice(1)])), expected)
    else:
        assert_arrays(READER.table(table), expected)


def test_arrow_dates_and_decimals() -> None:
    table = {"t": pa.array([datetime.date(1970, 1, 3), None]), "n": pa.array([Decimal("1.5"), None])}
    np.testing.assert_array_equal(column_array(table["t"], BY_KIND["t"]), [2 * DAY, MISSING_TIME])
    np.testing.assert_array_equal(column_array(table["n"], BY_KIND["n"]), np.float32([1.5, np.nan]))


@pytest.mark.parametrize(
    "values",
    [
        np.array([0.1, 16_777_217.0, np.nan], dtype=np.float32),
        np.array([0.1, 16_777_217.0, np.nan]),
        np.array([1, 2**53 + 1, 2**63 - 1, -(2**63)]),
        np.array([2**64 - 1, 16_777_217], dtype=np.uint64),
        np.array([True, False]),
        np.array(["a", "", "日本"]),
        np.array([b"a", b"\xff"]),
        np.array(["1969-12-31T23:59:59.5", "NaT", "2024-02-29"], dtype="datetime64[ms]"),
        np.array(["0001-01-01", "9999-12-31"], dtype="datetime64[D]"),
        np.array([1, 90_000, "NaT"], dtype="timedelta64[m]"),
        np.array([0.1, 65_504], dtype=np.float16),
        np.array([1e300, -1e300, 1e-300]),
        np.array([1, None, "2", np.float32(0.1), np.int8(3)], dtype=object),
    ],
    ids=lambda values: str(values.dtype),
)
@pytest.mark.parametrize("name", BY_KIND)
def test_a_column_reads_as_its_values_one_by_one(values: Any, name: str) -> None:
    """Whatever the fast ways do, and whatever is refused."""
    reader = RecordReader((BY_KIND[name],))
    singles: list[Any] = []
    for value in values:
        try:
            singles.append(reader.one({name: value})[0][0])
        except SchemaError:
            with pytest.raises(SchemaError, match=rf"column {name!r}, row {len(singles)}: "):
                reader.table({name: values})
            return
    found = reader.table({name: values})[0]
    np.testing.assert_array_equal(found, np.array(singles, dtype=found.dtype))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["1e5", " 7 ", "yes", "2024-01-31", "12/31/1999", "nan", "inf", "-0"]),
    st.dates(),
    st.datetimes(),
    st.builds(np.float32, st.floats(width=32)),
    st.builds(np.int64, st.integers(-(2**63), 2**63 - 1)),
    st.sampled_from([pd.NA, pd.NaT, np.datetime64("NaT"), np.str_("s"), Decimal("0.5"), b"raw"]),
)


@settings(max_examples=300, deadline=None)
@given(values=st.lists(SCALARS, min_size=1, max_size=4), column=st.sampled_from(COLUMNS))
def test_rows_read_the_same_alone_and_together(values: list[Any], column: Column) -> None:
    reader = RecordReader((column,))
    try:
        singles = [reader.one({column.name: value})[0][0] for value in values]
    except SchemaError:
        with pytest.raises(SchemaError, match=f"column {column.name!r}, row"):
            reader.table([{column.name: value} for value in values])
        return
    for table in ([{column.name: v} for v in values], {column.name: values}):
        found = reader.table(table)[0]
        np.testing.assert_array_equal(found, np.array(singles, dtype=found.dtype))


# --- what is refused ----------------------------------------------------------------------------------------


def test_other_columns_are_ignored() -> None:
    assert_arrays(READER.one(RECORDS[0] | {"more": object()}), {k: v[:1] for k, v in EXPECTED.items()})


@pytest.mark.parametrize(
    ("present", "hint"),
    [({"N": 1}, "Pass None where its value is missing"), ({"nn": 1}, "Did you mean 'nn'?"), ({}, "Pass None")],
)
def test_an_absent_column(present: dict[str, Any], hint: str) -> None:
    rest = {k: v for k, v in RECORDS[0].items() if k != "n"} | present
    for read in (
        lambda: READER.one(rest),
        lambda: READER.table([RECORDS[0], rest]),
        lambda: READER.table({k: [v] for k, v in rest.items()}),
        lambda: READER.table(pd.DataFrame([rest])),
    ):
        with pytest.raises(SchemaError, match=re.escape(f"column 'n' is absent. {hint}")):
            read()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("n", "abc", "'abc' is not a number"),
        ("n", [1], "[1] is not a number"),
        ("n", 1j, "1j is not a number"),
        ("n", 10**400, "is too large"),
        ("d", "1_000", "'1_000' is not a number"),
        ("b", 2, "2 is neither true nor false"),
        ("b", "maybe", "'maybe' is neither true nor false"),
        ("c", ["x"], "['x'] is not a single value"),
        ("w", {"a": 1}, "{'a': 1} is not a single value"),
        ("t", "soon", "'soon' is not a date"),
        ("t", True, "True is not a time"),
        ("t", 1e300, "not a number of seconds"),
    ],
)
def test_a_value_of_the_wrong_type(name: str, value: Any, problem: str) -> None:
    bad = RECORDS[0] | {name: value}
    with pytest.raises(SchemaError, match=re.escape(f"column {name!r}: ") + ".*" + re.escape(problem)):
        READER.one(bad)
    with pytest.raises(SchemaError, match=re.escape(f"column {name!r}, row 1: ") + ".*" + re.escape(problem)):
        READER.table([RECORDS[0], bad])


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(SchemaError) as caught:
        READER.one(RECORDS[0] | {"n": "x" * 10_000})
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("record", [[1, 2], "n", 5, None, object()])
def test_what_is_not_a_record(record: Any) -> None:
    with pytest.raises(DataError, match="a record is a mapping from column names to values, not"):
        READER.one(record)
    with pytest.raises(DataError, match="row 1: a record is a mapping from column names to values, not"):
        READER.table([RECORDS[0], record])


@pytest.mark.parametrize("table", [5, None, "text", b"bytes", object(), np.zeros((2, 6))])
def test_what_is_not_a_table(table: Any) -> None:
    with pytest.raises(DataError, match="cannot read a table from"):
        READER.table(table)


@pytest.mark.parametrize("values", [5, "text", b"bytes", None, iter([1])])
def test_what_is_not_a_column(values: Any) -> None:
    with pytest.raises(SchemaError, match="column 'n': takes a sequence of values"):
        READER.table({name: [1] for name in BY_KIND} | {"n": values})


def test_columns_of_different_lengths() -> None:
    with pytest.raises(DataError, match=r"different lengths: \[1, 2\]"):
        READER.table({name: [None] for name in BY_KIND} | {"n": [1, 2]})


def test_more_than_one_value_a_row() -> None:
    column = BY_KIND["n"]
    np.testing.assert_array_equal(column_array(np.ones((3, 1)), column), np.ones(3, dtype=np.float32))
    with pytest.raises(SchemaError, match=r"takes one value a row, got shape \(3, 2\)"):
        column_array(np.ones((3, 2)), column)
    twice = pd.DataFrame(np.ones((2, 2)), columns=["n", "n"])
    with pytest.raises(SchemaError, match="takes one value a row"):
        RecordReader((column,)).table(twice)
    with pytest.raises(SchemaError, match=r"row 0: \[1, 2\] is not a number"):
        column_array([[1, 2], [3, 4]], column)


def test_the_callers_arrays_stay_as_they_are() -> None:
    source = np.array([1.5, np.nan], dtype=np.float32)
    arrays = RecordReader((BY_KIND["n"],)).table({"n": source})
    arrays[0][0] = 9
    assert source[0] == 1.5
