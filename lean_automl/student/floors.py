"""What an engine costs before any model, and with a small one: Programs that are timed and weighed before a search."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import PREDICTION, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure import MeasureOptions, measure
from lean_automl_runtime.measure.reference_programs import ROWS as REFERENCE_ROWS
from lean_automl_runtime.measure.reference_programs import make_program, make_records
from lean_automl_runtime.measure.reference_shapes import Shape
from lean_automl_runtime.measure.rows import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lean_automl_runtime.ir import Column

A_LOOK: Final = MeasureOptions(budget_s=0.02, min_samples=5, max_attempts=1, max_rows=16, tightness=0.0)
ROWS: Final = 16
SMALL_TREES: Final = 100
SMALL_DEPTH: Final = 5


def memory_mb(
    contents: Mapping[str, bytes], engines: Mapping[str, str], records: Sequence[dict[str, Any]]
) -> dict[str, float | None]:
    """Greatest resident memory of a fresh process that imports the runtime, loads a file and answers; by file name."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="lean_automl_floor_") as folder:
        for name, engine in engines.items():
            path = Path(folder, name)
            path.write_bytes(contents[name])
            found[name] = measure(path, records[:ROWS], replace(A_LOOK, engine=engine)).cold.memory_mb
    return found


def least_program(columns: tuple[Column, ...]) -> Program:
    """A Program that does as good as nothing with the column that is read most quickly."""
    column = min(columns, key=lambda one: (one.dtype == "string", one.kind is ColumnKind.DATETIME))
    builder = ProgramBuilder((column,))
    first = builder.column(column.name)
    if column.dtype == "string":
        table = np.zeros((o.CODE_FIRST, 1), dtype=np.float32)
        return builder.build({PREDICTION: builder.add(o.Lookup((builder.add(o.Encode((first,), ())),), table))})
    if column.kind is ColumnKind.DATETIME:
        return builder.build({PREDICTION: builder.add(o.DatePart((first,), o.DateField.DAYS))})
    if column.dtype == "float64":
        return builder.build({PREDICTION: builder.add(o.Rescale((first,), 0.0, 1.0))})
    return builder.build({PREDICTION: builder.add(o.Impute((first,), np.zeros(1, dtype=np.float32)))})


def small_model(
    columns: tuple[Column, ...], trees: int = SMALL_TREES, rows: int = REFERENCE_ROWS
) -> tuple[Program, list[dict[str, Any]]]:
    """A small model that reads as many columns of each kind, as students do, and records for it."""
    times = sum(column.kind is ColumnKind.DATETIME for column in columns)
    texts = sum(column.dtype == "string" for column in columns)
    numbers = len(columns) - times - texts
    shape = Shape("oblivious", trees, SMALL_DEPTH, numeric=numbers, categorical=texts, times=times)
    return make_program(shape), parsed(make_records(shape, rows=rows))
