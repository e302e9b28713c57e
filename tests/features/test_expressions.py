"""Features of users: what an expression means, that every engine and export says the same, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lean_automl_exporters.onnx import export_checked
from lean_automl_runtime.engines import available, make_engine
from lean_automl_runtime.ir import Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate

from lean_automl.data import Dataset, Table, load_dataset
from lean_automl.errors import ConfigError
from lean_automl.features import FeaturePlan, emit_number, express
from lean_automl.features.plan import LARGEST

ROWS = 200
ODD = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3.4e38, -3.4e38, 0.1, -7.0, 2.0**24, 0.5)
ALL = (
    "ratio = debt / (income + 1)",
    "`hours, odd` = `hours per week` // 7 - `odd``name` % 3",
    "ride = dropoff - pickup",
    "backwards = dropoff < pickup",
    "night = (pickup.hour >= 22) + (pickup.hour < 6)",
    "wide = stamp - other_stamp",
    "most = max(debt, income, 2.5) * -min(größe, 1)",
    "gain = capital.gain != 0",
    "again = abs(ratio) + floor(größe) - .5e1",
    "same = debt == income",
)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, ROWS), unit="s")
    frame = pd.DataFrame(
        {
            "debt": rng.integers(-3, 4, ROWS).astype(float),
            "income": rng.integers(-2, 5, ROWS).astype(float),
            "hours per week": rng.normal(0, 30, ROWS),
            "odd`name": rng.normal(0, 5, ROWS),
            "größe": rng.normal(0, 3, ROWS),
            "capital.gain": rng.integers(0, 2, ROWS),
            "pickup": start,
            "dropoff": start + pd.to_timedelta(rng.integers(-100, 10**5, ROWS), unit="s"),
            "stamp": 1.7e9 + rng.integers(0, 10**5, ROWS),
            "other_stamp": 1.7e9 + rng.integers(0, 10**5, ROWS),
            "town": rng.choice(["Oslo", "Rome"], ROWS),
            "fixed": 1.0,
            "answer": rng.choice(["yes", "no"], ROWS),
        }
    )
    frame.loc[:2, ["debt", "pickup", "stamp"]] = [np.nan, pd.NaT, np.nan]
    return load_dataset(frame, "answer")


def program_of(plan: FeaturePlan, table: Table) -> Program:
    builder = ProgramBuilder(table.columns)
    joined = builder.add(o.Concat(tuple(emit_number(feature, builder) for feature in plan.numeric)))
    return builder.build({"prediction": joined})


def hostile(table: Table, seed: int) -> list[Any]:
    """The table's rows, with odd numbers and missing times strewn in."""
    rng = np.random.default_rng(seed)
    arrays = []
    for column, values in zip(table.columns, table.arrays, strict=True):
        own = values.copy()
        at = rng.random(len(own)) < 0.3
        if column.dtype in ("float32", "float64"):
            own[at] = rng.choice(ODD, int(at.sum())).astype(column.dtype)
        elif column.dtype == "int64":
            own[at] = rng.choice([-(2**63), 0, -1, 2**40], int(at.sum()))
        arrays.append(own)
    return arrays


def one(text: str, dataset: Dataset) -> np.ndarray:
    return express((text,), dataset.schema, dataset.table).frame(dataset.table).numbers[:, 0]


def test_an_expression_means_what_it_says(dataset: Dataset) -> None:
    debt, income, size = (dataset.table.array(name) for name in ("debt", "income", "größe"))
    one_f = np.float32(1)
    with np.errstate(all="ignore"):
        expected = {
            "x = debt / (income + 1)": np.clip(debt / (income + one_f), -LARGEST, LARGEST),
            "x = 2 * debt - income / -4": np.float32(2) * debt - income / np.float32(-4),
            "x = 1 + 2 * 3 < größe": np.where(np.isnan(size), np.nan, size > 7),
            "x = -größe // 2": np.floor(-size / np.float32(2)),
            "x = größe % 2": size - np.float32(2) * np.floor(size / np.float32(2)),
            "x = max(abs(größe), 1, income)": np.maximum(np.maximum(np.abs(size), one_f), income),
            "x = debt >= income": np.where(np.isnan(debt), np.nan, debt >= income),
        }
    for text, values in expected.items():
        np.testing.assert_array_equal(one(text, dataset), values, err_msg=text)
    assert np.isnan(one("x = debt != income", dataset)[:3]).all()  # missing stays missing
    assert np.nanmax(np.abs(one("x = debt / income", dataset))) == LARGEST
    assert np.isnan(one("x = debt / income", dataset)[(debt == 0) & (income == 0)]).all()


def test_times_between_dates_and_between_large_numbers_are_exact(dataset: Dataset) -> None:
    table = dataset.table
    seconds = (table.array("dropoff") - table.array("pickup"))[3:]
    np.testing.assert_array_equal(one("x = dropoff - pickup", dataset)[3:], seconds)
    np.testing.assert_array_equal(one("x = pickup == dropoff", dataset)[3:], seconds == 0)
    assert np.isnan(one("x = dropoff - pickup", dataset)[:3]).all()
    wide = (table.array("stamp") - table.array("other_stamp"))[3:]
    np.testing.assert_array_equal(one("x = stamp - other_stamp", dataset)[3:], wide)


def test_every_engine_computes_what_learners_read(dataset: Dataset) -> None:
    plan = express(ALL, dataset.schema, dataset.table)
    assert list(plan.written) == [text.partition(" =")[0].strip("`").replace("``", "`") for text in ALL]
    program = program_of(plan, dataset.table)
    for seed in range(3):
        rows = hostile(dataset.table, seed)
        expected = evaluate(program, rows)["prediction"]
        read = plan.frame(Table(dataset.table.columns, tuple(rows))).numbers
        np.testing.assert_array_equal(np.clip(expected, -LARGEST, LARGEST), read)
        for engine in filter(available, ("native", "numba")):
            np.testing.assert_array_equal(make_engine(program, engine).run(rows)["prediction"], expected)
    _, parity = export_checked(program, [rows])
    assert parity.largest_difference == parity.largest_bound == 0.0


REFUSED = {
    "x = deb / 2": "character 5: 'deb' is not a column that the model reads. Did you mean 'debt'?",
    "x = answer": "is the target",
    "x = fixed + 1": "column 'fixed' is left out: is 1.0 in all rows",
    "x = town * 2": "'town' is categorical",
    "x = pickup + 1": "'pickup' is a date",
    "x = pickup": "'pickup' is a date",
    "x = pickup.century": "'century' is not a part of a date",
    "x = debt.hour": "'debt' is numeric, so it has no part 'hour'",
    "x = debt.__class__": "so it has no part '__class__'",
    "x = log1p(debt)": "log1p is not supported: its last bits differ",
    "x = debt ** 2": "Write x * x",
    "x = eval(debt)": "'eval' is not a function",
    "__import__('os')": "text in quotes",
    "x = 'debt'": "text in quotes",
    "x = min(debt)": "two arguments or more, got 1",
    "x = abs(debt, 1)": "one argument, got 2",
    "x = 1 + 2": "reads no column",
    "x = 1 / 0 * debt": "character 7: this divides a number by zero",
    "x = debt * 1e39": "out of the range of float32",
    "x = debt / 1e-60": "out of the range of float32",
    "x = 1 < debt < 2": "comparisons cannot be chained",
    "x = debt = 2": "To compare, write ==",
    "x = debt + (": "ends too early",
    "x = (debt": "')' is missing",
    "x = debt income": "'income' is not expected here",
    "x = 2x": "'2' is not expected here",
    "x = debt @ 2": "'@' is not expected here",
    "debt / 2": "not NAME = EXPRESSION",
    "": "not NAME = EXPRESSION",
    "x == debt": "not NAME = EXPRESSION",
    "debt = income": "'debt' is a column of the table",
    "x = " + "(" * 150 + "debt" + ")" * 150: "at most 200 are allowed",
    "x = debt" + " % 3" * 40: "more than 1,000 steps",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_a_feature_is_refused_with_its_place(text: str, dataset: Dataset) -> None:
    with pytest.raises(ConfigError) as raised:
        express((text,), dataset.schema, dataset.table)
    message = str(raised.value)
    assert message.startswith("--feature: ")
    assert REFUSED[text] in message


def test_names_are_defined_once_and_before_they_are_used(dataset: Dataset) -> None:
    for texts, words in (
        (("x = debt", "x = income"), "defined twice"),
        (("x = y", "y = debt"), "'y' is not a column"),
    ):
        with pytest.raises(ConfigError, match=words):
            express(texts, dataset.schema, dataset.table)


def test_features_that_double_each_other_are_bounded(dataset: Dataset) -> None:
    texts = ("x0 = debt + 1", *(f"x{n} = x{n - 1} * x{n - 1}" for n in range(1, 40)))
    with pytest.raises(ConfigError, match="more than 1,000 steps"):
        express(texts, dataset.schema, dataset.table)
