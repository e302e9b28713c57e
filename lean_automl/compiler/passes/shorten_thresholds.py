"""Thresholds and edges that no row tells apart become one short number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.passes.evidence import Evidence
from lean_automl.compiler.passes.rewrite import Moved, Rewrite, rewrite

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.compiler.passes.base import Array

MANTISSA: Final = 23


@dataclass(frozen=True, eq=False)
class ShortenThresholds:
    """Moves each threshold, within the gap between two neighbouring numbers of the rows, to the shortest float there.

    Predictions for these rows stay as they are. Bits that are zero compress well; thresholds in the same gap become
    equal.

    Attributes:
        rows: A typed array for each column, by its name; without labels.
    """

    rows: Mapping[str, Array] = field(repr=False)

    name: ClassVar[str] = "shorten_thresholds"
    exact: ClassVar[bool] = False

    def run(self, program: Program) -> Program:
        """The changed Program."""
        evidence = Evidence(program, self.rows)

        def change(state: Rewrite, number: int, op: o.Op) -> Moved | None:
            if isinstance(op, o.RaggedTrees):
                values = evidence.value(op.inputs[0])
                threshold = op.threshold.copy()
                for column in np.unique(op.feature).tolist():
                    own = op.feature == column
                    threshold[own] = shortened(threshold[own], values[:, column])
                return state.same(number, replace(op, threshold=threshold))
            if isinstance(op, o.Bin):
                values = evidence.value(op.inputs[0])
                edges = op.edges.copy()
                for column, (a, b) in enumerate(zip(op.offsets[:-1], op.offsets[1:], strict=True)):
                    edges[a:b] = _ascending(edges[a:b], shortened(edges[a:b], values[:, column]))
                return state.same(number, replace(op, edges=edges))
            return None

        return rewrite(program, change)


def _ascending(old: Array, new: Array) -> Array:
    """New edges where they still ascend strictly; the old ones from the first that does not on.

    Edges in one gap would become one, which is left to what decides on trees; the first keeps its new place.
    """
    found = old.copy()
    for i in range(old.size):
        above = old[i + 1] if i + 1 < old.size else np.inf
        below = found[i - 1] if i else -np.inf
        if below < new[i] < above:
            found[i] = new[i]
    return found


def shortened(thresholds: Array, values: Array) -> Array:
    """For each threshold the float32 with the fewest significant bits that sends all values to the same side."""
    known = np.unique(values[np.isfinite(values)])
    if not known.size:
        return thresholds
    at = np.searchsorted(known, thresholds, side="right")  # values up to the threshold
    inside = (at > 0) & (at < known.size)
    low, high = known[np.maximum(at - 1, 0)], known[np.minimum(at, known.size - 1)]
    found = thresholds.copy()
    waiting = inside.copy()
    for bits in range(1, MANTISSA + 1):
        middle = (low[waiting].astype(np.float64) + high[waiting]) / 2
        candidate = _significant(middle, bits)
        good = (candidate >= low[waiting]) & (candidate < high[waiting])
        place = np.flatnonzero(waiting)[good]
        found[place] = candidate[good]
        waiting[place] = False
    return found


def _significant(values: Array, bits: int) -> Array:
    """Rounded to that many significant bits."""
    fraction, exponent = np.frexp(values)
    with np.errstate(over="ignore"):
        rounded: Array = np.ldexp(np.rint(np.ldexp(fraction, bits)), exponent - bits).astype(np.float32)
    return rounded
