"""Rows of a table as raw records: what a caller of the shipped model would pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lean_automl_runtime.ir.columns import MISSING_TIME

from lean_automl.data.table import Table


def to_records(table: Table) -> list[dict[str, Any]]:
    """One mapping a row; None is missing, times are whole seconds since 1970."""
    names, columns = table.names, [_values(array) for array in table.arrays]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(array: npt.NDArray[Any]) -> list[Any]:
    if array.dtype == object:
        return [text or None for text in array.tolist()]
    if array.dtype == np.int64:
        return [None if second == MISSING_TIME else second for second in array.tolist()]
    return [None if value != value else value for value in array.tolist()]  # noqa: PLR0124 - NaN
