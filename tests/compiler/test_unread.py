"""Raw columns that nothing reads are not asked for."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.compare import assert_same
from conformance.programs import hostile_inputs, random_program
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import evaluate

from lean_automl.compiler.unread import read_by, without_unread
from lean_automl.data import Table
from lean_automl.errors import SchemaError

COLUMNS = tuple(Column(name, ColumnKind.NUMERIC, "float32") for name in "abcd")


def filled(*names: str) -> Program:
    """A Program with all columns that reads some."""
    builder = ProgramBuilder(COLUMNS)
    numbers = builder.add(o.Concat(tuple(builder.column(name) for name in names)))
    return builder.build({PREDICTION: builder.add(o.Impute((numbers,), np.arange(len(names), dtype=np.float32)))})


@pytest.mark.parametrize("seed", range(40))
def test_the_rest_predicts_the_same(seed: int) -> None:
    program = random_program(seed)
    inputs = hostile_inputs(program, np.random.default_rng(seed))
    smaller = without_unread(program)
    kept = read_by(smaller, Table(program.columns, tuple(inputs))).arrays
    assert_same(evaluate(program, inputs), evaluate(smaller, kept))
    read = {number for op in smaller.ops for number in op.inputs}
    assert read >= set(range(len(smaller.columns)))


def test_order_and_arrays_are_those_of_what_is_read() -> None:
    program = without_unread(filled("d", "b"))
    assert [column.name for column in program.columns] == ["b", "d"]
    table = Table(COLUMNS, tuple(np.full(2, number, np.float32) for number in range(4)))
    assert evaluate(program, read_by(program, table).arrays)[PREDICTION].tolist() == [[3.0, 1.0]] * 2


def test_what_reads_all_is_the_same_object() -> None:
    program = filled("a", "b", "c", "d")
    assert without_unread(program) is program


def test_a_table_without_a_column() -> None:
    with pytest.raises(SchemaError, match="'a'"):
        read_by(filled("a"), Table(COLUMNS[1:], (np.zeros(1, np.float32),) * 3))
