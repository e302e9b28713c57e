"""Leaves and tables of additive models in fewer bits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.facts import occurring
from lean_automl.compiler.passes.forests import Tree, as_leaves, unpacked
from lean_automl.compiler.passes.integers import Block, Rounded, rounded
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite
from lean_automl.compiler.passes.simplify_oblivious import DEEPEST, reached

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array


@dataclass(frozen=True)
class QuantiseLeaves:
    """Rounds leaves to `bits` bits, with a new scale; ops whose integers are that small already stay.

    The error of a score is a sum of many independent roundings, about `step * sqrt(trees / 12)`.

    Attributes:
        bits: With the sign; at most 16.
    """

    bits: int

    name: ClassVar[str] = "quantise_leaves"
    exact: ClassVar[bool] = False

    def run(self, program: Program) -> Program:
        """The changed Program."""
        occur = occurring(program)

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if not isinstance(op, o.Forest | o.TableSum):
                return None
            integers = op.leaves if isinstance(op, o.Forest) else op.values
            if not integers.size or int(np.abs(integers.astype(np.int64)).max()) < 2 ** (self.bits - 1):
                return None
            levels = [np.flatnonzero(own) for own in occur[op.inputs[0]]]
            found = rounded(blocks_of(op, levels), op.scale.size, self.bits)
            return state.same(number, with_integers(op, found))

        return rewrite(program, change)


def blocks_of(op: o.Forest | o.TableSum, levels: list[Array]) -> list[Block]:
    """Trees or tables of an op as floats, each row counting the same if it can be reached."""
    scale = op.scale.astype(np.float64)
    if isinstance(op, o.TableSum):
        spans = zip(op.offsets[:-1], op.offsets[1:], strict=True)
        everything = tuple(range(op.scale.size))
        return [Block(op.values[a:b] * scale, np.ones(b - a), everything) for a, b in spans]
    if isinstance(op, o.ObliviousTrees):
        return [
            Block(tree.leaves * scale[list(tree.targets)], _weight(tree, levels), tree.targets) for tree in unpacked(op)
        ]
    found = []
    for tree in range(op.target_offsets.size - 1):
        targets = op.targets[op.target_offsets[tree] : op.target_offsets[tree + 1]]
        leaves = op.leaves[op.leaf_offsets[tree] : op.leaf_offsets[tree + 1]].reshape(-1, targets.size)
        found.append(Block(leaves * scale[targets], np.ones(leaves.shape[0]), tuple(targets.tolist())))
    return found


def _weight(tree: Tree, levels: list[Array]) -> Array:
    """1 for each leaf that a row can reach."""
    if len(tree.splits) > DEEPEST:
        return np.ones(tree.leaves.shape[0])
    return reached(tree, levels).astype(np.float64)


def with_integers(op: o.Forest | o.TableSum, found: Rounded) -> o.Op:
    """The op with other integers for the same trees or tables."""
    bias = (op.bias + found.shift).astype(np.float32)
    if isinstance(op, o.TableSum):
        values = as_leaves(np.concatenate([op.values[:0], *found.blocks]))
        return replace(op, values=values, scale=found.scale, bias=bias)
    leaves = np.concatenate([op.leaves[:0], *(block.reshape(-1) for block in found.blocks)])
    return replace(op, leaves=as_leaves(leaves), scale=found.scale, bias=bias)
