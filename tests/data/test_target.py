"""Task, labels, and the arrays beside the features."""

import numpy as np
import pandas as pd
import pytest

from lean_automl.data import NoteCode, SchemaOverrides, Task, infer_schema, load_dataset, to_target
from lean_automl.data.target import plan_target
from lean_automl.errors import ConfigError, DataError, SchemaError

N = 240


def repeat(*values):
    return pd.Series([values[i % len(values)] for i in range(N)], name="y")


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (repeat(True, False), Task.BINARY, (False, True)),
        (repeat(True, False, None), Task.BINARY, (False, True)),
        (repeat("b", "a", None, ""), Task.BINARY, ("a", "b")),
        (repeat("c", "b", "a"), Task.MULTICLASS, ("a", "b", "c")),
        (repeat("true", "false"), Task.BINARY, ("false", "true")),
        (repeat(0, 1), Task.BINARY, (0, 1)),
        (repeat(0.0, 1.0, None), Task.BINARY, (0, 1)),
        (repeat("0", "1"), Task.BINARY, (0, 1)),
        (repeat("0", "1").astype("category"), Task.BINARY, ("0", "1")),
        (repeat("00", "01"), Task.BINARY, ("00", "01")),
        (repeat(5, 1, 3), Task.MULTICLASS, (1, 3, 5)),
        (repeat("1", "2", "10"), Task.MULTICLASS, (1, 2, 10)),
        (repeat(*range(30)).astype("category"), Task.MULTICLASS, tuple(range(30))),
        (repeat("1", "2", "3", "other"), Task.MULTICLASS, ("1", "2", "3", "other")),
        (repeat(*["1", "2"] * 20, "other"), Task.MULTICLASS, ("1", "2", "other")),
        (repeat(1, "a"), Task.BINARY, ("1", "a")),
        (repeat(*range(24)), Task.REGRESSION, ()),
        (repeat(*range(120)), Task.REGRESSION, ()),
        (repeat(0.5, 1.0), Task.REGRESSION, ()),
        (repeat("0.5", "1.5", "2"), Task.REGRESSION, ()),
    ],
)
def test_task_and_classes(values, task, classes):
    plan = plan_target(values, None)
    assert (plan.task, plan.classes) == (task, classes)
    assert [type(label) for label in plan.classes] == [type(label) for label in classes]


@pytest.mark.parametrize(
    ("values", "task", "expected"),
    [
        (repeat(0, 1), Task.REGRESSION, (Task.REGRESSION, ())),
        (repeat(True, False), Task.REGRESSION, (Task.REGRESSION, ())),
        (repeat(*range(40)), Task.MULTICLASS, (Task.MULTICLASS, tuple(range(40)))),
        (repeat(0.5, 1.0), Task.BINARY, (Task.BINARY, ("0.5", "1"))),
        (repeat("a", "b"), Task.MULTICLASS, (Task.BINARY, ("a", "b"))),
    ],
)
def test_task_by_the_caller(values, task, expected):
    plan = plan_target(values, task)
    assert (plan.task, plan.classes) == expected


@pytest.mark.parametrize(
    ("values", "task", "error", "message"),
    [
        (repeat(None), None, DataError, "no value in any of 240 rows"),
        (repeat("a", ""), None, DataError, "single class, 'a'"),
        (repeat(True, None), None, DataError, "single class, True"),
        (repeat(3), None, DataError, "same value"),
        (repeat(1.5), None, DataError, "same value"),
        (repeat(1.5, np.inf, 2.5), None, DataError, "infinite in 80 rows, first in row 1"),
        (pd.Series([f"u{i}" for i in range(N)], name="y"), None, DataError, r"240 distinct labels.*id or free text"),
        (pd.Series(["a"] * 238 + ["b"] * 2, name="y"), None, DataError, "1 class of 3 rows or more"),
        (repeat(pd.Timestamp("2024"), pd.Timestamp("2025")), None, DataError, "holds dates"),
        (repeat([1], [2]), None, DataError, "nested"),
        (repeat("a", "b", "c"), Task.BINARY, ConfigError, r"has 3: 'a', 'b', 'c'.*multiclass"),
        (repeat("a", "b"), Task.REGRESSION, ConfigError, "regression needs numbers"),
        (repeat(*(f"1,{i}" for i in range(100, 140))), None, DataError, "separators or units.*plainly"),
        (repeat("$1", "$2"), Task.REGRESSION, ConfigError, "separators or units.*plainly"),
        (pd.Series([1.5, 2.5] * 4, name="y"), None, DataError, "only 8 usable rows"),
    ],
)
def test_targets_that_cannot_be_learned(values, task, error, message):
    with pytest.raises(error, match=message):
        plan_target(values, task)


def table(y, **columns):
    return pd.DataFrame({"x": np.random.default_rng(0).random(len(y)), **columns, "y": y})


def test_percentages_can_be_labels():
    assert plan_target(repeat("5 %", "10 %"), None).classes == ("10 %", "5 %")
    wanted = repeat(*(f"1,{i}" for i in range(100, 140)))
    assert len(plan_target(wanted, Task.MULTICLASS).classes) == 40


def test_rows_of_weight_zero_are_left_out_with_a_note():
    data = table([0.5, 1.5, 2.5, 3.5] * 10, w=[1.0, 2.0, 0.0, 1.0] * 10, g=list("abcd") * 10)
    known = load_dataset(data, "y", SchemaOverrides(weight="w", group="g"))
    assert known.rows == 30
    assert set(known.y) == {0.5, 1.5, 3.5}
    assert known.weight.min() > 0
    assert len(np.unique(known.target.group)) == 3
    assert [str(n) for n in known.notes if n.code is NoteCode.ZERO_WEIGHT] == [
        "column 'w': is 0 in 10 rows; dropped these rows"
    ]


def test_classes_are_those_of_rows_that_count():
    y, w = ["a", "b", "c"] * 10, [1.0, 1.0, 0.0] * 10
    data = load_dataset(table(y, w=w), "y", SchemaOverrides(weight="w"))
    assert data.schema.classes == ("a", "b")
    with pytest.raises(DataError, match="single class"):
        load_dataset(table(["a", "b"] * 15, w=[1.0, 0.0] * 15), "y", SchemaOverrides(weight="w"))


def test_rare_classes_are_dropped_with_a_note():
    data = load_dataset(table(["a", "b"] * 20 + ["c", "c"]), "y")
    assert data.schema.classes == ("a", "b")
    assert data.rows == 40
    assert [str(n) for n in data.notes if n.code is NoteCode.RARE_CLASS] == [
        "column 'y': 1 label with fewer than 3 rows: 'c'; dropped 2 rows"
    ]
    assert NoteCode.UNKNOWN_LABEL not in {n.code for n in data.notes}


def test_rows_are_aligned():
    y = ["a", None, "b", "a"] * 10
    frame = table(y, w=range(1, 41), g=["p", "p", None, "q"] * 10, t=[3, 2, 1, None] * 10)
    data = load_dataset(frame, "y", SchemaOverrides(weight="w", group="g", time="t"))
    assert data.target.kept.tolist() == [i for i in range(40) if i % 4 in (0, 2)]
    assert data.y.dtype == np.int64
    assert data.y.tolist() == [0, 1] * 10
    assert data.weight.tolist() == [i + 1 for i in data.target.kept]
    assert data.target.time.tolist() == [3, 1] * 10
    groups = data.target.group
    assert len(set(groups[::2])) == 1
    assert len(set(groups[1::2])) == 10
    np.testing.assert_array_equal(data.table.array("x"), frame["x"].to_numpy(np.float32)[data.target.kept])
    codes = {note.code for note in data.notes}
    assert {NoteCode.MISSING_TARGET, NoteCode.MISSING_TIME, NoteCode.MISSING_GROUP} <= codes
    part = data.take(np.array([1, 0]))
    assert part.target.kept.tolist() == [2, 0]
    assert part.table.array("x").tolist() == data.table.array("x")[[1, 0]].tolist()


def test_new_rows_with_unknown_labels_are_left_out():
    schema = infer_schema(table(["a", "b"] * 10), "y")
    target = to_target(pd.DataFrame({"y": ["b", "z", None]}), schema)
    assert target.y.tolist() == [1]
    assert {note.code for note in target.notes} == {NoteCode.UNKNOWN_LABEL, NoteCode.MISSING_TARGET}
    with pytest.raises(DataError, match="no row has a usable value"):
        to_target(pd.DataFrame({"y": ["z"]}), schema)
    with pytest.raises(SchemaError, match="Did you mean 'Y'"):
        to_target(pd.DataFrame({"Y": ["a"]}), schema)


def test_labels_are_found_whatever_holds_them():
    schema = infer_schema(table([0, 1] * 10), "y")
    for values in ([1, 0], [1.0, 0.0], ["1", "0"], pd.Categorical([1, 0]), [True, False]):
        assert to_target(pd.DataFrame({"y": values}), schema).y.tolist() == [1, 0]


def test_regression_target():
    data = load_dataset(table([1.5, 2.5, None] * 10), "y")
    assert data.y.dtype == np.float64
    assert data.y.tolist() == [1.5, 2.5] * 10


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, None] * 10, "10 rows without"),
        ([1, -1] * 10, "-1 in row 1"),
        ([np.inf, 1] * 10, "inf"),
        ([0] * 20, "are 0"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(DataError, match=message):
        load_dataset(table(["a", "b"] * 10, w=weights), "y", SchemaOverrides(weight="w"))


def test_bad_time():
    with pytest.raises(DataError, match="neither times nor numbers"):
        load_dataset(table(["a", "b"] * 10, t=["u", "v"] * 10), "y", SchemaOverrides(time="t"))


def test_too_few_rows_after_dropping():
    frame = table([1.5, 2.5] * 6, t=[1, 2, 3, 4, 5, 6] + [None] * 6)
    with pytest.raises(DataError, match="only 6 usable rows"):
        load_dataset(frame, "y", SchemaOverrides(time="t"))
