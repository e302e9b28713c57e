"""Trees as nodes of ai.onnx.ml: TreeEnsemble (version 5) and TreeEnsembleRegressor (version 3).

Leaf weights stay integers, so that the node's sum is exact, in float32 where no sum can pass 2**24 and in float64
else, and scores are the reference's bit for bit; scale and bias are applied outside. Version 3 sums in float32 only:
above 2**24 each addition may round by one part in 2**24.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lean_automl_exporters.onnx.graph import ML_DOMAIN, Attribute, Numbers
from lean_automl_exporters.onnx.leaves import EXACT_IN_FLOAT32, largest_sum, scaled
from lean_automl_exporters.onnx.tree_nodes import one_target_each, with_equal_leaves, with_roots

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.tree_nodes import TreeNodes
    from lean_automl_exporters.onnx.values import Array


@dataclass(frozen=True, slots=True, eq=False)
class _Test:
    """What all nodes ask.

    Attributes:
        name: In version 3.
        number: In version 5.
        true: Child where the answer is yes.
        false: Child where it is no.
        missing: Whether the answer is yes for NaN.
    """

    name: str
    number: int
    true: Array
    false: Array
    missing: Array


def _test(nodes: TreeNodes) -> _Test:
    """`x <= threshold`, or `x > threshold` where NaN always goes left: it fails that, so no node needs a note."""
    if nodes.nan_left.all():
        return _Test("BRANCH_GT", 3, nodes.right, nodes.left, ~nodes.nan_left)
    return _Test("BRANCH_LEQ", 0, nodes.left, nodes.right, nodes.nan_left)


def tree_ensemble(graph: Graph, op: o.Forest, nodes: TreeNodes, x: str) -> str:
    """Scores by TreeEnsemble.

    Its leaves have one target: a tree is written once for each of its targets. Nodes of any tree may point at one leaf,
    so each pair of target and weight is written once.
    """
    dtype = "float32" if largest_sum(op) <= EXACT_IN_FLOAT32 else "float64"
    nodes, target = one_target_each(op, nodes)
    value = np.column_stack([target[nodes.leaf_tree], op.leaves[nodes.leaf_row]])
    nodes = with_roots(with_equal_leaves(nodes, value))
    test = _test(nodes)
    attributes: dict[str, Attribute] = {
        "n_targets": op.scale.size,
        "nodes_splits": nodes.threshold.astype(dtype),
        "nodes_modes": np.full(nodes.feature.size, test.number, dtype=np.uint8),
        "nodes_featureids": Numbers(nodes.feature),
        "nodes_truenodeids": Numbers(np.maximum(test.true, ~test.true)),
        "nodes_trueleafs": Numbers(test.true < 0),
        "nodes_falsenodeids": Numbers(np.maximum(test.false, ~test.false)),
        "nodes_falseleafs": Numbers(test.false < 0),
        "leaf_targetids": Numbers(target[nodes.leaf_tree]),
        "leaf_weights": op.leaves[nodes.leaf_row].astype(dtype),
        "tree_roots": Numbers(nodes.roots),
    }
    if test.missing.any():
        attributes["nodes_missing_value_tracks_true"] = Numbers(test.missing)
    source = x if dtype == "float32" else graph.cast(x, dtype)
    (total,) = graph.nodes_of("TreeEnsemble", (source,), 1, ML_DOMAIN, attributes)
    return scaled(graph, total if dtype == "float32" else graph.cast(total, "float32"), op.scale, op.bias)


def tree_ensemble_v3(graph: Graph, op: o.Forest, nodes: TreeNodes, x: str) -> str:
    """Scores by TreeEnsembleRegressor, where leaves are nodes too; in each tree they follow its inner nodes."""
    inner = np.bincount(nodes.node_tree, minlength=nodes.roots.size)
    node_id = _rank(nodes.node_tree)
    leaf_id = inner[nodes.leaf_tree] + _rank(nodes.leaf_tree)
    test = _test(nodes)
    children = [
        np.array([node_id[c] if c >= 0 else leaf_id[~c] for c in side.tolist()], dtype=np.int64)
        for side in (test.true, test.false)
    ]
    order = np.argsort(np.concatenate([nodes.node_tree, nodes.leaf_tree]), kind="stable")
    leaf_zeros = np.zeros(nodes.leaf_tree.size, dtype=np.int64)

    def both(of_nodes: Array, of_leaves: Array = leaf_zeros) -> Numbers:
        return Numbers(np.concatenate([of_nodes, of_leaves])[order])

    counts = np.diff(op.target_offsets).astype(np.int64)[nodes.leaf_tree]
    leaf = np.repeat(np.arange(nodes.leaf_tree.size), counts)
    nth = _rank(leaf)
    attributes: dict[str, Attribute] = {
        "n_targets": op.scale.size,
        "nodes_treeids": both(nodes.node_tree, nodes.leaf_tree),
        "nodes_nodeids": both(node_id, leaf_id),
        "nodes_featureids": both(nodes.feature),
        "nodes_values": Numbers(np.concatenate([nodes.threshold, leaf_zeros])[order].astype(np.float32)),
        "nodes_modes": tuple(test.name if i < nodes.feature.size else "LEAF" for i in order.tolist()),
        "nodes_truenodeids": both(children[0]),
        "nodes_falsenodeids": both(children[1]),
        "target_treeids": Numbers(nodes.leaf_tree[leaf]),
        "target_nodeids": Numbers(leaf_id[leaf]),
        "target_ids": Numbers(op.targets[op.target_offsets[:-1][nodes.leaf_tree[leaf]] + nth]),
        "target_weights": Numbers(op.leaves[nodes.leaf_row[leaf] + nth].astype(np.float32)),
    }
    if test.missing.any():
        attributes["nodes_missing_value_tracks_true"] = both(test.missing)
    (total,) = graph.nodes_of("TreeEnsembleRegressor", (x,), 1, ML_DOMAIN, attributes)
    return scaled(graph, total, op.scale, op.bias)


def _rank(groups: Array) -> Array:
    """Position of each entry in its run of equal entries; equal entries stand together."""
    changes = np.flatnonzero(np.diff(groups, prepend=-1))
    return np.arange(groups.size) - np.repeat(changes, np.diff(np.append(changes, groups.size)))
