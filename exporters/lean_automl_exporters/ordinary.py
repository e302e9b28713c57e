"""Rows as a model may see them every day, for measuring where no table is at hand: spread over all of its edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.ir import MISSING_TIME, ColumnKind, Program
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.hostile import before, compared_with

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Column

Array = np.ndarray[Any, np.dtype[Any]]

MISSING_SHARE: Final = 0.02
UNSEEN_SHARE: Final = 0.02
WORDS: Final = 24  # of a text
FIRST_TIME: Final = 946_684_800  # 2000-01-01
LAST_TIME: Final = 1_893_456_000  # 2030-01-01


def ordinary_rows(program: Program, rng: np.random.Generator, rows: int) -> list[Array]:
    """One typed array for each column: values between the edges that the Program compares with, known categories.

    Where a model branches on data, such rows take all branches alike; real rows may prefer the quick ones.

    Args:
        program: Whose edges and categories to take.
        rng: Decides the values.
        rows: How many.
    """
    return [_column(program, number, rng, rows) for number in range(len(program.columns))]


def _column(program: Program, number: int, rng: np.random.Generator, rows: int) -> Array:
    column = program.columns[number]
    missing = rng.random(rows) < MISSING_SHARE
    if column.dtype == "string":
        return np.where(missing, "", _texts(program, number, rng, rows)).astype(object)
    if column.dtype == "int64":
        return np.where(missing, MISSING_TIME, rng.integers(FIRST_TIME, LAST_TIME, rows))
    values = _numbers(program, column, number, rng.random((2, rows)))
    values[missing] = np.nan
    with np.errstate(over="ignore"):
        return values.astype(column.dtype)


def _texts(program: Program, number: int, rng: np.random.Generator, rows: int) -> Array:
    known = [t for op in program.ops if isinstance(op, o.Encode) and op.inputs == (number,) for t in op.categories]
    tokens = [t for op in program.ops if isinstance(op, o.TokenScore) and op.inputs == (number,) for t in op.tokens]
    if tokens:
        return _sentences(tokens, rng, rows)
    pool = np.array([*dict.fromkeys(known), "never seen"], dtype=object)
    unseen = rng.random(rows) < UNSEEN_SHARE
    texts: Array = np.where(unseen, "never seen", pool[rng.integers(0, max(1, pool.size - 1), rows)])
    return texts


def _sentences(tokens: list[str], rng: np.random.Generator, rows: int) -> Array:
    """Texts of about `WORDS` words, of which some are tokens."""
    drawn = rng.integers(0, 2 * len(tokens), (rows, WORDS))
    texts = [" ".join(tokens[n] if n < len(tokens) else "unheard" for n in own[: 1 + own[0] % WORDS]) for own in drawn]
    return np.array(texts, dtype=object)


def _numbers(program: Program, column: Column, number: int, uniform: Array) -> Array:
    """Numbers of which as many lie between any two neighbouring edges, and as many outside on either side."""
    if column.kind is ColumnKind.BOOLEAN:
        return np.where(uniform[0] < 0.5, 0.0, 1.0)
    edges = compared_with(program, number).astype(np.float64)
    edges = edges[np.isfinite(edges)]
    if not edges.size:
        edges = np.array([0.0, 1.0])
    step = float(np.ptp(edges)) / max(1, edges.size - 1) or 1.0
    ends = np.concatenate([[edges[0] - step], edges, [edges[-1] + step]])
    at = (uniform[0] * (ends.size - 1)).astype(np.intp)
    values: Array = ends[at] + uniform[1] * (ends[at + 1] - ends[at])
    scales = [op for op in program.ops if isinstance(op, o.Rescale) and op.inputs == (number,)]
    return before(scales[0], values) if scales else values
