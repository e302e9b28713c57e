"""What rows do in a Program: values on the way, the leaf that each row reaches, and what leaves are multiplied with.

Rows have no labels here. They are a sample: lossy passes weigh leaves by how many rows reach them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.reference import prepare

from lean_automl.compiler.passes.facts import op_of, readers

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

MOST_CELLS: Final = 1_500_000  # rows x leaf numbers that are held at once


class Evidence:
    """Values of one Program for some rows, each computed when it is first asked for.

    Args:
        program: Any Program.
        rows: A typed array for each column (`ir.columns`), by its name, all of n rows; there may be more.
    """

    def __init__(self, program: Program, rows: Mapping[str, Array]) -> None:
        self._program = program
        arrays = [rows[column.name] for column in program.columns]
        self._values: dict[int, Array] = {
            i: x if x.dtype == object or x.dtype == np.int64 else x[:, None] for i, x in enumerate(arrays)
        }

    def value(self, number: int) -> Array:
        """A value of the Program, shape (n, width)."""
        if number not in self._values:
            op = op_of(self._program, number)
            assert op is not None
            inputs = [self.value(i) for i in op.inputs]
            with np.errstate(all="ignore"):
                self._values[number] = prepare(op)(*inputs)
        return self._values[number]


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What one unit of an output column of a forest moves.

    Attributes:
        output: For each output column, the score that it adds to.
        factor: float64, shape (n, width): what it is multiplied with in each row.
    """

    output: Array
    factor: Array


def weights_of(program: Program, number: int, evidence: Evidence, rows: int) -> Weights:
    """What becomes of a forest's columns: `Dot` multiplies slopes with features; else each column is a score."""
    width = program.types[number].width
    dot = _dot_of(program, number)
    factor = np.ones((rows, width))
    if dot is not None:
        factor[:, 1:] = evidence.value(program.ops[dot - len(program.columns)].inputs[1])
        return Weights(np.zeros(width, dtype=np.int64), np.where(np.isfinite(factor), factor, 0.0))
    return Weights(np.arange(width), factor)


def _dot_of(program: Program, number: int) -> int | None:
    """The `Dot` that alone reads a value, as its constants and slopes."""
    read_by = readers(program)[number]
    reader = next(iter(read_by)) if len(read_by) == 1 else -1
    op = op_of(program, reader) if reader >= 0 else None
    return reader if isinstance(op, o.Dot) and op.inputs[0] == number else None


def leaf_numbers(op: o.Forest, x: Array) -> Array:
    """The leaf number of each row in each tree, shape (n, trees)."""
    if isinstance(op, o.ObliviousTrees):
        return _oblivious(op, x)
    assert isinstance(op, o.RaggedTrees)
    return _ragged(op, x)


def _oblivious(op: o.ObliviousTrees, x: Array) -> Array:
    found = np.zeros((x.shape[0], op.split_offsets.size - 1), dtype=np.int64)
    depths = np.diff(op.split_offsets)
    for level in range(int(depths.max(initial=0))):
        trees = np.flatnonzero(depths > level)
        at = op.split_offsets[trees] + level
        found[:, trees] |= (x[:, op.split_feature[at]] > op.split_bin[at]).astype(np.int64) << level
    return found


def _ragged(op: o.RaggedTrees, x: Array) -> Array:
    node = np.broadcast_to(op.roots, (x.shape[0], op.roots.size)).astype(np.int64)
    while (inner := node >= 0).any():
        row, tree = np.nonzero(inner)
        at = node[row, tree]
        value = x[row, op.feature[at]]
        left = np.where(np.isnan(value), op.nan_left[at], value <= op.threshold[at])
        node[row, tree] = np.where(left, op.left[at], op.right[at])
    return ~node


def thinned(rows: Mapping[str, Array], most: int) -> dict[str, Array]:
    """At most that many of the rows, evenly spread."""
    count = next(iter(rows.values())).shape[0]
    if count <= most:
        return dict(rows)
    at = np.linspace(0, count - 1, most).astype(np.int64)
    return {name: column[at] for name, column in rows.items()}
