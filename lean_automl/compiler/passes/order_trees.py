"""Oblivious trees of one form stand together: kernels take them at once, and their offsets compress better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.facts import numbered
from lean_automl.compiler.passes.forests import Tree, packed, unpacked
from lean_automl.compiler.passes.rewrite import with_ops

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program


@dataclass(frozen=True)
class OrderTrees:
    """Sorts trees by depth and by the columns that they add to; sums of integers do not depend on the order."""

    name: ClassVar[str] = "order_trees"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        changed: dict[int, o.Op] = {}
        for number, op in numbered(program):
            if isinstance(op, o.ObliviousTrees):
                trees = unpacked(op)
                ordered = in_order(trees)
                if any(a is not b for a, b in zip(trees, ordered, strict=True)):
                    changed[number] = packed(op, ordered)
        return with_ops(program, changed)


def in_order(trees: Sequence[Tree]) -> list[Tree]:
    """The trees, those of one depth and one set of columns together."""
    return sorted(trees, key=lambda tree: (len(tree.splits), len(tree.targets), tree.targets))
