"""ONNX's tree ensembles, versions 1 to 3 and 5, as source trees.

A row goes to the true branch where its test holds; NaN goes there where `missing_value_tracks_true`, else it fails
every test but `!=`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.foreign.features import Feature, Number
from lean_automl.compiler.foreign.forest import ForestModel, SourceTree
from lean_automl.compiler.foreign.nodes import NodeTable, source_tree
from lean_automl.compiler.foreign.onnx_graph import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MODES: Final = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
SWAPPED: Final = {"BRANCH_GTE": "BRANCH_LT", "BRANCH_GT": "BRANCH_LEQ", "BRANCH_NEQ": "BRANCH_EQ"}
POST_TRANSFORMS: Final = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def node_table(
    arrays: Mapping[str, NDArray[Any]],
    leaf: NDArray[np.bool_],
    value: NDArray[np.float64],
    members: Mapping[int, tuple[float, ...]],
) -> NodeTable:
    """Nodes with tests of any kind as a table of tests `<=` and of equality.

    Args:
        arrays: `modes`, `feature`, `threshold`, `true`, `false` and `tracks` of each node; anything for leaves.
        leaf: Whether a node is a leaf.
        value: What leaves hold.
        members: Sets of the nodes that test membership.
    """
    modes = arrays["modes"]
    swapped = np.isin(modes, list(SWAPPED))
    left = np.where(swapped, arrays["false"], arrays["true"]).astype(np.int64)
    right = np.where(swapped, arrays["true"], arrays["false"]).astype(np.int64)
    # Of `!=` NaN passes; of all others it fails, unless it is tracked.
    passes = arrays["tracks"].astype(bool) | (modes == "BRANCH_NEQ")
    nan_left = passes != swapped
    plain = np.array([SWAPPED.get(mode, mode) for mode in modes.tolist()], dtype=object)
    threshold = arrays["threshold"].astype(np.float64)
    below = np.nextafter(threshold.astype(np.float32), np.float32(-np.inf)).astype(np.float64)
    equal: dict[int, tuple[float, ...]] = {
        int(node): (float(threshold[node]),) for node in np.flatnonzero((plain == "BRANCH_EQ") & ~leaf)
    }
    equal |= members
    feature = np.where(leaf, 0, arrays["feature"]).astype(np.int64)
    table = NodeTable(
        leaf, feature, np.where(plain == "BRANCH_LT", below, threshold), left, right, nan_left, value, equal=equal
    )
    return _with_chains(table)


def _with_chains(table: NodeTable) -> NodeTable:
    """Chains of equality tests of one column that lead to the same place as one test: converters write sets so."""
    right, nan_left = table.right.copy(), table.nan_left.copy()
    equal = dict(table.equal)
    absorbed: set[int] = set()
    for node in sorted(equal):
        if node in absorbed:
            continue
        follower = int(right[node])
        while (
            follower in equal
            and table.feature[follower] == table.feature[node]
            and table.left[follower] == table.left[node]
        ):
            equal[node] += equal[follower]
            nan_left[node] |= nan_left[follower]
            absorbed.add(follower)
            right[node] = follower = int(right[follower])
    return replace(table, right=right, nan_left=nan_left, equal=equal)


@dataclass(frozen=True, eq=False)
class Leaves:
    """What the leaves of an ensemble hold, one entry for each leaf and output.

    Attributes:
        trees: Tree of each entry.
        nodes: Node of each entry.
        ids: Output of each entry.
        weights: What it adds.
    """

    trees: NDArray[np.int64]
    nodes: NDArray[np.int64]
    ids: NDArray[np.int64]
    weights: NDArray[np.float64]

    @staticmethod
    def of(node: Node, prefix: str) -> Leaves:
        """Those of a TreeEnsembleClassifier (`prefix` class) or TreeEnsembleRegressor (`prefix` target)."""
        trees, nodes, ids = (node.array(f"{prefix}_{name}", np.int64) for name in ("treeids", "nodeids", "ids"))
        return Leaves(trees, nodes, ids, node.array(f"{prefix}_weights"))


def read_regressor(node: Node, features: Sequence[Feature]) -> ForestModel:
    """The trees of a TreeEnsembleRegressor."""
    outputs = int(node.attributes.get("n_targets", 1))
    base = node.array("base_values")
    if base.size not in (0, outputs):
        raise node.refuse(f"has {base.size} base values for {outputs} targets, which is not supported")
    trees = _trees(node, Leaves.of(node, "target"), outputs)
    return ForestModel(trees, tuple(features), base if base.size else np.zeros(outputs), casts=casts(features))


def read_classifier(node: Node, features: Sequence[Feature], classes: int) -> tuple[ForestModel, Leaves]:
    """The trees of a TreeEnsembleClassifier, with one output for each class, or one for the second of two classes.

    onnxruntime has rules of its own for what converters do not write; such files are refused.
    """
    leaves = Leaves.of(node, "class")
    base = node.array("base_values")
    single = classes == 2 and set(leaves.ids.tolist()) == {0}
    width = 1 if single else classes
    bias = np.zeros(width)
    if base.size > width or (base.size and classes == 2 and not single):
        raise node.refuse(f"has {base.size} base values for {classes} classes and {width} scores")
    bias[: base.size] = base  # too few are for the first classes
    for output in range(width):
        if not _reaches_all_rows(node, leaves, output):
            raise node.refuse(f"has leaves without a weight for class number {output}, which onnxruntime then ignores")
    trees = _trees(node, leaves, width)
    return ForestModel(trees, tuple(features), bias, casts=casts(features)), leaves


def _reaches_all_rows(node: Node, leaves: Leaves, output: int) -> bool:
    """Whether some tree has a weight for an output in each of its leaves."""
    is_leaf = np.array(node.texts("nodes_modes"), dtype=object) == "LEAF"
    trees, counts = np.unique(node.array("nodes_treeids", np.int64)[is_leaf], return_counts=True)
    own = leaves.ids == output
    with_weight = [np.unique(leaves.nodes[own & (leaves.trees == tree)]).size for tree in trees]
    return bool((np.array(with_weight) == counts).any())


def _trees(node: Node, leaves: Leaves, width: int) -> tuple[SourceTree, ...]:
    trees_of = node.array("nodes_treeids", np.int64)
    modes = np.array(node.texts("nodes_modes"), dtype=object)
    unknown = sorted(set(modes.tolist()) - {*MODES[:6], "LEAF"})
    if unknown:
        raise node.refuse(f"has tests of kind {', '.join(map(str, unknown))}, which are not supported")
    tracks = node.array("nodes_missing_value_tracks_true", bool)
    columns = {
        "threshold": node.array("nodes_values"),
        "feature": node.array("nodes_featureids"),
        "tracks": tracks if tracks.size else np.zeros(trees_of.size, dtype=bool),
        "modes": modes,
    }
    numbers = {name: node.array(f"nodes_{name}nodeids", np.int64) for name in ("", "true", "false")}
    found = []
    for tree in np.unique(trees_of):
        own, mine = trees_of == tree, leaves.trees == tree
        count = int(own.sum())
        at = np.zeros(int(numbers[""][own].max()) + 1, dtype=np.int64)
        at[numbers[""][own]] = np.arange(count)
        value = np.zeros((count, width))
        np.add.at(value, (at[leaves.nodes[mine]], leaves.ids[mine]), leaves.weights[mine])
        leaf = modes[own] == "LEAF"
        arrays = {name: column[own] for name, column in columns.items()}
        arrays |= {side: at[np.where(leaf, 0, numbers[side][own])] for side in ("true", "false")}
        found.append(_tree(node_table(arrays, leaf, value, {}), width))
    return tuple(found)


def _tree(table: NodeTable, width: int, root: int = 0) -> SourceTree:
    """The tree, with leaves for those outputs only that it adds to."""
    tree = source_tree(table, tuple(range(width)), root)
    used = np.flatnonzero((tree.leaves != 0.0).any(axis=0))
    used = used if used.size else np.zeros(1, dtype=np.intp)
    return replace(tree, leaves=tree.leaves[:, used], targets=tuple(used.tolist()))


def casts(features: Sequence[Feature]) -> bool:
    """Whether the graph's inputs are float32."""
    return all(feature.narrow for feature in features if isinstance(feature, Number))


def read_tree_ensemble(node: Node, features: Sequence[Feature]) -> ForestModel:
    """The trees of a TreeEnsemble, version 5."""
    outputs = int(node.attributes.get("n_targets", 1))
    codes = node.array("nodes_modes", np.int64)
    inner = codes.size
    leaf_ids, weights = node.array("leaf_targetids", np.int64), node.array("leaf_weights")
    value = np.zeros((inner + leaf_ids.size, outputs))
    value[np.arange(inner, value.shape[0]), leaf_ids] = weights
    leaf = np.arange(value.shape[0]) >= inner

    def padded(own: NDArray[Any]) -> NDArray[Any]:
        """With something for leaves, which are numbered after the nodes."""
        filler = own if own.size else np.zeros(inner, dtype=bool)
        return np.concatenate([filler, np.resize(filler[:1], leaf_ids.size)])

    arrays = {"modes": padded(np.array([MODES[code] for code in codes.tolist()], dtype=object))}
    arrays |= {"feature": padded(node.array("nodes_featureids")), "threshold": padded(node.array("nodes_splits"))}
    arrays["tracks"] = padded(node.array("nodes_missing_value_tracks_true", bool))
    for side in ("true", "false"):
        is_leaf = node.array(f"nodes_{side}leafs", bool)
        arrays[side] = padded(node.array(f"nodes_{side}nodeids", np.int64) + np.where(is_leaf, inner, 0))
    table = node_table(arrays, leaf, value, _members(node, codes))
    trees = tuple(_tree(table, outputs, int(root)) for root in node.array("tree_roots", np.int64))
    return ForestModel(trees, tuple(features), np.zeros(outputs), casts=casts(features))


def _members(node: Node, codes: NDArray[np.int64]) -> dict[int, tuple[float, ...]]:
    """The sets of nodes that test membership: one after the other, NaN between them."""
    values = node.array("membership_values")
    groups = np.split(values, np.flatnonzero(np.isnan(values)))
    sets = [tuple(group[~np.isnan(group)].tolist()) for group in groups]
    nodes = np.flatnonzero(codes == MODES.index("BRANCH_MEMBER"))
    if nodes.size > len(sets):
        raise node.refuse("has fewer sets than tests of membership")
    return {int(number): own for number, own in zip(nodes, sets, strict=False)}


def aggregated(node: Node, model: ForestModel) -> ForestModel:
    """The trees added or averaged, as the op says."""
    how = node.attributes.get("aggregate_function", "SUM")
    name = how.decode() if isinstance(how, bytes) else how
    if name in ("SUM", 1):
        return model
    if name in ("AVERAGE", 0):
        share = 1.0 / len(model.trees)
        return replace(model, trees=tuple(replace(tree, leaves=tree.leaves * share) for tree in model.trees))
    raise node.refuse(f"aggregates trees by {name!r}; only sums and averages are supported")
