"""How many rows a search works on, and measuring rotates through."""

from __future__ import annotations

import numpy as np
import pytest
from lean_automl_runtime.ir.columns import Column, ColumnKind

from lean_automl.automl.publish import measured_records
from lean_automl.automl.thin import FEWEST_ROWS, audition_rows, search_rows
from lean_automl.data import Table


def test_a_search_has_the_rows_that_its_time_allows() -> None:
    assert search_rows(60.0, 1e-7, 20) == 150_000
    assert search_rows(60.0, 1.0, 20) == FEWEST_ROWS


@pytest.mark.parametrize("columns", [20, 5_000])
def test_without_a_short_fit_a_search_has_as_many_rows_as_one_or_fewer_in_a_short_run(columns: int) -> None:
    assert search_rows(120.0, None, columns) == search_rows(600.0, None, columns) == audition_rows(columns)
    assert search_rows(30.0, None, columns) == max(FEWEST_ROWS, audition_rows(columns) // 4)


@pytest.mark.parametrize(("columns", "rows"), [(10, 4_096), (500, 2_000), (5_000, 256)])
def test_records_of_wide_tables_are_few(columns: int, rows: int) -> None:
    names = tuple(Column(f"x{j}", ColumnKind.NUMERIC, "float32") for j in range(columns))
    table = Table(names, tuple(np.arange(5_000, dtype=np.float32) for _ in names))
    records = measured_records(table)
    assert len(records) == rows
    assert records[-1]["x0"] > 4_900, "they are from all over the table"
    assert len(records[0]) == columns
