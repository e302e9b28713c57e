"""Raw input columns of a Program: what a caller hands over, before any op.

| kind        | dtype            | a missing value is        | array that engines receive                  |
|-------------|------------------|---------------------------|---------------------------------------------|
| numeric     | float32, float64 | NaN                       | float, shape (n,)                           |
| boolean     | float32          | NaN                       | 0.0 / 1.0, shape (n,)                       |
| categorical | string           | the empty string          | object array of `str`, shape (n,)           |
| datetime    | int64            | `MISSING_TIME` (int64 min)| seconds since 1970-01-01T00:00 UTC, (n,)    |
| text        | string           | the empty string          | object array of `str`, shape (n,)           |

A string column has no null beside the empty string: ONNX cannot hold one, so no engine does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MISSING_TIME: Final = -(2**63)


class ColumnKind(StrEnum):
    """What a column means."""

    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"
    DATETIME = "datetime"
    TEXT = "text"


ALLOWED_DTYPES: Final[dict[ColumnKind, tuple[str, ...]]] = {
    ColumnKind.NUMERIC: ("float32", "float64"),
    ColumnKind.BOOLEAN: ("float32",),
    ColumnKind.CATEGORICAL: ("string",),
    ColumnKind.DATETIME: ("int64",),
    ColumnKind.TEXT: ("string",),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One raw column.

    Attributes:
        name: Name as in the caller's table; any non-empty string.
        kind: What it means.
        dtype: Storage of its values, one of `ALLOWED_DTYPES[kind]`.
    """

    name: str
    kind: ColumnKind
    dtype: str
