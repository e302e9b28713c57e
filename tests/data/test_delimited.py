"""Dialects, markers and decimal commas of delimited text."""

import csv
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lean_automl.data.delimited import MISSING_MARKERS, read_delimited, sniff


def read(text, **options):
    return read_delimited(text, "t.csv", **options)[0]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\nx,y\tz\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a,b,c\n1;2;3,x,y\n", ","),
        ('a,b\n"1;2",3\n', ","),
        ("name;note\nx;hello, you\ny;well, no, yes\n", ";"),
        ("only\n1\n", ","),
    ],
)
def test_delimiters(text, delimiter):
    assert sniff(text).delimiter == delimiter


def test_text_stays_text():
    assert read("zip,name\n007,x\n1e3,TRUE\n")["zip"].tolist() == ["007", "1e3"]


@pytest.mark.parametrize("marker", MISSING_MARKERS)
def test_markers_are_missing_unless_quoted(marker):
    frame = read(f'a,b\n{marker},1\n"{marker}",2\n')
    assert frame["a"].isna().tolist() == [True, False]
    assert frame["a"][1] == marker


def test_quotes_line_ends_and_blank_lines():
    frame = read('\r\na,"b ""c"""\r\n"x\r\ny",2\r\n\r\n"1,2",3\r\n')
    assert list(frame) == ["a", 'b "c"']
    assert frame["a"].tolist() == ["x\r\ny", "1,2"]


def test_white_space_after_delimiters():
    frame = read('a, b, c\n1, ?, "x, y"\n2, z, w\n')
    assert list(frame) == ["a", "b", "c"]
    assert frame["b"].isna().tolist() == [True, False]
    assert frame["c"].tolist() == ["x, y", "w"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a;b\n1,5;x\n2;y\n", ["1.5", "2"]),
        ("a;b\n-0,125;x\n1,234;y\n", ["-0.125", "1.234"]),
        ("a;b\n1,234;x\n5,678;y\n", ["1,234", "5,678"]),  # thousands or decimals: nobody can tell
        ("a;b\n1,5;2.5\n2;3\n", ["1,5", "2"]),  # points are the decimals of this file
        ("a;b\n1,5;x\nn.a.;y\n", ["1,5", "n.a."]),
    ],
)
def test_decimal_commas(text, values):
    assert read(text)["a"].tolist() == values


def test_decimal_comma_is_noted():
    _, notes = read_delimited("a;b\n1,5;x\n", "t.csv")
    assert "1 column of numbers with a decimal comma" in str(notes[0])


def test_thousands_of_columns_are_fast():
    names = ",".join(f"column_{i}" for i in range(5_000))
    row = ",".join(["123456.789"] * 5_000)
    start = time.perf_counter()
    frame = read("\n".join([names, *[row] * 40]))
    assert frame.shape == (40, 5_000)
    assert time.perf_counter() - start < 5


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=5).filter(
    lambda cell: cell not in MISSING_MARKERS and not cell.startswith(" ")
)


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=5)))
def test_quoted_files_are_read_back(rows):
    header = [f"column {i}" for i in range(len(rows[0]))]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    assert read(out.getvalue()).to_numpy().tolist() == rows
