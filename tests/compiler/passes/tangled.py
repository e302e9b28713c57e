"""Programs with plenty to simplify: random ones, in which trees, tables, edges and columns repeat or do nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from conformance.programs import random_program
from hypothesis import strategies as st
from lean_automl_runtime.ir import Program
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes import forests, ragged
from lean_automl.compiler.passes.rewrite import with_ops


def tangled_programs(max_size: int = 4) -> st.SearchStrategy[Program]:
    """Random Programs with repetitions; the size shrinks before the seed."""
    return st.builds(lambda size, seed: tangled(seed, size), st.integers(1, max_size), st.integers(0, 2**32 - 1))


def tangled(seed: int, size: int) -> Program:
    """A random Program, some of whose ops were given more to do than they need."""
    program = random_program(seed, size)
    rng = np.random.default_rng(seed)
    changed: dict[int, o.Op] = {}
    for number, op in enumerate(program.ops, start=len(program.columns)):
        if isinstance(op, o.ObliviousTrees):
            changed[number] = _oblivious(op, rng)
        elif isinstance(op, o.RaggedTrees):
            changed[number] = _ragged(op, rng)
        elif isinstance(op, o.TableSum):
            changed[number] = _tables(op, rng)
        elif isinstance(op, o.Lookup) and rng.random() < 0.5:
            changed[number] = replace(op, table=_few_rows(op.table, rng))
    return with_ops(program, changed)


def _few_rows(table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A table of the same range with only a few distinct rows."""
    made = table[rng.integers(0, min(3, len(table)), len(table))]
    made[int(rng.integers(0, len(table)))] = table[int(table.max(axis=1).argmax())]
    return made if table.dtype == np.float32 or (made.max(axis=0) == table.max(axis=0)).all() else table


def _oblivious(op: o.ObliviousTrees, rng: np.random.Generator) -> o.ObliviousTrees:
    trees = [forests.Tree(t.splits, t.leaves // 8, t.targets) for t in forests.unpacked(op)]
    more = []
    for tree in trees:
        splits = list(tree.splits)
        if len(splits) > 1 and rng.random() < 0.5:  # ask a column twice, in any order
            splits[0] = (splits[-1][0], int(rng.integers(0, splits[-1][1] + 1)))
        leaves = tree.leaves
        if splits and rng.random() < 0.4:  # a question that no leaf depends on
            half = leaves[: leaves.shape[0] // 2]
            leaves = np.concatenate([half, half])
        more.append(forests.Tree(tuple(splits), leaves, tree.targets))
        if splits and rng.random() < 0.5:  # a tree that asks part of it
            kept = splits[: int(rng.integers(0, len(splits) + 1))][::-1]
            own = rng.integers(-9, 10, (2 ** len(kept), len(tree.targets)))
            more.append(forests.Tree(tuple(kept), own, tree.targets))
    return _wide(forests.packed(op, more), op)


def _ragged(op: o.RaggedTrees, rng: np.random.Generator) -> o.RaggedTrees:
    def eighth(branch: ragged.Branch) -> ragged.Branch:
        if isinstance(branch, ragged.Node):
            left, right = eighth(branch.left), eighth(branch.right)
            if rng.random() < 0.2:
                right = left
            node = ragged.Node(branch.feature, branch.threshold, branch.nan_left, left, right)
            return ragged.Node(branch.feature, branch.threshold, True, node, right) if rng.random() < 0.2 else node
        return tuple(value // 8 for value in branch)

    trees = [ragged.RaggedTree(eighth(tree.root), tree.targets) for tree in ragged.unpacked(op)]
    constants = [ragged.RaggedTree(tuple([3] * len(t.targets)), t.targets) for t in trees if rng.random() < 0.3]
    return _wide(ragged.packed(op, [*trees, *constants, *trees[::2]]), op)


def _tables(op: o.TableSum, rng: np.random.Generator) -> o.TableSum:
    twice = np.arange(op.strides.size).repeat(1 + (rng.random(op.strides.size) < 0.5))
    spans = [slice(int(op.offsets[t]), int(op.offsets[t + 1])) for t in twice]
    blocks = [op.values[span] // 8 for span in spans]
    return replace(
        op,
        terms=op.terms[twice],
        strides=op.strides[twice],
        offsets=np.concatenate([[0], np.cumsum([len(b) for b in blocks])]).astype(np.int32),
        values=np.concatenate([op.values[:0], *blocks]),
    )


def _wide(op: o.Forest, old: o.Forest) -> o.Forest:
    """Leaves in the type that they had, so that sums fit."""
    return replace(op, leaves=op.leaves.astype(old.leaves.dtype))
