"""What lowering hands from op to op: float tensors by name, and codes and bins as raw indices with maps.

A category table, a map from codes to bins, and the order in which an ONNX node happens to count edges are all
renumberings of a few levels. None of them is emitted: an `Index` notes what each raw level stands for, and the consumer
writes its own table in raw order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some columns of an index.

    Attributes:
        name: Integer tensor (n, columns).
        dtype: Its element type, int32 or int64.
        maps: For each column, the IR code or bin of each raw level; int64 arrays.
    """

    name: str
    dtype: str
    maps: tuple[Array, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """A value of codes or bins: its columns, in order, are those of its parts."""

    parts: tuple[Part, ...]

    @property
    def maps(self) -> tuple[Array, ...]:
        """What raw levels stand for, for each column."""
        return tuple(m for part in self.parts for m in part.maps)


def is_monotone(mapping: Array) -> bool:
    """Whether the map never descends, or never ascends."""
    steps = np.diff(mapping)
    return bool((steps >= 0).all() or (steps <= 0).all())


def starts(maps: tuple[Array, ...]) -> Array:
    """Where each column's levels begin if all are numbered through; one more entry than columns."""
    return np.cumsum([0, *(m.size for m in maps)]).astype(np.int64)
