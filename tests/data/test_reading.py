"""Tables from files and from memory."""

import gzip
import os
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lean_automl.data import NoteCode, read_table, read_with_notes
from lean_automl.errors import DataError

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]})


@pytest.fixture
def write(tmp_path):
    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_from_memory():
    assert read_table(FRAME) is FRAME
    assert read_table({"a": [1, 2]})["a"].tolist() == [1, 2]
    assert read_table(pa.table({"a": [1, 2]}))["a"].tolist() == [1, 2]


def test_parquet_whatever_its_name(tmp_path):
    for name in ("t.parquet", "t.csv"):
        FRAME.to_parquet(tmp_path / name)
        pd.testing.assert_frame_equal(read_table(tmp_path / name), FRAME)
        pd.testing.assert_frame_equal(read_table(str(tmp_path / name)), FRAME)


def test_feather(tmp_path):
    FRAME.to_feather(tmp_path / "t.arrow")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.arrow"), FRAME)


def test_none_is_a_category_in_parquet_and_missing_in_csv(tmp_path, write):
    pd.DataFrame({"a": ["None", "x"]}).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["a"].tolist() == ["None", "x"]
    assert read_table(write("a,b\nNone,1\nx,2\n"))["a"].isna().tolist() == [True, False]


def test_json_lines(write):
    frame = read_table(write('{"a": 1, "b": "x"}\n\n{"a": 2.5}\n', "t.jsonl"))
    assert frame["a"].tolist() == [1, 2.5]
    assert frame["b"].isna().tolist() == [False, True]


def test_gzip(write):
    frame = read_table(write(gzip.compress(b"a,b\n1,2\n"), "t.csv.gz"))
    assert frame.loc[0].tolist() == ["1", "2"]


def test_other_column_names_become_text():
    assert list(read_table(pd.DataFrame(np.zeros((2, 2))))) == ["0", "1"]


def test_named_index_is_noted_and_row_order_kept():
    frame, notes = read_with_notes(pd.DataFrame({"a": [3, 4]}, index=pd.Index([7, 5], name="key")))
    assert frame.index.tolist() == [0, 1]
    assert notes[0].code is NoteCode.INDEX_IGNORED
    assert "'key'" in str(notes[0])


def test_arrow_backed_frames_become_plain():
    frame = read_table(pd.DataFrame({"a": pd.array([1, None], dtype=pd.ArrowDtype(pa.int64()))}))
    assert frame["a"].dtype == np.float64


def test_encodings(write):
    text = "naïve,b\nçé,1\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        frame, notes = read_with_notes(write(text.encode(encoding)))
        assert list(frame) == ["naïve", "b"]
        assert frame.iloc[0].tolist() == ["çé", "1"]
        assert not notes
    frame, notes = read_with_notes(write(text.encode("cp1252")))
    assert frame.iloc[0, 0] == "çé"
    assert notes[0].code is NoteCode.ENCODING
    assert "line 1" in notes[0].found
    _, notes = read_with_notes(write(b"a,b\n\x81,1\n"))
    assert "Latin-1" in notes[0].done


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n", "no rows"),
        ("a,a\n1,2\n", "two columns are named 'a'"),
        (",a\n0,2\n", r"column 1 has no name.*index=False"),
        ("a,b\n1,2\n3\n", r"line 3 has 1 field and the first line has 2"),
        ('a,b\n"x\ny",2\n1,2,3\n', r"line 4 has 3 fields and the first line has 2.*a comma"),
        ('a,b\n1,"open\n2,3\n', "line 2 opens a quote that is never closed"),
        (b"\x00\x01\x02" * 50, "bytes that text does not have"),
        (pickle.dumps({"a": list(range(100))}), "bytes that text does not have"),
        (b"PK\x03\x04 rest", "a ZIP archive or spreadsheet"),
        (b"PAR1 but not really", "damaged"),
        (b"ARROW1 but not really", "damaged"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], "gzip file is damaged"),
        (b"\xff\xfea\x00b", "utf-16"),
    ],
)
def test_bad_files(write, content, message):
    path = write(content)
    with pytest.raises(DataError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"), [('{"a": 1}\n{', "line 2 is not JSON"), ("[1]\n", "not a JSON object")]
)
def test_bad_json_lines(write, content, message):
    with pytest.raises(DataError, match=message):
        read_table(write(content, "t.jsonl"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "a int object is not a table"),
        ({"a": [1], "b": [1, 2]}, "not a table"),
        ({}, "no columns"),
        (pd.DataFrame({"a": []}), "no rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns are named 'a'"),
        (pd.DataFrame([[1, 2]], columns=["a", None]), "column 2 has no name"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "2 levels"),
        (pa.table([[1], [2]], names=["a", "a"]), "two columns are named 'a'"),
    ],
)
def test_bad_tables(source, message):
    with pytest.raises(DataError, match=message):
        read_table(source)


def test_bad_paths(tmp_path):
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_table("nul\0.csv")
    with pytest.raises(DataError, match="path of the table is empty"):
        read_table("")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file(write):
    path = write("a,b\n1,2\n")
    path.chmod(0)
    with pytest.raises(DataError, match="cannot be read"):
        read_table(path)
