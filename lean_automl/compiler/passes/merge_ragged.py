"""Ragged trees that ask the same are added up, and a tree of one leaf is added to another tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lean_automl.compiler.passes.forests import fits
from lean_automl.compiler.passes.ragged import MOST_NODES, Branch, Leaf, Node, RaggedTree, packed, unpacked

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o


def merged(op: o.RaggedTrees) -> o.RaggedTrees:
    """The op with fewer trees; one of more than `MOST_NODES` nodes stays as it is."""
    if op.feature.size > MOST_NODES:
        return op
    trees = unpacked(op)
    fewer = _added_up(op, [tree for tree in trees if tree.root != (0,) * len(tree.targets)])
    return packed(op, fewer) if len(fewer) < len(trees) else op


def _added_up(op: o.RaggedTrees, trees: list[RaggedTree]) -> list[RaggedTree]:
    """Trees of one shape and the same targets added up; single leaves go into any tree with their targets."""
    kept: dict[object, RaggedTree] = {}
    alone: list[RaggedTree] = []
    for number, tree in enumerate(trees):
        if not isinstance(tree.root, Node):
            alone.append(tree)
            continue
        key: object = (tree.targets, _shape(tree.root))
        if key in kept:
            added = RaggedTree(_sum(kept[key].root, tree.root), tree.targets)
            if _holds(op, added.root):
                kept[key] = added
                continue
            key = number
        kept[key] = tree
    return _with_constants(op, list(kept.values()), alone)


def _with_constants(op: o.RaggedTrees, trees: list[RaggedTree], alone: list[RaggedTree]) -> list[RaggedTree]:
    rest: list[RaggedTree] = []
    for constant in alone:
        leaf = constant.root
        assert not isinstance(leaf, Node)
        for group in (trees, rest):
            if _add_constant(op, group, constant.targets, leaf):
                break
        else:
            rest.append(constant)
    return trees + rest


def _add_constant(op: o.RaggedTrees, trees: list[RaggedTree], targets: tuple[int, ...], leaf: Leaf) -> bool:
    for place, tree in enumerate(trees):
        if not set(targets) <= set(tree.targets):
            continue
        spread = dict(zip(targets, leaf, strict=True))
        added = _plus(tree.root, tuple(spread.get(target, 0) for target in tree.targets))
        if _holds(op, added):
            trees[place] = RaggedTree(added, tree.targets)
            return True
    return False


def _shape(branch: Branch) -> object:
    if not isinstance(branch, Node):
        return None
    return branch.feature, branch.threshold, branch.nan_left, _shape(branch.left), _shape(branch.right)


def _sum(a: Branch, b: Branch) -> Branch:
    if isinstance(a, Node) and isinstance(b, Node):
        return Node(a.feature, a.threshold, a.nan_left, _sum(a.left, b.left), _sum(a.right, b.right))
    return tuple(x + y for x, y in zip(a, b, strict=True))  # type: ignore[arg-type]


def _plus(branch: Branch, leaf: Leaf) -> Branch:
    if isinstance(branch, Node):
        left, right = _plus(branch.left, leaf), _plus(branch.right, leaf)
        return Node(branch.feature, branch.threshold, branch.nan_left, left, right)
    return tuple(x + y for x, y in zip(branch, leaf, strict=True))


def _holds(op: o.RaggedTrees, branch: Branch) -> bool:
    """Whether the type of the op's leaves holds all leaves of a branch."""
    if isinstance(branch, Node):
        return _holds(op, branch.left) and _holds(op, branch.right)
    return fits(op, np.array(branch, dtype=np.int64))
