"""Float tables that are read at the levels of codes or bins, several tables at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl_exporters.onnx.storage import stored
from lean_automl_exporters.onnx.values import joined, shifted, starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array, Index

BYTES_OF_A_NODE: Final = 512  # what a file may grow by to save a node


def gathered(graph: Graph, index: Index, tables: Sequence[Array]) -> str:
    """Row `code` of each column's own table: floats (n, columns), or (n, columns, width) if tables are wider than 1.

    Args:
        graph: Takes the nodes.
        index: Codes or bins.
        tables: For each column of `index`, float32 of shape (levels, width), all of one width.
    """
    rows = np.concatenate([table[level.codes] for level, table in zip(index, tables, strict=True)])
    at = shifted(graph, joined(graph, index), starts(index)[:-1])
    unique, number = _unique_rows(rows)
    if rows.nbytes > unique.nbytes + rows.shape[0] * (1 if unique.shape[0] <= 256 else 2) + BYTES_OF_A_NODE:
        at = graph.node("Gather", stored(graph, number.astype(np.int32)), at)
        rows = unique
    return graph.node("Gather", stored(graph, rows[:, 0] if rows.shape[1] == 1 else rows), at)


def _unique_rows(rows: Array) -> tuple[Array, Array]:
    """Rows that differ in any bit, and the number of each row among them."""
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))[:, 0]
    unique, number = np.unique(whole, return_inverse=True)
    return unique.view(rows.dtype).reshape(-1, rows.shape[1]), number


def lookup(graph: Graph, index: Index, table: Array) -> str:
    """Rows of one table: floats (n, width)."""
    values = gathered(graph, index, [table])
    return values if table.shape[1] == 1 else graph.node("Reshape", values, graph.integers(-1, table.shape[1]))


def sum_in_order(graph: Graph, first: str, rest: str, count: int, width: int) -> str:
    """`((first + rest_0) + rest_1) + ...`, each step rounded, by a running sum.

    Args:
        graph: Takes the nodes.
        first: Floats (n, width).
        rest: Floats (n, count), or (n, count, width) if the width is more than 1.
        count: How many are added.
        width: Columns of each.
    """
    start = first if width == 1 else graph.node("Unsqueeze", first, graph.integers(1))
    running = graph.node("CumSum", graph.concat((start, rest)), graph.constant(np.array(1, dtype=np.int64)))
    last = np.array([count] if width == 1 else count, dtype=np.int64)
    return graph.node("Gather", running, graph.constant(last), axis=1)
