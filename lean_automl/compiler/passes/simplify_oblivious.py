"""Questions of oblivious trees that no row answers otherwise, or whose answer no leaf depends on, are not asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.facts import numbered, occurring, same
from lean_automl.compiler.passes.forests import Tree, packed, unpacked
from lean_automl.compiler.passes.rewrite import with_ops

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

DEEPEST = 10  # trees that are deeper are left as they are


@dataclass(frozen=True)
class SimplifyOblivious:
    """Reduces depth, and writes trees in one fixed form.

    Leaves that no row reaches become 0; questions stand in order of column and bin; a tree names only the output
    columns that it adds something to.
    """

    name: ClassVar[str] = "simplify_oblivious"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        if not any(isinstance(op, o.ObliviousTrees) for op in program.ops):
            return program
        occur = occurring(program)

        changed: dict[int, o.Op] = {}
        for number, op in numbered(program):
            if isinstance(op, o.ObliviousTrees):
                levels = [np.flatnonzero(own) for own in occur[op.inputs[0]]]
                simple = packed(op, [simplified(tree, levels) for tree in unpacked(op)])
                if not same(simple, op):
                    changed[number] = simple
        return with_ops(program, changed)


def simplified(tree: Tree, levels: list[Array]) -> Tree:
    """The tree with as few questions as it needs.

    Args:
        tree: Any tree.
        levels: The bins that occur in each column, ascending.
    """
    if len(tree.splits) > DEEPEST:
        return tree
    tree = _in_order(tree)
    occurs = reached(tree, levels)
    for level in range(len(tree.splits) - 1, -1, -1):
        low, high = _halves(tree.leaves, level), _halves(occurs[:, None], level)
        both = high[0] & high[1]
        if (low[0] == low[1])[both[:, 0]].all():
            tree = tree.without(level, np.where(high[1], low[1], low[0]))
            occurs = (high[0] | high[1])[:, 0]
    leaves = np.where(occurs[:, None], tree.leaves, 0)
    adds = np.flatnonzero(leaves.any(axis=0)) if leaves.any() else np.zeros(1, dtype=np.int64)
    return Tree(tree.splits, leaves[:, adds], tuple(tree.targets[i] for i in adds.tolist()))


def _in_order(tree: Tree) -> Tree:
    order = sorted(range(len(tree.splits)), key=lambda level: tree.splits[level])
    if order == list(range(len(order))):
        return tree
    leaf = np.arange(tree.leaves.shape[0])
    old = sum(((leaf >> new & 1) << level for new, level in enumerate(order)), np.zeros_like(leaf))
    return Tree(tuple(tree.splits[level] for level in order), tree.leaves[old], tree.targets)


def reached(tree: Tree, levels: list[Array]) -> Array:
    """Which leaves some row can reach, columns being independent."""
    leaf = np.arange(tree.leaves.shape[0])
    found = np.ones(leaf.size, dtype=bool)
    for column in {feature for feature, _ in tree.splits}:
        own = [(level, bin_) for level, (feature, bin_) in enumerate(tree.splits) if feature == column]
        answers = sum((levels[column] > bin_).astype(np.int64) << level for level, bin_ in own)
        mask = sum(1 << level for level, _ in own)
        found &= np.isin(leaf & mask, answers)
    return found


def _halves(rows: Array, level: int) -> tuple[Array, Array]:
    """Rows of the leaves where bit `level` is 0, and of their partners where it is 1."""
    shaped = rows.reshape(-1, 2, 1 << level, rows.shape[1])
    return shaped[:, 0].reshape(-1, rows.shape[1]), shaped[:, 1].reshape(-1, rows.shape[1])
