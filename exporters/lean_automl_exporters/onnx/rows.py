"""From an index to row numbers of one table in which the columns' levels are numbered through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lean_automl_exporters.onnx.values import Index, Part, is_monotone, starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.onnx.graph import Graph
    from lean_automl_exporters.onnx.values import Array


def joined(graph: Graph, parts: Sequence[Part]) -> tuple[str, str]:
    """Name and dtype of the raw levels of all parts, side by side."""
    dtype = "int64" if any(part.dtype == "int64" for part in parts) else "int32"
    names = tuple(part.name if part.dtype == dtype else graph.cast(part.name, dtype) for part in parts)
    return graph.concat(names), dtype


def shifted(graph: Graph, name: str, dtype: str, by: Array) -> str:
    """Each column plus its own number."""
    return graph.node("Add", name, graph.constant(by.astype(dtype))) if by.any() else name


def ordered(graph: Graph, index: Index) -> tuple[Index, list[int]]:
    """An index of one part whose maps are monotone, and the place in it of each column of `index`.

    Columns with other maps are renumbered by one Gather.
    """
    good = [part for part in index.parts if all(is_monotone(m) for m in part.maps)]
    rest = [part for part in index.parts if part not in good]
    renumbered = []
    if rest:
        maps = tuple(m for part in rest for m in part.maps)
        name, dtype = joined(graph, rest)
        rows = shifted(graph, name, dtype, starts(maps)[:-1])
        levels, codes = zip(*(np.unique(m, return_inverse=True) for m in maps), strict=True)
        table = graph.stored(np.concatenate(codes).astype(np.int32))
        renumbered = [Part(graph.node("Gather", table, rows), "int32", tuple(levels))]
    one = [*good, *renumbered]
    name, dtype = joined(graph, one)
    place = _places(index.parts, good + rest)
    return Index((Part(name, dtype, tuple(m for part in one for m in part.maps)),)), place


def _places(parts: Sequence[Part], order: Sequence[Part]) -> list[int]:
    """Place of each column of `parts` when the parts are put in another order."""
    first = dict(zip(map(id, order), np.cumsum([0, *(len(p.maps) for p in order)]).tolist(), strict=False))
    return [first[id(part)] + column for part in parts for column in range(len(part.maps))]
