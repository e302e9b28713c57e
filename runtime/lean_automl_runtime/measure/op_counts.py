"""What a Program does for one row, in counts: the input of the cost model.

Rule: a count follows from the Program before it is trained or run, and from what the records hold that it will read;
an op without an entry here is an error.
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from lean_automl_runtime.errors import InternalError
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.ir.columns import ColumnKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lean_automl_runtime.ir.program import Program

Counts = dict[str, float]

FEATURES: Final[dict[str, str]] = {
    "calls": "the call itself: always 1",
    "numeric_columns": "numeric and boolean columns of a record",
    "string_columns": "categorical and text columns of a record",
    "time_columns": "datetime columns of a record",
    "time_texts": "datetime columns that come as texts, which have to be parsed",
    "ops": "ops of the Program",
    "missing_values": "values of a record that are missing",
    "objects": "values of a record that Python holds in memory of their own: all but small whole numbers and the like",
    "text_bytes": "bytes of UTF-8 in the texts of a record",
    "encodings": "texts looked up in a category table; one that is missing is not",
    "encode_steps": "log2 of the categories, summed over encodings",
    "lookups": "rows of tables that codes name",
    "text_counts": "counts of a text",
    "counted_bytes": "bytes of the texts that are counted, once for each count",
    "token_scores": "texts whose tokens are scored",
    "tokens": "tokens looked up",
    "date_parts": "calendar fields",
    "cells": "numbers moved or changed one by one: lookups, arithmetic, filling, clipping, joining",
    "bin_columns": "columns that are binned",
    "bin_steps": "edges searched: log2 of a column's edges, summed",
    "oblivious_ops": "ops of oblivious trees",
    "trees": "oblivious trees",
    "levels": "splits of oblivious trees",
    "wide_trees": "oblivious trees of an op with several outputs, which engines add up one by one",
    "ragged_ops": "ops of ragged trees",
    "ragged_depth": "depth of the deepest ragged tree, which engines that walk all trees at once pay for",
    "ragged_trees": "ragged trees",
    "ragged_steps": "nodes visited in ragged trees, where each leaf is as likely",
    "ragged_rounds": "steps of eight ragged trees that are walked together until the last of them is at its leaf",
    "leaf_targets": "leaf numbers that trees of either kind add up, for one output",
    "wide_targets": "the same for several outputs, of which one tree adds several at once",
    "table_ops": "ops of additive models",
    "table_terms": "tables that additive models look into",
    "wide_table_terms": "numbers that they add up for several outputs",
    "dense_ops": "dense layers",
    "dense_inputs": "inputs of dense layers",
    "dense_macs": "multiplications of dense layers",
    "dot_terms": "multiplications of linear leaves",
    "exponentials": "exponentials of link functions",
    "labels": "labels that are chosen: a regression has none",
    "classes": "probabilities handed back",
}
TOGETHER: Final = 8  # ragged trees that the kernel walks side by side
BYTES_OF_A_WORD: Final = 7  # about, with what parts it from the next
_KINDS: Final = {
    ColumnKind.NUMERIC: "numeric_columns",
    ColumnKind.BOOLEAN: "numeric_columns",
    ColumnKind.CATEGORICAL: "string_columns",
    ColumnKind.TEXT: "string_columns",
    ColumnKind.DATETIME: "time_columns",
}


class Contents(NamedTuple):
    """What a column of records holds, on average."""

    missing: float  # share of the values
    objects: float  # share that has memory of its own
    text_bytes: float  # of a value, in UTF-8; 0 where it is no text


USUAL: Final = Contents(missing=0.0, objects=1.0, text_bytes=10.0)  # where nothing is known of a column of texts
NOTHING: Final = Contents(missing=0.0, objects=0.0, text_bytes=0.0)  # read by an op that reads no raw column


def contents_of(records: Sequence[Mapping[str, Any]]) -> dict[str, Contents]:
    """What each column of some records holds; they have the same columns."""
    found = {}
    for name in records[0] if records else ():
        values = [record[name] for record in records]
        texts = sum(len(value.encode("utf-8", "surrogatepass")) for value in values if isinstance(value, str))
        missing = sum(value is None for value in values)
        shared = sum(map(_is_shared, values))
        found[name] = Contents(missing / len(values), 1 - shared / len(values), texts / len(values))
    return found


def _is_shared(value: object) -> bool:
    """Whether CPython has one object for all that are equal: one that is used all the time is in a cache."""
    if isinstance(value, str):
        return len(value) <= 1
    return value is None or isinstance(value, bool) or (isinstance(value, int) and -5 <= value <= 256)


def features(program: Program, contents: Mapping[str, Contents] | None = None) -> dict[str, float]:
    """Counts of what a Program does for one row: every key of `FEATURES`.

    Args:
        program: Its ops and columns count.
        contents: Of the columns of its records; `USUAL` where there are none.
    """
    counts = dict.fromkeys(FEATURES, 0.0)
    held = [(contents or {}).get(column.name, USUAL) for column in program.columns]
    for column, own in zip(program.columns, held, strict=True):
        counts[_KINDS[column.kind]] += 1
        counts["missing_values"] += own.missing
        counts["objects"] += own.objects
        counts["text_bytes"] += own.text_bytes if column.dtype == "string" else 0.0
        is_time_text = column.kind is ColumnKind.DATETIME and own.text_bytes > 0
        counts["time_texts"] += 1 - own.missing if is_time_text else 0.0
    for number, op in enumerate(program.ops, start=len(program.columns)):
        read = held[op.inputs[0]] if op.inputs and op.inputs[0] < len(held) else NOTHING
        widths = Widths(program.types[number].width, tuple(program.types[i].width for i in op.inputs), read)
        for name, count in count_op(op, widths).items():
            counts[name] += float(count)
    return counts | {"calls": 1.0, "ops": float(len(program.ops)), "classes": float(len(program.classes))}


class Widths(NamedTuple):
    """Columns of an op's output and of its inputs, and what the raw column holds that it reads."""

    output: int
    inputs: tuple[int, ...]
    read: Contents = NOTHING


@singledispatch
def count_op(op: o.Op, widths: Widths) -> Counts:  # noqa: ARG001
    """Counts of one op."""
    raise InternalError(f"the cost model has no counts for {op.name}")


@count_op.register(o.Rescale)
@count_op.register(o.Cross)
@count_op.register(o.Arithmetic)
@count_op.register(o.WithConstant)
@count_op.register(o.Impute)
@count_op.register(o.Clip)
@count_op.register(o.Concat)
def _(op: o.Op, widths: Widths) -> Counts:  # noqa: ARG001
    return {"cells": widths.output}


@count_op.register(o.DatePart)
def _(op: o.DatePart, widths: Widths) -> Counts:  # noqa: ARG001
    return {"date_parts": 1}


@count_op.register(o.Encode)
def _(op: o.Encode, widths: Widths) -> Counts:
    there = 1 - widths.read.missing
    return {"encodings": there, "encode_steps": there * float(np.log2(1 + len(op.categories)))}


@count_op.register(o.Lookup)
def _(op: o.Lookup, widths: Widths) -> Counts:  # noqa: ARG001
    return {"lookups": 1, "cells": widths.output}


@count_op.register(o.TextCount)
def _(op: o.TextCount, widths: Widths) -> Counts:  # noqa: ARG001
    return {"text_counts": 1, "counted_bytes": widths.read.text_bytes}


@count_op.register(o.TokenScore)
def _(op: o.TokenScore, widths: Widths) -> Counts:
    words = 1 + widths.read.text_bytes / BYTES_OF_A_WORD
    tokens = words * (2 if any(" " in token for token in op.tokens) else 1)
    return {"token_scores": 1, "tokens": tokens, "cells": tokens * widths.output}


@count_op.register(o.Bin)
def _(op: o.Bin, widths: Widths) -> Counts:
    return {"bin_columns": widths.output, "bin_steps": float(np.log2(1 + np.diff(op.offsets)).sum())}


@count_op.register(o.ObliviousTrees)
def _(op: o.ObliviousTrees, widths: Widths) -> Counts:  # noqa: ARG001
    trees = op.split_offsets.size - 1
    counts = {"trees": trees, "levels": op.split_bin.size, **_targets(op)}
    return {"oblivious_ops": 1, "wide_trees": trees if op.scale.size > 1 else 0, **counts}


@count_op.register(o.RaggedTrees)
def _(op: o.RaggedTrees, widths: Widths) -> Counts:  # noqa: ARG001
    depth, steps, rounds = walk(op)
    counts = {"ragged_trees": op.roots.size, "ragged_steps": steps, "ragged_rounds": rounds, **_targets(op)}
    return {"ragged_ops": 1, "ragged_depth": depth, **counts}


def _targets(op: o.ObliviousTrees | o.RaggedTrees) -> Counts:
    return {"wide_targets" if op.scale.size > 1 else "leaf_targets": op.targets.size}


@count_op.register(o.TableSum)
def _(op: o.TableSum, widths: Widths) -> Counts:
    terms = op.strides.size
    return {"table_ops": 1, "table_terms": terms, "wide_table_terms": terms * widths.output if widths.output > 1 else 0}


@count_op.register(o.Dense)
def _(op: o.Dense, widths: Widths) -> Counts:  # noqa: ARG001
    return {"dense_ops": 1, "dense_inputs": op.weight.shape[0], "dense_macs": op.weight.size}


@count_op.register(o.Dot)
def _(op: o.Dot, widths: Widths) -> Counts:  # noqa: ARG001
    return {"dot_terms": widths.inputs[1]}


@count_op.register(o.Blend)
def _(op: o.Blend, widths: Widths) -> Counts:
    return {"cells": op.weights.size * widths.output}


@count_op.register(o.Link)
def _(op: o.Link, widths: Widths) -> Counts:
    return {"exponentials": 1 if op.kind is o.LinkKind.SIGMOID else widths.output}


@count_op.register(o.Label)
def _(op: o.Label, widths: Widths) -> Counts:  # noqa: ARG001
    return {"labels": 1}


def walk(op: o.RaggedTrees) -> tuple[int, float, float]:
    """What a row walks, if each leaf of a tree is as likely.

    Splits that were learned leave most rows on one side, and those are asked on: of trained trees rows visit about the
    mean depth of the leaves, far more than if each split halved them.

    Returns:
        Depth of the deepest tree; nodes visited in all trees; and the rounds of walks of `TOGETHER` trees side by side,
        each as many as its deepest path.
    """
    trees = op.roots.size
    nodes, tree = op.roots[op.roots >= 0], np.flatnonzero(op.roots >= 0)
    ended_by = [np.zeros(trees)]  # leaves of each tree, by their depth
    while nodes.size:
        children, parents = np.concatenate([op.left[nodes], op.right[nodes]]), np.concatenate([tree, tree])
        ended_by.append(np.bincount(parents[children < 0], minlength=trees).astype(np.float64))
        nodes, tree = children[children >= 0], parents[children >= 0]
    leaves = np.array(ended_by)
    leaves[0, leaves.sum(axis=0) == 0] = 1.0  # a tree that is a leaf
    shares = leaves / leaves.sum(axis=0)
    depths = np.arange(len(shares))
    ended = np.cumsum(shares, axis=0)  # how likely a walk is over after so many steps
    all_ended = np.multiply.reduceat(ended, np.arange(0, trees, TOGETHER), axis=1) if trees else np.ones((1, 0))
    return len(shares) - 1, float(depths @ shares.sum(axis=1)), float((1.0 - all_ended[:-1]).sum())
