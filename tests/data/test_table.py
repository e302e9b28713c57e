"""The typed table."""

import pickle

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime.ir.columns import MISSING_TIME, Column, ColumnKind

from lean_automl.data import NoteCode, to_table
from lean_automl.errors import SchemaError

COLUMNS = (
    Column("n", ColumnKind.NUMERIC, "float32"),
    Column("d", ColumnKind.NUMERIC, "float64"),
    Column("b", ColumnKind.BOOLEAN, "float32"),
    Column("c", ColumnKind.CATEGORICAL, "string"),
    Column("t", ColumnKind.DATETIME, "int64"),
    Column("s", ColumnKind.TEXT, "string"),
)
FRAME = pd.DataFrame(
    {
        "s": ["some words", None],
        "t": pd.to_datetime(["1970-01-02", None]),
        "c": ["é", None],
        "b": [True, None],
        "d": [1e300, None],
        "n": [1e300, None],
        "other": 1,
    }
)


def test_types_and_missing_markers():
    table = to_table(FRAME, COLUMNS)
    assert table.names == ("n", "d", "b", "c", "t", "s")
    assert table.rows == 2
    assert [array.dtype for array in table.arrays] == [np.float32, np.float64, np.float32, object, np.int64, object]
    assert [array[0] for array in table.arrays] == [np.inf, 1e300, 1.0, "é", 86_400, "some words"]
    assert np.isnan([array[1] for array in table.arrays[:3]]).all()
    assert [array[1] for array in table.arrays[3:]] == ["", MISSING_TIME, ""]


def test_take_and_select():
    table = to_table(FRAME, COLUMNS).select(("c", "n")).take(np.array([1, 0, 0]))
    assert table.names == ("c", "n")
    assert table.arrays[0].tolist() == ["", "é", "é"]
    assert table.take(np.array([True, False, False])).rows == 1
    with pytest.raises(SchemaError, match=r"'C' is not in the table\. Did you mean 'c'"):
        table.select(("C",))


def test_unreadable_values_become_missing_and_are_noted():
    table = to_table(pd.DataFrame({"n": ["1", "x", "y"]}), COLUMNS[:1])
    assert table.arrays[0][0] == 1
    assert np.isnan(table.arrays[0][1:]).all()
    (note,) = table.notes
    assert note.code is NoteCode.UNREADABLE_VALUES
    assert "2 values of 3 cannot be read as numeric, the first is 'x' in row 1" in str(note)


def test_rows_in_messages_survive_filtering():
    frame = pd.DataFrame({"n": ["1", "2", "x"]}).iloc[[1, 2]]
    assert "row 2" in str(to_table(frame, COLUMNS[:1]).notes[0])


def test_absent_and_doubled_columns():
    with pytest.raises(SchemaError, match=r"column 'n' is not in the rows\. Did you mean 'N '"):
        to_table(pd.DataFrame({"N ": [1]}), COLUMNS[:1])
    with pytest.raises(SchemaError, match="same name"):
        to_table(pd.DataFrame([[1, 2]], columns=["n", "n"]), COLUMNS[:1])


def test_wrong_kind():
    with pytest.raises(SchemaError, match="expected numeric"):
        to_table(pd.DataFrame({"n": pd.to_datetime(["2024-01-01"])}), COLUMNS[:1])


def test_a_pickle_keeps_all_in_one_matrix_for_each_dtype():
    table = to_table(FRAME, COLUMNS)
    again = pickle.loads(pickle.dumps(table))
    assert again.columns == table.columns
    assert again.notes == table.notes
    for before, after in zip(table.arrays, again.arrays, strict=True):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)
    assert again.array("n").base is again.array("b").base, "a process that maps them opens one file"
