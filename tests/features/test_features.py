import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime.ir import Column, ColumnKind, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate
from tables import mixed_frame_for

from lean_automl.data import SchemaOverrides, Table, load_dataset
from lean_automl.features import (
    FeaturePlan,
    cross,
    describe,
    difference,
    emit_code,
    emit_number,
    fit_centred,
    fit_features,
    fit_frequency,
    product,
    ratio,
)
from lean_automl.features.plan import LARGEST, Binned, Category, Number, Shifted


def computed(plan: FeaturePlan, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """What the ops of a plan compute for a table: numbers and codes."""
    builder = ProgramBuilder(table.columns)
    numbers = [emit_number(feature, builder) for feature in plan.numeric]
    joined = builder.add(o.Concat(tuple(numbers)))
    columns = [evaluate(builder.build({"prediction": joined}), table.arrays)["prediction"]]
    codes = []
    for feature in plan.categorical:
        code = ProgramBuilder(table.columns)
        table_of = np.arange(feature.levels, dtype=np.float32)[:, None]
        looked = code.add(o.Lookup((emit_code(feature, code),), table_of))
        codes.append(evaluate(code.build({"prediction": looked}), table.arrays)["prediction"][:, 0])
    return columns[0], np.column_stack(codes).astype(np.int32)


def rich_plan(table: Table) -> FeaturePlan:
    plan = fit_features(table)
    age, income = plan.numeric[0], plan.numeric[1]
    city = plan.categorical[0]
    assert isinstance(city, Category)
    return plan + FeaturePlan(
        (
            difference(age, income),
            product(age, income),
            ratio(age, income),
            fit_centred(income, city, table),
            fit_frequency(city, table),
        ),
        (
            cross(city, city),
            Binned(age, (20.0, 40.5)),
            cross(cross(Binned(difference(income, age), (0.0, 1e3, 1e4)), city), Binned(age, (33.0,))),
        ),
    )


def test_what_learners_read_is_what_the_program_computes() -> None:
    frame, target = mixed_frame_for("binary")
    table = load_dataset(frame, target).table
    plan = rich_plan(table)
    strange = frame.copy()
    strange.loc[:3, "city"] = ["Atlantis", "", None, "Oslo "]
    strange.loc[:3, "age"] = [np.inf, -np.inf, np.nan, -0.0]
    strange.loc[:3, "income"] = [0.0, np.inf, 1e38, np.nan]
    strange.loc[0, "since"] = pd.NaT
    strange_table = load_dataset(strange, target).table
    for rows in (table, Table(table.columns, strange_table.arrays)):
        numbers, codes = computed(plan, rows)
        seen = plan.frame(rows)
        np.testing.assert_array_equal(np.clip(numbers, -LARGEST, LARGEST), seen.numbers)
        np.testing.assert_array_equal(codes, seen.codes)


def test_each_kind_of_column_gives_its_features() -> None:
    frame, target = mixed_frame_for("regression")
    plan = fit_features(load_dataset(frame, target).table)
    names = [getattr(feature, "column", None) for feature in plan.numeric]
    assert names.count("age") == names.count("income") == names.count("member") == 1
    assert names.count("since") >= 5
    assert [feature.column for feature in plan.categorical if isinstance(feature, Category)] == ["city"]


def test_categories_are_ordered_by_frequency_and_rare_ones_are_unseen() -> None:
    column = Column("c", ColumnKind.CATEGORICAL, "string")
    table = Table((column,), (np.array(["b", "a", "a", "b", "a", "once", ""], dtype=object),))
    plan = fit_features(table)
    assert plan.categorical == (Category("c", ("a", "b")),)
    assert plan.frame(table).codes[:, 0].tolist() == [3, 2, 2, 3, 2, o.CODE_UNSEEN, o.CODE_MISSING]


def test_a_column_that_float32_would_merge_is_moved() -> None:
    stamps = 1.7e9 + np.arange(200, dtype=np.float64) * 1.5
    frame = pd.DataFrame({"stamp": stamps, "x": np.arange(200) % 7, "y": np.arange(200) % 2})
    table = load_dataset(frame, "y", SchemaOverrides(kinds={"stamp": ColumnKind.NUMERIC})).table
    plan = fit_features(table)
    moved = next(feature for feature in plan.numeric if isinstance(feature, Shifted))
    values = plan.frame(table).numbers[:, plan.numeric.index(moved)]
    assert np.unique(values).size == 200


def test_a_column_of_a_wide_range_is_finest_where_most_rows_are() -> None:
    small = np.arange(200, dtype=np.float64)
    for rare in (4e9 + np.arange(10), np.full(10, 1e300)):
        values = np.concatenate([small, rare])
        frame = pd.DataFrame({"bytes": values, "x": np.arange(210) % 7, "y": np.arange(210) % 2})
        table = load_dataset(frame, "y", SchemaOverrides(kinds={"bytes": ColumnKind.NUMERIC})).table
        plan = fit_features(table)
        numbers = plan.frame(table).numbers[:, [f.column for f in plan.numeric].index("bytes")]
        assert np.unique(numbers[:200]).size == 200
        assert numbers[:200].max() < numbers[200:].min()


@pytest.mark.parametrize("values", [[np.nan] * 5, [1.0] * 5])
def test_columns_without_information_do_not_fail(values: list[float]) -> None:
    table = Table((Column("x", ColumnKind.NUMERIC, "float32"),), (np.array(values, dtype=np.float32),))
    plan = fit_features(table)
    assert plan.numeric == (Number("x"),)
    assert plan.frame(table).numbers.shape == (5, 1)


def test_features_are_described_in_words() -> None:
    frame, target = mixed_frame_for("binary")
    plan = rich_plan(load_dataset(frame, target).table)
    said = [describe(feature) for feature in (*plan.numeric, *plan.categorical)]
    assert said[0] == "age"
    assert "(age - income)" in said
    assert "(income - its mean by city)" in said
    assert "year of since" in said
    assert said[-1] == "(income - age) in 4 ranges x city x age in 2 ranges"
