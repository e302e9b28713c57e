"""Kinds, storage, notes and overrides."""

import datetime
import time

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime.ir.columns import Column, ColumnKind

from lean_automl.data import NoteCode, SchemaOverrides, Task, infer_schema, load_dataset
from lean_automl.data.features import infer_feature, merged_by_float32
from lean_automl.data.kinds import guess_kind
from lean_automl.errors import ConfigError, DataError, SchemaError

N = 200
RNG = np.random.default_rng(0)
WORDS = ["red", "green", "blue", "sky", "sea", "stone", "river", "cloud"]
PROSE = [" ".join(RNG.choice(WORDS, 6)) for _ in range(N)]
TARGET = np.arange(N) % 2


def repeat(*values):
    return pd.Series([values[i % len(values)] for i in range(N)], name="c")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (repeat(1, 2, 3), ColumnKind.NUMERIC),
        (repeat(1.5, None), ColumnKind.NUMERIC),
        (repeat("1", "2.5", None), ColumnKind.NUMERIC),
        (repeat(" 1", "2e3"), ColumnKind.NUMERIC),
        (repeat(datetime.timedelta(1), datetime.timedelta(2)), ColumnKind.NUMERIC),
        (pd.Series([*map(str, range(96)), *["x", "y", "z", "w"]]), ColumnKind.NUMERIC),
        (pd.Series([*map(str, range(94)), *"abcdef"]), ColumnKind.CATEGORICAL),
        (pd.Series([*map(str, range(60)), *["-"] * 40]), ColumnKind.NUMERIC),
        (pd.Series([*["1", "2", "3"] * 20, *["other"] * 40]), ColumnKind.CATEGORICAL),
        (repeat("007", "123"), ColumnKind.CATEGORICAL),
        (repeat("0", "0.5", "10"), ColumnKind.NUMERIC),
        (repeat(True, False), ColumnKind.BOOLEAN),
        (repeat(True, None), ColumnKind.BOOLEAN),
        (repeat("true", "False"), ColumnKind.BOOLEAN),
        (repeat("yes", "no"), ColumnKind.CATEGORICAL),
        (repeat("a", "b"), ColumnKind.CATEGORICAL),
        (repeat(1, 2).astype("category"), ColumnKind.CATEGORICAL),
        (repeat("1", "2").astype("category"), ColumnKind.CATEGORICAL),
        (repeat(True, False).astype("category"), ColumnKind.BOOLEAN),
        (repeat(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")), ColumnKind.DATETIME),
        (repeat(pd.Timestamp("2024-01-01", tz="UTC"), pd.NaT), ColumnKind.DATETIME),
        (repeat(datetime.date(2024, 1, 1), None), ColumnKind.DATETIME),
        (repeat("2024-01-01", "2024-02-01 10:00"), ColumnKind.DATETIME),
        (repeat("1/2/2024", "12/31/2024"), ColumnKind.DATETIME),
        (repeat("31/12/2024", "1/2/2024"), ColumnKind.CATEGORICAL),
        (pd.Series(PROSE), ColumnKind.TEXT),
        (repeat(*PROSE[:20]), ColumnKind.CATEGORICAL),
        (repeat(1, "a", 2.5), ColumnKind.CATEGORICAL),
        (pd.Series([*range(60), *["-"] * 40], dtype=object), ColumnKind.NUMERIC),
        (pd.Series([*range(60), *"abcd" * 10], dtype=object), ColumnKind.CATEGORICAL),
        (pd.Series([*range(98), "a", "b"], dtype=object), ColumnKind.NUMERIC),
        (repeat(1j, 2j), None),
        (repeat([1], [2]), None),
        (repeat({"a": 1}), None),
        (repeat(np.array([1, 2]), np.array([3])), None),
        (repeat(b"a", b"b"), ColumnKind.CATEGORICAL),
    ],
)
def test_kinds(values, kind):
    assert guess_kind(values.rename("c")).kind is kind


@pytest.mark.parametrize(
    ("values", "code", "text"),
    [
        (pd.Series([*map(str, range(96)), *["x", "y", "z", "w"]]), NoteCode.MIXED_TYPES, "4.0% of the values"),
        (repeat(1, "a", 2.5), NoteCode.MIXED_TYPES, "% of 200 values are not numbers"),
        (repeat("007", "123"), NoteCode.LEADING_ZEROS, "100 values"),
        (repeat("1/2/2024", "12/31/2024"), NoteCode.DATE_ORDER, "month/day/year"),
        (repeat("1.2.2024", "31.12.2024"), NoteCode.DATE_ORDER, "day, month, year"),
        (repeat("31/12/2024", "1/2/2024"), NoteCode.DATE_ORDER, "no known form"),
        (repeat([1], [2]), NoteCode.NESTED, "nested"),
        (pd.Series([*range(60), *["-"] * 30], dtype=object), NoteCode.MIXED_TYPES, "read as numeric"),
        (repeat("1,200", "950", "$2,100.50"), NoteCode.FORMATTED_NUMBERS, "write numbers plainly"),
        (repeat("12 %", "3,5 %"), NoteCode.FORMATTED_NUMBERS, "separators or units"),
    ],
)
def test_kinds_leave_notes(values, code, text):
    (note,) = guess_kind(values.rename("c")).notes
    assert note.code is code
    assert note.column == "c"
    assert text in str(note)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (repeat(None), NoteCode.ALL_MISSING),
        (repeat("", None), NoteCode.ALL_MISSING),
        (repeat("  "), NoteCode.ALL_MISSING),
        (repeat(5), NoteCode.CONSTANT),
        (repeat("x"), NoteCode.CONSTANT),
        (repeat(pd.Timestamp("2024-01-01")), NoteCode.CONSTANT),
        (pd.Series(range(7, 7 + N)), NoteCode.ID_LIKE),
        (pd.Series([f"u{i}" for i in range(N)]), NoteCode.ID_LIKE),
        (pd.Series(RNG.permutation(N), name="customer_id"), NoteCode.ID_LIKE),
        (pd.Series(RNG.permutation(N), name="PassengerId"), NoteCode.ID_LIKE),
        (pd.Series(np.delete(np.arange(N + 20), range(5, 205, 10))), NoteCode.ID_LIKE),
        (repeat([1]), NoteCode.NESTED),
    ],
)
def test_useless_columns_are_dropped_with_a_note(values, code):
    feature = infer_feature(values.rename(values.name or "c"), None)
    assert feature.column is None
    assert [note.code for note in feature.notes] == [code]


@pytest.mark.parametrize("kind", [int, str])
def test_an_id_that_repeats_stays_with_a_note(kind):
    values = pd.Series([kind(i % 50) for i in range(N)], name="customer_id")
    feature = infer_feature(values, None)
    assert feature.column is not None
    assert [note.code for note in feature.notes] == [NoteCode.REPEATED_ID]
    assert "4 rows of each value" in str(feature.notes[0])
    assert "--group customer_id" in str(feature.notes[0])
    assert infer_feature(values.rename("age"), None).notes == ()
    assert infer_feature(pd.Series(RNG.random(50).round(2).tolist() * 4, name="price.id"), None).notes == ()
    assert infer_feature(values.rename("heat_index"), None).notes == ()


def test_useful_columns_stay():
    workdays = pd.Series([day for day in range(280) if day % 7 < 5], name="day")
    assert infer_feature(workdays, None).column is not None
    spread = pd.Series(np.cumsum(RNG.integers(1, 9, N)), name="odometer")
    assert infer_feature(spread, None).column is not None
    one_value_or_none = infer_feature(repeat("x", None), None)
    assert one_value_or_none.column == Column("c", ColumnKind.CATEGORICAL, "string")
    assert infer_feature(pd.Series(RNG.permutation(N), name="paid"), None).column is not None
    assert infer_feature(pd.Series(range(N), name="c"), ColumnKind.NUMERIC).column is not None
    assert infer_feature(repeat(1.0, np.inf, -np.inf), None).column == Column("c", ColumnKind.NUMERIC, "float32")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (repeat(1, 2), "float32"),
        (repeat(0.1, 0.2), "float32"),
        (repeat(0.3, 0.1 + 0.2), "float32"),
        (pd.Series(RNG.permutation(N) + 2**31), "float64"),
        (repeat(2**24, 2**24 + 1), "float64"),
        (repeat(1e300, 1.0), "float64"),
        (pd.Series(1.7e9 + RNG.random(N)), "float64"),
        (pd.Series(RNG.random(N)), "float32"),
    ],
)
def test_storage_of_numbers(values, dtype):
    feature = infer_feature(values.rename("c"), None)
    assert feature.column == Column("c", ColumnKind.NUMERIC, dtype)
    assert [note.code for note in feature.notes] == [NoteCode.DOUBLE_PRECISION] * (dtype == "float64")


def test_merging_ignores_infinities():
    assert merged_by_float32(np.array([np.inf, -np.inf])) == 0


def test_many_categories_leave_a_note():
    values = pd.Series([f"v{i % 300}" for i in range(600)], name="c")
    assert infer_feature(values, None).notes[0].code is NoteCode.HIGH_CARDINALITY


def frame(**columns):
    return pd.DataFrame({"x": RNG.random(N), **columns, "y": TARGET})


def test_schema():
    schema = infer_schema(frame(k=["a", "b", "c", "d"] * 50, useless=1), "y")
    assert schema.features == (
        Column("x", ColumnKind.NUMERIC, "float32"),
        Column("k", ColumnKind.CATEGORICAL, "string"),
    )
    assert (schema.target, schema.task, schema.classes) == ("y", Task.BINARY, (0, 1))
    assert NoteCode.CONSTANT in {note.code for note in schema.notes}


def test_overrides():
    table = frame(code=[1, 2, 3, 4] * 50, row=range(N), w=1.0, g=["a", "b"] * 100, t=range(N), bad=1)
    overrides = SchemaOverrides(
        kinds={"code": ColumnKind.CATEGORICAL}, drop=("bad",), id=("row",), time="t", group="g", weight="w"
    )
    schema = infer_schema(table, "y", overrides)
    assert [(c.name, c.kind.value) for c in schema.features] == [
        ("x", "numeric"),
        ("code", "categorical"),
        ("t", "numeric"),
    ]
    assert (schema.time, schema.group, schema.weight) == ("t", "g", "w")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (SchemaOverrides(drop=("X1",)), r"drop: 'X1' is not a column.* Did you mean 'x'"),
        (SchemaOverrides(kinds={"z": ColumnKind.NUMERIC}), "column: 'z'"),
        (SchemaOverrides(time="nope"), "time: 'nope'"),
        (SchemaOverrides(kinds={"x": "number"}), "'number' for 'x' is not a kind. Did you mean 'numeric'"),
        (SchemaOverrides(drop=("y",)), "already the target"),
        (SchemaOverrides(kinds={"y": ColumnKind.NUMERIC}), "already the target"),
        (SchemaOverrides(group="x", weight="x"), "already the"),
        (SchemaOverrides(drop=("x",), kinds={"x": ColumnKind.NUMERIC}), "already the drop"),
    ],
)
def test_wrong_overrides(overrides, message):
    with pytest.raises(ConfigError, match=message):
        infer_schema(frame(), "y", overrides)


def test_override_that_the_values_contradict():
    with pytest.raises(SchemaError, match=r"'k': none of 200 values can be read as numeric"):
        infer_schema(frame(k=["a", "b"] * 100), "y", SchemaOverrides(kinds={"k": ColumnKind.NUMERIC}))


def test_no_feature_left():
    with pytest.raises(DataError, match=r"no column is left to predict 'y' from\..*'x': is 1 in all rows"):
        infer_schema(pd.DataFrame({"x": 1, "y": TARGET}), "y")


def test_absent_target():
    with pytest.raises(DataError, match=r"target 'Y ' is not a column of the table. Did you mean 'y'"):
        infer_schema(frame(), "Y ")


def test_features_are_judged_on_rows_with_a_target():
    y = pd.Series(TARGET).astype(object).where(np.arange(N) < 150, None)
    table = pd.DataFrame({"x": RNG.random(N), "k": ["a"] * 150 + ["b"] * 50, "y": y})
    schema = infer_schema(table, "y")
    assert {note.code for note in schema.notes} == {NoteCode.MISSING_TARGET, NoteCode.CONSTANT}


def test_extreme_numbers_leave_no_warning():
    x = np.where(RNG.random(N) > 0.5, np.inf, RNG.random(N))
    schema = infer_schema(pd.DataFrame({"x": x, "z": -x, "y": RNG.random(N) * 1e308}), "y")
    assert [column.dtype for column in schema.features] == ["float32", "float32"]


@pytest.mark.parametrize("kind", ["number", "text", "regression"])
def test_leaky_columns_are_noted_and_kept(kind):
    rng = np.random.default_rng(0)
    y = rng.random(400) if kind == "regression" else rng.integers(0, 2, 400)
    leak = np.array(["no", "yes"])[y] if kind == "text" else y * 3.5 + 1
    table = pd.DataFrame({"x": rng.random(400), "leak": leak, "y": y})
    schema = infer_schema(table, "y")
    assert [note.column for note in schema.notes if note.code is NoteCode.LEAKY] == ["leak"]
    assert len(schema.features) == 2


def test_dataset_of_text_columns_is_the_one_of_typed_columns(tmp_path):
    table = frame(k=["a", "b", None, "d"] * 50, when=pd.date_range("2024-01-01", periods=N))
    table.loc[3, "x"] = None
    table.to_csv(tmp_path / "t.csv", index=False)
    typed, text = load_dataset(table, "y"), load_dataset(tmp_path / "t.csv", "y")
    assert text.schema == typed.schema
    np.testing.assert_array_equal(text.y, typed.y)
    for left, right in zip(text.table.arrays, typed.table.arrays, strict=True):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


def test_thousands_of_columns_are_fast():
    wide = pd.DataFrame(RNG.random((60, 3_000)), columns=[f"c{i}" for i in range(3_000)])
    wide["y"] = np.arange(60) % 2
    start = time.perf_counter()
    assert len(load_dataset(wide, "y").table.columns) == 3_000
    assert time.perf_counter() - start < 10
