"""Cuts a Program where features end and the model begins: two Programs with one float32 matrix between them.

The model side is every op that scores (trees, tables, layers, and what follows them), and every op that reads one of
those. What it reads of the rest becomes columns of the matrix:

* a float is handed over as it is; `Concat` is taken apart, so that a column that is read twice is there once;
* `Bin` of floats moves to the model side, so the matrix has the floats and no bins of them;
* codes, and bins out of tables, are handed over as whole numbers, which float32 holds exactly, and `Bin` makes bins of
  them again.

Nothing is computed in another way than before, so the two Programs after each other give the same bits as the one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.errors import UnsupportedOpError
from lean_automl_runtime.ir import PREDICTION, Column, ColumnKind, DType, Program, ProgramBuilder
from lean_automl_runtime.ir import ops as o

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCORING: Final = (o.Forest, o.TableSum, o.Dense, o.Dot, o.Blend, o.Link, o.Label)
MOST_LEVELS: Final = 2**16  # of a bin


@dataclass(frozen=True, eq=False)
class Split:
    """A Program in two halves.

    Attributes:
        transform: The same raw columns; its `prediction` is the matrix of features, (n, k).
        model: A numeric float32 column for each feature, in order; the same outputs as the whole.
    """

    transform: Program
    model: Program


@dataclass(frozen=True, eq=False)
class _Piece:
    """One column of a value at the cut.

    Attributes:
        feature: Its number in the matrix.
        edges: By which the model side bins it; None for a float.
        nan_bin: Bin of NaN.
    """

    feature: int
    edges: NDArray[np.float32] | None = None
    nan_bin: int = 0


def split_program(program: Program) -> Split:
    """The two halves of a Program.

    Raises:
        UnsupportedOpError: A code at the cut has more levels than a bin can have.
    """
    return _Splitter(program).split()


class _Splitter:
    """One split in the making."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._first = len(program.columns)
        self._transform = ProgramBuilder(program.columns)
        self._known: dict[int, int] = dict(enumerate(range(self._first)))
        self._scoring: set[int] = set()
        for number, op in enumerate(program.ops, start=self._first):
            if isinstance(op, SCORING) or self._scoring.intersection(op.inputs):
                self._scoring.add(number)
            else:
                inputs = tuple(self._known[i] for i in op.inputs)
                self._known[number] = self._transform.add(replace(op, inputs=inputs))
        self._parts: dict[int, int] = {}  # value of the transform -> its first feature
        self._width = 0

    def split(self) -> Split:
        wanted = self._wanted()
        cut = {number: self._pieces(number) for number in wanted if number not in self._scoring}
        matrix = self._transform.add(o.Concat(tuple(self._parts)))
        names = [f"feature_{number}" for number in range(self._width)]
        columns = tuple(Column(name, ColumnKind.NUMERIC, "float32") for name in names)
        model = ProgramBuilder(columns)
        known = {number: _joined(model, pieces) for number, pieces in cut.items()}
        for number in wanted:
            if number in self._scoring:
                op = self._program.ops[number - self._first]
                known[number] = model.add(replace(op, inputs=tuple(known[i] for i in op.inputs)))
        outputs = {
            # A feature that is an answer as it is: an output has to name an op.
            name: known[number] if known[number] >= len(columns) else model.add(o.Concat((known[number],)))
            for name, number in self._program.outputs.items()
        }
        return Split(self._transform.build({PREDICTION: matrix}), model.build(outputs))

    def _wanted(self) -> list[int]:
        """The values of the model side that an output needs, and those at the cut, in order."""
        wanted = set(self._program.outputs.values())
        for number in range(self._first + len(self._program.ops) - 1, self._first - 1, -1):
            if number in wanted and number in self._scoring:
                wanted.update(self._program.ops[number - self._first].inputs)
        return sorted(wanted)

    def _pieces(self, number: int) -> list[_Piece]:
        """The columns of a value at the cut."""
        kind = self._program.types[number]
        op = self._program.ops[number - self._first] if number >= self._first else None
        if isinstance(op, o.Concat):
            return [piece for i in op.inputs for piece in self._pieces(i)]
        if isinstance(op, o.Bin):
            spans = zip(op.offsets[:-1].tolist(), op.offsets[1:].tolist(), op.nan_bin.tolist(), strict=True)
            floats = self._pieces(op.inputs[0])
            return [_Piece(f.feature, op.edges[a:b], nan) for f, (a, b, nan) in zip(floats, spans, strict=True)]
        if kind.dtype is DType.FLOAT32:
            return [_Piece(feature) for feature in self._features(self._known[number], kind.width)]
        if max(kind.levels) > MOST_LEVELS:
            raise UnsupportedOpError(
                f"a code of {max(kind.levels):,} levels cannot be handed over as a feature: at most {MOST_LEVELS:,}"
            )
        features = self._features(self._as_floats(number, op), kind.width)
        counted = (np.arange(levels - 1, dtype=np.float32) + np.float32(0.5) for levels in kind.levels)
        return [_Piece(feature, edges) for feature, edges in zip(features, counted, strict=True)]

    def _as_floats(self, number: int, op: o.Op | None) -> int:
        """Value of the transform that holds codes or bins as whole numbers."""
        if isinstance(op, o.Lookup):
            return self._transform.add(o.Lookup((self._known[op.inputs[0]],), op.table.astype(np.float32)))
        table = np.arange(self._program.types[number].levels[0], dtype=np.float32)[:, None]
        return self._transform.add(o.Lookup((self._known[number],), table))

    def _features(self, value: int, width: int) -> range:
        """Numbers of the features that hold a value of the transform."""
        if value not in self._parts:
            self._parts[value] = self._width
            self._width += width
        return range(self._parts[value], self._parts[value] + width)


def _joined(model: ProgramBuilder, pieces: Sequence[_Piece]) -> int:
    """Pieces side by side on the model side, binned by one op where they are bins."""
    numbers = tuple(piece.feature for piece in pieces)
    floats = numbers[0] if len(numbers) == 1 else model.add(o.Concat(numbers))
    edges: list[NDArray[Any]] = [piece.edges for piece in pieces if piece.edges is not None]
    if not edges:
        return floats
    offsets = np.cumsum([0, *(own.size for own in edges)]).astype(np.int32)
    nan_bin = np.array([piece.nan_bin for piece in pieces], dtype=np.int32)
    return model.add(o.Bin((floats,), np.concatenate(edges).astype(np.float32), offsets, nan_bin))
