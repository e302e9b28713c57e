"""Nodes of ragged trees that all rows leave on one side, or on sides that are equal, go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.facts import numbered, same, value_ranges
from lean_automl.compiler.passes.ragged import MOST_NODES, Branch, Leaf, Node, RaggedTree, packed, unpacked
from lean_automl.compiler.passes.rewrite import with_ops

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

Range = tuple[float, float, bool]  # the numbers above the first and up to the second, and whether NaN is among them

DEEPEST: Final = 200


@dataclass(frozen=True)
class SimplifyRagged:
    """Removes nodes whose answer follows from the nodes above or from the column, and merges equal branches.

    Nodes stand in depth-first order; where NaN cannot come, its direction is that of most other nodes.
    """

    name: ClassVar[str] = "simplify_ragged"
    exact: ClassVar[bool] = True

    def run(self, program: Program) -> Program:
        """The changed Program."""
        changed: dict[int, o.Op] = {}
        for number, op in numbered(program):
            if isinstance(op, o.RaggedTrees) and op.feature.size <= MOST_NODES:
                simple = simplified(op, value_ranges(program, op.inputs[0]))
                if not same(simple, op):
                    changed[number] = simple
        return with_ops(program, changed)


def simplified(op: o.RaggedTrees, bounds: list[Range]) -> o.RaggedTrees:
    """The op with fewer nodes.

    Args:
        op: Any ragged trees; ones that are deeper than `DEEPEST` stay as they are.
        bounds: Of each column: least and greatest number, and whether it can be NaN.
    """
    trees = unpacked(op)
    if max((_depth(tree.root) for tree in trees), default=0) > DEEPEST:
        return op
    walk = _Walk({column: (_below(low), high, nan) for column, (low, high, nan) in enumerate(bounds)})
    simple = [RaggedTree(walk.branch(tree.root), tree.targets) for tree in trees]
    return packed(op, [_settled(tree, walk.usual) for tree in simple])


def _below(low: float) -> float:
    return float(np.nextafter(np.float32(low), np.float32(-np.inf))) if low > -np.inf else -np.inf


def _depth(branch: Branch) -> int:
    depth, waiting = 0, [(branch, 0)]
    while waiting:
        own, level = waiting.pop()
        depth = max(depth, level)
        if isinstance(own, Node):
            waiting += [(own.left, level + 1), (own.right, level + 1)]
    return depth


class _Walk:
    """Goes down trees with what is known of each column.

    Attributes:
        usual: The direction of NaN of most nodes that NaN can come to.
    """

    def __init__(self, ranges: dict[int, Range]) -> None:
        self._ranges = ranges
        self._votes = 0

    @property
    def usual(self) -> bool:
        return self._votes >= 0

    def branch(self, branch: Branch) -> Branch:
        """The branch without what no row needs; `nan_left` is None where NaN cannot come."""
        if not isinstance(branch, Node):
            return branch
        low, high, nan = self._ranges[branch.feature]
        t = branch.threshold
        highest, lowest = min(high, t), max(low, t)
        # The lower end is open, but for minus infinity, which may stand for "no lower end".
        left_numbers = low < highest or low == highest == -np.inf
        left = right = None
        if left_numbers or (nan and branch.nan_left):
            left = self._below(branch.left, branch.feature, (low, highest, nan and branch.nan_left))
        if lowest < high or (nan and not branch.nan_left):
            right = self._below(branch.right, branch.feature, (lowest, high, nan and not branch.nan_left))
        if left is None or right is None or left == right:
            found = right if left is None else left
            return _any_leaf(branch) if found is None else found
        if nan:
            self._votes += 1 if branch.nan_left else -1
        return Node(branch.feature, t, branch.nan_left if nan else None, left, right)  # type: ignore[arg-type]

    def _below(self, branch: Branch, feature: int, inside: Range) -> Branch:
        outside = self._ranges[feature]
        self._ranges[feature] = inside
        found = self.branch(branch)
        self._ranges[feature] = outside
        return found


def _any_leaf(branch: Branch) -> Leaf:
    while isinstance(branch, Node):
        branch = branch.left
    return branch


def _settled(tree: RaggedTree, usual: bool) -> RaggedTree:
    """The tree with a direction of NaN at every node."""

    def settle(branch: Branch) -> Branch:
        if not isinstance(branch, Node):
            return branch
        nan_left = usual if branch.nan_left is None else branch.nan_left
        return Node(branch.feature, branch.threshold, nan_left, settle(branch.left), settle(branch.right))

    return RaggedTree(settle(tree.root), tree.targets)
