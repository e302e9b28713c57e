"""What lowering hands from op to op: float tensors by name, and codes and bins as raw levels with maps.

A category table, a map from codes to bins, and the order in which an ONNX node happens to count edges are all
renumberings of a few levels. None of them is emitted: an `Index` notes what each raw level stands for, and the consumer
writes its own table in raw order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.onnx.graph import Graph

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """An integer tensor (n, width).

    Attributes:
        name: Its name.
        dtype: int32 or int64.
        width: Columns.
    """

    name: str
    dtype: str
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One column of codes or bins: the raw levels in a column of a tensor, and what they stand for.

    Attributes:
        source: The tensor.
        column: Which of its columns.
        codes: The IR code or bin of each raw level, int64.
    """

    source: Source
    column: int
    codes: Array


Index = tuple[Level, ...]
"""A value of codes or bins: its columns in order."""


def whole(source: Source, maps: Sequence[Array]) -> Index:
    """All columns of a tensor."""
    return tuple(Level(source, column, codes.astype(np.int64)) for column, codes in enumerate(maps))


def is_monotone(codes: Array) -> bool:
    """Whether the codes never descend, or never ascend."""
    steps = np.diff(codes)
    return bool((steps >= 0).all() or (steps <= 0).all())


def starts(index: Index) -> Array:
    """Where each column's levels begin if all are numbered through; one more entry than columns."""
    return np.cumsum([0, *(level.codes.size for level in index)]).astype(np.int64)


def joined(graph: Graph, index: Index) -> Source:
    """The raw levels of all columns, side by side."""
    runs: list[list[Level]] = []
    for level in index:
        if runs and runs[-1][-1].source is level.source:
            runs[-1].append(level)
        else:
            runs.append([level])
    dtype = "int64" if any(level.source.dtype == "int64" for level in index) else "int32"
    names = []
    for run in runs:
        name = _selected(graph, run)
        names.append(name if run[0].source.dtype == dtype else graph.cast(name, dtype))
    return Source(graph.concat(tuple(names)), dtype, len(index))


def _selected(graph: Graph, run: list[Level]) -> str:
    source, columns = run[0].source, [level.column for level in run]
    if columns == list(range(source.width)):
        return source.name
    return graph.node("Gather", source.name, graph.stored(np.array(columns, dtype=np.int64)), axis=1)


def shifted(graph: Graph, source: Source, by: Array) -> str:
    """Each column plus its own number."""
    return graph.node("Add", source.name, graph.constant(by.astype(source.dtype))) if by.any() else source.name


def renumbered(graph: Graph, index: Index) -> Index:
    """The same columns with their codes in ascending order and without repetition, by one Gather."""
    rows = shifted(graph, joined(graph, index), starts(index)[:-1])
    levels, codes = zip(*(np.unique(level.codes, return_inverse=True) for level in index), strict=True)
    table = graph.stored(np.concatenate(codes).astype(np.int32))
    return whole(Source(graph.node("Gather", table, rows), "int32", len(index)), levels)


def ordered(graph: Graph, index: Index) -> tuple[Source, Index, list[int]]:
    """The columns in one tensor, with monotone codes.

    Returns:
        The tensor, its columns, and the place in it of each column of `index`.
    """
    good = [i for i, level in enumerate(index) if is_monotone(level.codes)]
    rest = [i for i in range(len(index)) if i not in set(good)]
    columns = tuple(index[i] for i in good)
    if rest:
        columns += renumbered(graph, tuple(index[i] for i in rest))
    source = joined(graph, columns)
    place = {column: position for position, column in enumerate(good + rest)}
    return source, columns, [place[i] for i in range(len(index))]
