"""What lowering hands from op to op: float tensors by name, and codes and bins as raw levels with maps.

A category table, a map from codes to bins, and the order in which an ONNX node happens to count edges are all
renumberings of a few levels. None of them is emitted: an `Index` notes what each raw level stands for, and the consumer
writes its own table in raw order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_exporters.onnx.storage import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_exporters.onnx.graph import Graph

Array = np.ndarray[Any, np.dtype[Any]]

WASTE: Final = 32  # bytes of a column's table that are not worth a map


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Term:
    """A column of a tensor, times a whole number."""

    source: Source
    column: int
    factor: int


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One column of codes or bins: its raw level, and what raw levels stand for.

    Attributes:
        terms: The raw level is their sum: one column as it is, or a cross of several.
        codes: The IR code or bin of each raw level, int64.
    """

    terms: tuple[Term, ...]
    codes: Array


Index = tuple[Level, ...]
"""A value of codes or bins: its columns in order."""


def whole(source: Source, maps: Sequence[Array]) -> Index:
    """All columns of a tensor."""
    return tuple(Level((Term(source, column, 1),), codes.astype(np.int64)) for column, codes in enumerate(maps))


def is_monotone(codes: Array) -> bool:
    """Whether the codes never descend, or never ascend."""
    steps = np.diff(codes)
    return bool((steps >= 0).all() or (steps <= 0).all())


def starts(index: Index) -> Array:
    """Where each column's levels begin if all are numbered through; one more entry than columns."""
    return np.cumsum([0, *(level.codes.size for level in index)]).astype(np.int64)


def joined(graph: Graph, index: Index) -> Source:
    """The raw levels of all columns, side by side. All crosses are one product with a matrix of their factors."""
    terms = [term for level in index for term in level.terms]
    if len(terms) == len(index) and all(term.factor == 1 for term in terms):
        return _side_by_side(graph, [(term.source, term.column) for term in terms])
    columns = list(dict.fromkeys((term.source, term.column) for term in terms))
    base = _side_by_side(graph, columns)
    factors = np.zeros((len(columns), len(index)), dtype=base.dtype)
    for position, level in enumerate(index):
        for term in level.terms:
            factors[columns.index((term.source, term.column)), position] += term.factor
    return Source(graph.node("MatMul", base.name, stored(graph, factors)), base.dtype, len(index))


def _side_by_side(graph: Graph, columns: Sequence[tuple[Source, int]]) -> Source:
    dtype = "int64" if any(source.dtype == "int64" for source, _ in columns) else "int32"
    names = []
    for source, run in groupby(columns, key=lambda column: column[0]):
        name = _selected(graph, source, [column for _, column in run])
        names.append(name if source.dtype == dtype else graph.cast(name, dtype))
    return Source(graph.concat(tuple(names)), dtype, len(columns))


def _selected(graph: Graph, source: Source, columns: list[int]) -> str:
    if columns == list(range(source.width)):
        return source.name
    return graph.node("Gather", source.name, stored(graph, np.array(columns, dtype=np.int64)), axis=1)


def shifted(graph: Graph, source: Source, by: Array) -> str:
    """Each column plus its own number."""
    return graph.node("Add", source.name, stored(graph, by.astype(source.dtype))) if by.any() else source.name


def renumbered(graph: Graph, index: Index) -> Index:
    """The same columns with their codes in ascending order and without repetition, by one Gather."""
    rows = shifted(graph, joined(graph, index), starts(index)[:-1])
    levels, codes = zip(*(np.unique(level.codes, return_inverse=True) for level in index), strict=True)
    table = stored(graph, np.concatenate(codes).astype(np.int32))
    return whole(Source(graph.node("Gather", table, rows), "int32", len(index)), levels)


def compacted(graph: Graph, index: Index, row_bytes: int) -> Index:
    """The same columns, renumbered where raw levels that stand for the same would waste rows of a table."""
    wasteful = {}
    for column, level in enumerate(index):
        repeated = level.codes.size - np.unique(level.codes).size
        if repeated * row_bytes > level.codes.size + WASTE:
            wasteful[column] = level
    if not wasteful:
        return index
    anew = dict(zip(wasteful, renumbered(graph, tuple(wasteful.values())), strict=True))
    return tuple(anew.get(column, level) for column, level in enumerate(index))


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
