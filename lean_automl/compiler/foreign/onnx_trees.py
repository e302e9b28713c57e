"""ONNX's tree ensembles, versions 1 to 3 and 5, as source trees.

A row goes to the true branch where its test holds; NaN goes there where `missing_value_tracks_true`, else it fails
every test but `!=`.
"""

from __future__ import annotations

from dataclasses import replace
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


def read_ensemble(node: Node, features: Sequence[Feature], prefix: str) -> tuple[ForestModel, bool, set[int]]:
    """The trees of a TreeEnsembleClassifier (`prefix` class) or TreeEnsembleRegressor (`prefix` target).

    Returns:
        The trees, whether all leaf values are positive, and the outputs that some leaf adds to.
    """
    outputs = _outputs(node, prefix)
    trees_of = node.array("nodes_treeids", np.int64)
    leaf_trees, leaf_nodes = node.array(f"{prefix}_treeids", np.int64), node.array(f"{prefix}_nodeids", np.int64)
    leaf_ids, weights = node.array(f"{prefix}_ids", np.int64), node.array(f"{prefix}_weights")
    modes = np.array(node.texts("nodes_modes"), dtype=object)
    refuse_modes(node, modes[modes != "LEAF"])
    binary = prefix == "class" and outputs == 2 and len(set(leaf_ids.tolist())) == 1
    width = 1 if binary else outputs
    values = {name: node.array(f"nodes_{name}") for name in ("values", "featureids")}
    tracks = node.array("nodes_missing_value_tracks_true", bool)
    tracks = tracks if tracks.size else np.zeros(trees_of.size, dtype=bool)
    numbers = {name: node.array(f"nodes_{name}", np.int64) for name in ("nodeids", "truenodeids", "falsenodeids")}
    found = []
    for tree in np.unique(trees_of):
        own, mine = trees_of == tree, leaf_trees == tree
        at = np.full(int(numbers["nodeids"][own].max()) + 1, 0, dtype=np.int64)
        at[numbers["nodeids"][own]] = np.arange(int(own.sum()))
        value = np.zeros((int(own.sum()), width))
        np.add.at(value, (at[leaf_nodes[mine]], 0 if binary else leaf_ids[mine]), weights[mine])
        leaf = modes[own] == "LEAF"
        arrays = {side: at[np.where(leaf, 0, numbers[f"{side}nodeids"][own])] for side in ("true", "false")}
        arrays |= {"modes": modes[own], "tracks": tracks[own]}
        arrays |= {"threshold": values["values"][own], "feature": values["featureids"][own]}
        found.append(_tree(node_table(arrays, leaf, value, {}), width))
    base = node.array("base_values")
    bias = (
        np.broadcast_to(base if base.size else np.zeros(1), (width,)) if base.size <= 1 or base.size == width else base
    )
    if bias.size != width:
        raise node.refuse(f"has {bias.size} base values for {width} scores, which is not supported")
    model = ForestModel(tuple(found), tuple(features), np.array(bias, dtype=np.float64), casts=casts(features))
    return model, bool((weights >= 0).all()), set(leaf_ids.tolist())


def _outputs(node: Node, prefix: str) -> int:
    if prefix == "target":
        return int(node.attributes.get("n_targets", 1))
    return max(len(node.attributes.get("classlabels_int64s", [])), len(node.attributes.get("classlabels_strings", [])))


def refuse_modes(node: Node, modes: NDArray[Any]) -> None:
    """Refuse tests that are not known."""
    unknown = sorted(set(modes.tolist()) - set(MODES[:6]))
    if unknown:
        raise node.refuse(f"has tests of kind {', '.join(map(str, unknown))}, which are not supported")


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
