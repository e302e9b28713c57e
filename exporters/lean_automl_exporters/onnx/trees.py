"""Chooses the form of a tree op."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lean_automl_runtime.errors import UnsupportedOpError

from lean_automl_exporters.onnx.ensembles import tree_ensemble, tree_ensemble_v3
from lean_automl_exporters.onnx.leaves import blank_scores
from lean_automl_exporters.onnx.oblivious import events, tensor_trees
from lean_automl_exporters.onnx.options import TreeEncoding
from lean_automl_exporters.onnx.tree_nodes import binned_nodes, oblivious_nodes, ragged_nodes
from lean_automl_exporters.onnx.values import ordered
from lean_automl_exporters.onnx.walks import bytes_saved, can_walk, walked_trees

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ops as o

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.tree_nodes import TreeNodes
    from lean_automl_exporters.onnx.values import Index


def oblivious_trees(graph: Graph, op: o.ObliviousTrees, x: Index, encoding: TreeEncoding) -> str:
    """Scores of oblivious trees."""
    if op.split_offsets.size == 1:
        return blank_scores(graph, x[0].terms[0].source.name, op.bias)
    if encoding in (TreeEncoding.AUTO, TreeEncoding.COMPACT, TreeEncoding.TENSOR):
        return tensor_trees(graph, op, x)
    source, columns, place = ordered(graph, x)
    nodes = oblivious_nodes(op, events(op, columns, place))
    return _ensemble(graph, op, nodes, graph.cast(source.name, "float32"), encoding)


def binned_trees(graph: Graph, op: o.ObliviousTrees, bins: o.Bin, x: str, encoding: TreeEncoding) -> str:
    """Scores of oblivious trees over bins of `x` and nothing else, as nodes that compare `x` itself."""
    if op.split_offsets.size == 1:
        return blank_scores(graph, x, op.bias)
    return _ensemble(graph, op, binned_nodes(op, bins), x, encoding)


def ragged_trees(graph: Graph, op: o.RaggedTrees, x: str, encoding: TreeEncoding) -> str:
    """Scores of ragged trees."""
    if op.roots.size == 0:
        return blank_scores(graph, x, op.bias)
    if encoding is TreeEncoding.TENSOR and not can_walk(op):
        raise UnsupportedOpError(
            f"encoding 'tensor' cannot say {op.name} with vectors as leaves, or trees that are very deep or compare "
            "with very many numbers: take 'compact', 'auto' or 'tree_ensemble'"
        )
    if encoding is TreeEncoding.TENSOR or (encoding is TreeEncoding.COMPACT and can_walk(op) and bytes_saved(op) > 0):
        return walked_trees(graph, op, x)
    return _ensemble(graph, op, ragged_nodes(op), x, encoding)


def _ensemble(graph: Graph, op: o.Forest, nodes: TreeNodes, x: str, encoding: TreeEncoding) -> str:
    emit = tree_ensemble_v3 if encoding is TreeEncoding.TREE_ENSEMBLE_V3 else tree_ensemble
    return emit(graph, op, nodes, x)
