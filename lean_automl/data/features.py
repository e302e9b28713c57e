"""Which columns become features, with which kind and storage.

A column is left out, with a note, if it has no values, if it is constant, or if it looks like an id: whole numbers
that are all distinct and that are named like an id or count up, with few gaps; text that is not prose and is distinct
in 99 % of its values. Ids are only looked for in columns of `MIN_ID_VALUES` values or more. An id that repeats stays,
with a note: rows of one customer in training and hold-out make scores look better than they are.

Numbers are stored as float32, unless that would merge distinct values: any, for whole numbers; more than
`MAX_MERGED_SHARE` of them, for fractions, where a few neighbours in the eighth digit always meet. Values that differ by
no more than `ROUNDING_NOISE`, relative to the largest, count as one (0.1 + 0.2 and 0.3). Infinities are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from lean_automl_runtime.ir.columns import ALLOWED_DTYPES, Column, ColumnKind

from lean_automl.data.convert import convert, count_present, missing_mask
from lean_automl.data.kinds import guess_kind
from lean_automl.data.notes import Note, NoteCode, shown

if TYPE_CHECKING:
    Series: TypeAlias = pd.Series[Any]

MIN_ID_VALUES: Final = 50
MIN_ID_DISTINCT_SHARE: Final = 0.99
MAX_MERGED_SHARE: Final = 0.01
ROUNDING_NOISE: Final = 1e-12
MANY_CATEGORIES: Final = 255
MOST_GAPS: Final = 1.2  # times the rows, which numbers of rows span after some rows were left out
MIN_REPEATED_IDS: Final = 20
MIN_ROWS_OF_ID: Final = 2.0
_ID_NAME: Final = re.compile(r"(?:.*[\W_])?(?:id|ids|uuid|guid|key|index|idx|rowid|rownum|unnamed: \d+)", re.IGNORECASE)
_NAME_OF_ENTITY: Final = re.compile(r"(?:.*[\W_])?(?:id|ids|uuid|guid)", re.IGNORECASE)
_CAMEL_ID_NAME: Final = re.compile(r".*[a-z](?:Id|ID)")


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature as inferred; `column` is None if the column is left out."""

    column: Column | None
    notes: tuple[Note, ...]


def infer_feature(series: Series, kind: ColumnKind | None, *, keep_ids: bool = False) -> Feature:
    """Find kind and storage of one column.

    Args:
        series: The column, in the rows that have a target.
        kind: Its kind, if the caller has said.
        keep_ids: Do not leave it out for looking like an id.

    Raises:
        SchemaError: It cannot be read as the `kind` that the caller has said.
    """
    name = str(series.name)
    if not count_present(series):
        return _left_out(NoteCode.ALL_MISSING, name, "has no values")
    notes: tuple[Note, ...] = ()
    keep_ids = keep_ids or kind is not None
    if kind is None:
        guess = guess_kind(series)
        kind, notes = guess.kind, guess.notes
    if kind is None:
        return Feature(None, notes or _left_out(NoteCode.NESTED, name, f"holds {series.dtype} values").notes)
    values = convert(series, kind).array
    missing = missing_mask(values, kind)
    if missing.all():
        return _left_out(NoteCode.ALL_MISSING, name, f"has no values that can be read as {kind.value}")
    if not missing.any() and (values == values[0]).all():
        return _left_out(NoteCode.CONSTANT, name, f"is {shown(series.iloc[0])} in all rows")
    if kind is ColumnKind.NUMERIC:
        return _infer_number(name, values[~missing], notes, keep_ids)
    if kind is ColumnKind.CATEGORICAL:
        return _infer_category(name, values[~missing], notes, keep_ids)
    return Feature(Column(name, kind, ALLOWED_DTYPES[kind][0]), notes)


def _infer_number(name: str, values: npt.NDArray[np.float64], notes: tuple[Note, ...], keep_ids: bool) -> Feature:
    if not keep_ids and _is_id(name, values):
        return _left_out(NoteCode.ID_LIKE, name, f"holds {len(values):,} distinct whole numbers, like an id")
    dtype = "float32"
    merged = merged_by_float32(values)
    if merged:
        dtype = "float64"
        found = f"float32 would merge {merged:,} of its distinct values"
        notes = (*notes, Note(NoteCode.DOUBLE_PRECISION, name, found, "stored as float64"))
    notes = (*notes, *_repeats(name, values))
    return Feature(Column(name, ColumnKind.NUMERIC, dtype), notes)


def _infer_category(name: str, values: npt.NDArray[Any], notes: tuple[Note, ...], keep_ids: bool) -> Feature:
    distinct = len(pd.unique(values))
    if not keep_ids and len(values) >= MIN_ID_VALUES and distinct >= MIN_ID_DISTINCT_SHARE * len(values):
        found = f"is distinct in {distinct:,} of {len(values):,} values, like an id"
        return Feature(None, (*notes, *_left_out(NoteCode.ID_LIKE, name, found).notes))
    if distinct > MANY_CATEGORIES:
        found = f"has {distinct:,} distinct values"
        done = "kept; values that are rare or new at prediction time share what the model knows of them"
        notes = (*notes, Note(NoteCode.HIGH_CARDINALITY, name, found, done))
    notes = (*notes, *_repeats(name, values))
    return Feature(Column(name, ColumnKind.CATEGORICAL, "string"), notes)


def _is_id(name: str, values: npt.NDArray[np.float64]) -> bool:
    if len(values) < MIN_ID_VALUES or not np.isfinite(values).all():
        return False
    if not _are_whole(values):
        return False
    if (np.diff(values) > 0).all() and np.ptp(values) < MOST_GAPS * len(values):
        return True
    is_named = _ID_NAME.fullmatch(name) or _CAMEL_ID_NAME.fullmatch(name)
    return bool(is_named and len(np.unique(values)) == len(values))


def _repeats(name: str, values: npt.NDArray[Any]) -> tuple[Note, ...]:
    """A note if the column says which of many customers, machines or the like a row is of."""
    if len(values) < MIN_ID_VALUES or not (_NAME_OF_ENTITY.fullmatch(name) or _CAMEL_ID_NAME.fullmatch(name)):
        return ()
    if values.dtype.kind == "f" and not _are_whole(values):
        return ()
    distinct = len(pd.unique(values))
    if distinct < MIN_REPEATED_IDS or len(values) < MIN_ROWS_OF_ID * distinct:
        return ()
    found = f"named like an id, with about {len(values) / distinct:.2g} rows of each value"
    return (Note(NoteCode.REPEATED_ID, name, found, f"kept; if new rows will have new values, give --group {name}"),)


def _are_whole(values: npt.NDArray[np.float64]) -> bool:
    return bool((values == np.floor(values)).all())


def merged_by_float32(values: npt.NDArray[np.float64]) -> int:
    """Count the distinct values that float32 would merge; 0 if that does no harm (see the head of this file)."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0
    whole = _are_whole(finite)
    if whole and np.abs(finite).max() <= 2**24:
        return 0
    distinct = np.unique(finite)
    with np.errstate(over="ignore", under="ignore"):
        single = distinct.astype(np.float32)
        apart = whole | (np.diff(distinct) > ROUNDING_NOISE * np.abs(finite).max())
    merged = int(((single[1:] == single[:-1]) & apart).sum())
    if np.isinf(single).any():
        return max(merged, 1)
    return merged if whole or merged > MAX_MERGED_SHARE * len(distinct) else 0


def _left_out(code: NoteCode, name: str, found: str) -> Feature:
    done = "dropped" if code is not NoteCode.ID_LIKE else "dropped; declare its kind to keep it"
    return Feature(None, (Note(code, name, found, done),))
