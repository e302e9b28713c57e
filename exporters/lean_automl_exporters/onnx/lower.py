"""The table of lowerings: what each op of the IR becomes in ONNX."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

import numpy as np
from lean_automl_runtime.errors import UnsupportedOpError
from lean_automl_runtime.ir import DType
from lean_automl_runtime.ir import ops as o

from lean_automl_exporters.onnx import categories, concat, dates, features, scores, tables, texts, trees
from lean_automl_exporters.onnx.options import TreeEncoding
from lean_automl_exporters.onnx.storage import stored
from lean_automl_exporters.onnx.values import Index

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.options import OnnxOptions

Value = str | Index


class Lowering:
    """Values of a Program in a graph, each lowered when it is first asked for."""

    def __init__(self, program: Program, graph: Graph, options: OnnxOptions, matrix: str | None = None) -> None:
        self.graph = graph
        self.options = options
        self.types = program.types
        self._program = program
        self.matrix = matrix  # the input that holds all columns side by side; None if each is an input
        self._values: dict[int, Value] = {}
        if matrix is None:
            self._values |= {i: column.name for i, column in enumerate(program.columns)}
        needed = needed_ops(program)
        self._encoding_groups = categories.sharing([op for op in needed if isinstance(op, o.Encode)])
        # Crosses multiply levels, and additive models have a row of numbers for each.
        self._own_codes = any(isinstance(op, o.Cross | o.TableSum) for op in needed)
        self._codes: dict[o.Encode, Index] = {}

    def op(self, number: int) -> o.Op | None:
        """The op that makes a value; None for a raw column."""
        first = len(self._program.columns)
        return self._program.ops[number - first] if number >= first else None

    def value(self, number: int) -> Value:
        """What the value is in the graph."""
        if number not in self._values:
            op = self.op(number)
            self._values[number] = self.columns([number]) if op is None else lower(op, self)
        return self._values[number]

    def columns(self, numbers: list[int]) -> str:
        """Columns side by side, out of the matrix that holds them."""
        assert self.matrix is not None
        if numbers == list(range(len(self._program.columns))):
            return self.matrix
        return self.graph.node("Gather", self.matrix, stored(self.graph, np.array(numbers, dtype=np.int64)), axis=1)

    def tensor(self, number: int) -> str:
        """Name of a float matrix, a raw column or a label."""
        value = self.value(number)
        assert isinstance(value, str)
        return value

    def index(self, number: int) -> Index:
        """A value of codes or bins."""
        value = self.value(number)
        assert not isinstance(value, str)
        return value

    def codes(self, op: o.Encode) -> Index:
        """What an encoding yields, together with those that share its table."""
        if op not in self._codes:
            group = next(g for g in self._encoding_groups if op in g)
            columns = [self.tensor(other.inputs[0]) for other in group]
            self._codes |= categories.encode(self.graph, group, columns, own=self._own_codes)
        return self._codes[op]


def needed_ops(program: Program) -> list[o.Op]:
    """The ops that an output needs, in order."""
    first = len(program.columns)
    needed = set(program.outputs.values())
    for number in range(first + len(program.ops) - 1, first - 1, -1):
        if number in needed:
            needed.update(program.ops[number - first].inputs)
    return [op for number, op in enumerate(program.ops, start=first) if number in needed]


@singledispatch
def lower(op: o.Op, to: Lowering) -> Value:  # noqa: ARG001
    """Adds the nodes of an op to the graph."""
    raise UnsupportedOpError(f"the ONNX exporter cannot express {op.name}")


@lower.register(o.Rescale)
def _(op: o.Rescale, to: Lowering) -> Value:
    return features.rescale(to.graph, np.array([op.shift]), np.array([op.scale]), to.tensor(op.inputs[0]))


@lower.register(o.DatePart)
def _(op: o.DatePart, to: Lowering) -> Value:
    return dates.date_parts(to.graph, [op.part], to.tensor(op.inputs[0]))


@lower.register(o.Encode)
def _(op: o.Encode, to: Lowering) -> Value:
    return to.codes(op)


@lower.register(o.TextCount)
def _(op: o.TextCount, to: Lowering) -> Value:
    return texts.count(to.graph, op, to.tensor(op.inputs[0]))


@lower.register(o.TokenScore)
def _(op: o.TokenScore, to: Lowering) -> Value:
    return texts.token_score(to.graph, op, to.tensor(op.inputs[0]))


@lower.register(o.Cross)
def _(op: o.Cross, to: Lowering) -> Value:
    return features.cross(op, to.index(op.inputs[0]), to.index(op.inputs[1]))


@lower.register(o.Lookup)
def _(op: o.Lookup, to: Lowering) -> Value:
    codes = to.index(op.inputs[0])
    return tables.lookup(to.graph, codes, op.table) if op.table.dtype == np.float32 else features.lookup_bins(op, codes)


@lower.register(o.Arithmetic)
def _(op: o.Arithmetic, to: Lowering) -> Value:
    a, b = (to.tensor(number) for number in op.inputs)
    return features.arithmetic(to.graph, op.kind, a, b)


@lower.register(o.WithConstant)
def _(op: o.WithConstant, to: Lowering) -> Value:
    return features.with_constant(to.graph, op, to.tensor(op.inputs[0]))


@lower.register(o.Impute)
def _(op: o.Impute, to: Lowering) -> Value:
    return features.impute(to.graph, op, to.tensor(op.inputs[0]))


@lower.register(o.Clip)
def _(op: o.Clip, to: Lowering) -> Value:
    return features.clip(to.graph, op, to.tensor(op.inputs[0]))


@lower.register(o.Concat)
def _(op: o.Concat, to: Lowering) -> Value:
    if to.types[op.inputs[0]].dtype is DType.BIN:
        return tuple(level for number in op.inputs for level in to.index(number))
    return concat.concat(to, op.inputs)


@lower.register(o.Bin)
def _(op: o.Bin, to: Lowering) -> Value:
    return features.bin_columns(to.graph, op, to.tensor(op.inputs[0]))


@lower.register(o.ObliviousTrees)
def _(op: o.ObliviousTrees, to: Lowering) -> Value:
    bins = to.op(op.inputs[0])
    if isinstance(bins, o.Bin) and to.options.encoding in (TreeEncoding.TREE_ENSEMBLE, TreeEncoding.TREE_ENSEMBLE_V3):
        return trees.binned_trees(to.graph, op, bins, to.tensor(bins.inputs[0]), to.options.encoding)
    return trees.oblivious_trees(to.graph, op, to.index(op.inputs[0]), to.options.encoding)


@lower.register(o.RaggedTrees)
def _(op: o.RaggedTrees, to: Lowering) -> Value:
    return trees.ragged_trees(to.graph, op, to.tensor(op.inputs[0]), to.options.encoding)


@lower.register(o.TableSum)
def _(op: o.TableSum, to: Lowering) -> Value:
    return scores.table_sum(to.graph, op, to.index(op.inputs[0]))


@lower.register(o.Dense)
def _(op: o.Dense, to: Lowering) -> Value:
    return scores.dense(to.graph, op, to.tensor(op.inputs[0]))


@lower.register(o.Dot)
def _(op: o.Dot, to: Lowering) -> Value:
    a, z = op.inputs
    return scores.dot(to.graph, to.tensor(a), to.tensor(z), to.types[z].width)


@lower.register(o.Blend)
def _(op: o.Blend, to: Lowering) -> Value:
    return concat.blend(to, op)


@lower.register(o.Link)
def _(op: o.Link, to: Lowering) -> Value:
    return scores.link(to.graph, op, to.tensor(op.inputs[0]))


@lower.register(o.Label)
def _(op: o.Label, to: Lowering) -> Value:
    return scores.label(to.graph, op, to.tensor(op.inputs[0]))
