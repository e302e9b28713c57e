"""A tree whose questions another one asks too is added to the other's leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.facts import numbered
from lean_automl.compiler.passes.forests import Split, Tree, fits, packed, unpacked
from lean_automl.compiler.passes.merge_ragged import merged as merged_ragged
from lean_automl.compiler.passes.rewrite import with_ops

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array


@dataclass(frozen=True)
class MergeTrees:
    """Adds trees up, where that needs no leaf that the type of the leaves cannot hold.

    A tree without questions goes into any other with its targets, and one of zeros vanishes: sums are of integers, so
    nothing is rounded.
    """

    name: ClassVar[str] = "merge_trees"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        changed: dict[int, o.Op] = {}
        for number, op in numbered(program):
            if isinstance(op, o.ObliviousTrees | o.RaggedTrees):
                fewer = merged(op) if isinstance(op, o.ObliviousTrees) else merged_ragged(op)
                if fewer.target_offsets.size < op.target_offsets.size:
                    changed[number] = fewer
        return with_ops(program, changed)


def merged(op: o.ObliviousTrees) -> o.ObliviousTrees:
    """The op with fewer trees, in the order of those that stay."""
    trees = unpacked(op)
    hosts: list[Tree | None] = [tree if tree.leaves.any() else None for tree in trees]
    asked = _asked_by(trees)
    # The smallest first, so that what was added to a small tree moves on with it.
    for guest in sorted(range(len(trees)), key=lambda t: (len(trees[t].splits), len(trees[t].targets), t)):
        own = hosts[guest]
        if own is None:
            continue
        for host in _candidates(own, asked, len(trees)):
            other = hosts[host]
            if host == guest or other is None or not set(own.targets) <= set(other.targets):
                continue
            leaves = other.leaves + _spread(own, other)
            if fits(op, leaves):
                hosts[host], hosts[guest] = Tree(other.splits, leaves, other.targets), None
                break
    return packed(op, [tree for tree in hosts if tree is not None])


def _asked_by(trees: Sequence[Tree]) -> dict[Split, set[int]]:
    found: dict[Split, set[int]] = {}
    for number, tree in enumerate(trees):
        for split in tree.splits:
            found.setdefault(split, set()).add(number)
    return found


def _candidates(tree: Tree, asked: dict[Split, set[int]], count: int) -> Sequence[int]:
    """Trees that ask all that this one asks."""
    if not tree.splits:
        return range(count)
    return sorted(set.intersection(*(asked[split] for split in tree.splits)))


def _spread(tree: Tree, host: Tree) -> Array:
    """What the tree adds to each leaf of the other."""
    leaf = np.arange(host.leaves.shape[0])
    own = np.zeros_like(leaf)
    for bit, split in enumerate(tree.splits):
        own |= (leaf >> host.splits.index(split) & 1) << bit
    added = np.zeros_like(host.leaves)
    added[:, [host.targets.index(target) for target in tree.targets]] = tree.leaves[own]
    return added
