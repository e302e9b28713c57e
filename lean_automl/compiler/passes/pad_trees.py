"""A few shallow trees get a question that is never answered yes, so that kernels take them together with deeper ones.

Kernels take the trees of one depth and one form of leaf at once, and many of them by vector instructions; trees that
are alone with their depth are taken one by one, which costs more than the question. Its leaves are zeros, which cost
next to nothing in a compressed file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.facts import numbered
from lean_automl.compiler.passes.forests import Split, Tree, packed, unpacked
from lean_automl.compiler.passes.order_trees import in_order
from lean_automl.compiler.passes.rewrite import with_ops

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

BLOCK: Final = 32  # trees that a kernel takes by vector instructions
MOST_LEVELS: Final = 2


@dataclass(frozen=True)
class PadTrees:
    """Raises the depth of groups of fewer than `BLOCK` trees by up to two, where that makes a group large enough.

    Runs after everything else: simplifying would take the questions out again.
    """

    name: ClassVar[str] = "pad_trees"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        changed: dict[int, o.Op] = {}
        for number, op in numbered(program):
            if isinstance(op, o.ObliviousTrees):
                trees = unpacked(op)
                depths = chosen_depths(trees)
                never = _never(program.types[op.inputs[0]].levels)
                if never is not None and depths != [len(tree.splits) for tree in trees]:
                    padded = [_padded(tree, depth, never) for tree, depth in zip(trees, depths, strict=True)]
                    changed[number] = packed(op, in_order(padded))
        return with_ops(program, changed)


def chosen_depths(trees: Sequence[Tree]) -> list[int]:
    """The depth that each tree should have."""
    groups: dict[tuple[bool, int, int], dict[int, list[int]]] = {}
    for number, tree in enumerate(trees):
        in_row = tree.targets[-1] - tree.targets[0] == len(tree.targets) - 1
        form = (in_row, len(tree.targets), tree.targets[0])
        groups.setdefault(form, {}).setdefault(len(tree.splits), []).append(number)
    depths = [len(tree.splits) for tree in trees]
    for by_depth in groups.values():
        # The deepest first, so that what a group gained counts for the shallower ones.
        for depth in sorted(by_depth, reverse=True):
            few = by_depth[depth]
            for deeper in range(depth + 1, depth + 1 + MOST_LEVELS):
                others = by_depth.get(deeper, [])
                if few and len(few) < BLOCK and others and len(few) + len(others) >= BLOCK:
                    others += few
                    by_depth[depth] = []
                    for number in few:
                        depths[number] = deeper
                    break
    return depths


def _never(levels: tuple[int, ...]) -> Split | None:
    """A question that every row answers with no."""
    return next(((column, count - 1) for column, count in enumerate(levels) if count <= 256), None)


def _padded(tree: Tree, depth: int, never: Split) -> Tree:
    more = depth - len(tree.splits)
    zeros = np.zeros((tree.leaves.shape[0] * (2**more - 1), tree.leaves.shape[1]), dtype=np.int64)
    return Tree(tree.splits + (never,) * more, np.concatenate([tree.leaves, zeros]), tree.targets)
