from __future__ import annotations

import datetime
import json
import math
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime.errors import DataError, SchemaError
from lean_automl_runtime.measure.rows import as_table, from_lines, parsed, read_rows, rotation, thin, to_lines


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None),
        (math.nan, None),
        (np.float32("nan"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (np.datetime64("NaT"), None),
        ("", ""),
        ("é\n", "é\n"),
        (True, True),
        (np.bool_(False), False),
        (7, 7),
        (np.int64(7), 7),
        (1.5, 1.5),
        (math.inf, math.inf),
        (np.float32(0.1), 0.1),
        (np.float64(0.1), 0.1),
        (np.str_("a"), "a"),
        (Decimal("1.25"), 1.25),
        (datetime.date(2024, 3, 31), "2024-03-31"),
        (datetime.datetime(2024, 3, 31, 12, 5), "2024-03-31T12:05:00"),
        (pd.Timestamp("2024-03-31 12:05", tz="UTC"), "2024-03-31T12:05:00+00:00"),
        (np.datetime64("2024-03-31T12:05:00"), "2024-03-31T12:05:00"),
        (datetime.timedelta(minutes=1), 60.0),
        (np.timedelta64(90, "s"), 90.0),
    ],
)
def test_values_cross_as_data(value, read):
    (record,) = from_lines("\n".join(to_lines([{"a b": value}])))
    assert record == {"a b": read}
    assert type(record["a b"]) is type(read)


def test_what_is_not_data_is_refused_with_its_place():
    with pytest.raises(DataError, match="row 1, column 'x': list is not a value"):
        to_lines([{"x": 1}, {"x": [1]}])
    with pytest.raises(DataError, match=r"row 0: a record is a mapping .* not tuple"):
        to_lines([(1, 2)])  # type: ignore[list-item]


def test_only_as_many_lines_are_made_as_are_wanted_and_rows_keep_their_numbers():
    assert to_lines([{"x": n} for n in range(100)], most=4) == [f'{{"x": {n}}}' for n in (0, 25, 50, 75)]
    with pytest.raises(DataError, match="row 2, column 'x'"):
        to_lines([{"x": 0}, {"x": []}, {"x": []}, {"x": 3}], most=2)


def test_lines_that_are_not_records_are_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n\n{"a":', encoding="utf-8")
    with pytest.raises(DataError, match=r"rows\.jsonl, line 3: not JSON"):
        read_rows(path)
    with pytest.raises(DataError, match="line 1: a record is a JSON object, not list"):
        from_lines("[1]")
    with pytest.raises(DataError, match=r"absent\.jsonl"):
        read_rows(tmp_path / "absent.jsonl")


def test_a_text_may_hold_what_other_programs_take_for_the_end_of_a_line():
    assert from_lines('{"a": "one\u2028two\u0085"}\r\n{"a": "b"}\n') == [{"a": "one\u2028two\u0085"}, {"a": "b"}]


def test_thinning_keeps_the_spread():
    lines = [str(i) for i in range(100)]
    assert thin(lines, 4) == ["0", "25", "50", "75"]
    assert thin(lines, 100) == lines


def test_rotation_repeats_a_few_rows_and_shuffles_the_same_way_each_time():
    assert len(rotation(range(300))) == 1200
    assert rotation(range(2000)) == rotation(range(2000)) != list(range(2000))
    assert sorted(rotation(range(2000))) == list(range(2000))


def test_tables_hold_numbers_as_floats_and_the_rest_as_objects():
    table = as_table([{"n": 1, "s": "a", "b": True}, {"n": None, "s": None, "b": False}])
    assert table["n"].dtype == np.float64
    assert np.isnan(table["n"][1])
    assert table["s"].tolist() == ["a", None]
    assert table["b"].tolist() == [True, False]
    with pytest.raises(SchemaError, match="'s'"):
        as_table([{"n": 1, "s": "a"}, {"n": 1}])


def test_records_that_were_parsed_keep_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    records = parsed([{"x": n, "y": float("nan")} for n in range(3)], copies=2)
    assert records == 2 * [{"x": 0, "y": None}, {"x": 1, "y": None}, {"x": 2, "y": None}]
    assert all(one is not other for one, other in zip(records[:3], records[3:], strict=True))
    wanted = [json.dumps(record) for record in records]
    monkeypatch.setattr("lean_automl_runtime.measure.rows.json", None)
    assert to_lines(records) == wanted
    assert to_lines(records, most=2) == [wanted[0], wanted[3]]
    assert type(pickle.loads(pickle.dumps(records))) is list
