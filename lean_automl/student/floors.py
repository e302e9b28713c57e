"""What an engine costs before any model: a Program that does as good as nothing, timed and weighed."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import PREDICTION, ColumnKind, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure import MeasureOptions, measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lean_automl_runtime.ir import Column

A_LOOK: Final = MeasureOptions(budget_s=0.02, min_samples=5, max_attempts=1, max_rows=16, tightness=0.0)
ROWS: Final = 16


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
    """A Program with these columns that does as good as nothing."""
    builder = ProgramBuilder(columns)
    first = builder.column(columns[0].name)
    if columns[0].dtype == "string":
        table = np.zeros((o.CODE_FIRST, 1), dtype=np.float32)
        return builder.build({PREDICTION: builder.add(o.Lookup((builder.add(o.Encode((first,), ())),), table))})
    if columns[0].kind is ColumnKind.DATETIME:
        return builder.build({PREDICTION: builder.add(o.DatePart((first,), o.DateField.DAYS))})
    if columns[0].dtype == "float64":
        return builder.build({PREDICTION: builder.add(o.Rescale((first,), 0.0, 1.0))})
    return builder.build({PREDICTION: builder.add(o.Impute((first,), np.zeros(1, dtype=np.float32)))})
