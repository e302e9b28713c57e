"""Numbers for networks: standardised, and in pieces.

Piecewise linear encoding: Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular Deep
Learning", NeurIPS 2022. A number becomes one input for each bin between its quantiles: 0 below the bin, 1 above it, and
in between how far it is through it. A network then bends where the data are, which one standardised input teaches it
only slowly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.learners.standardise import Standardise, fit_standardise

if TYPE_CHECKING:
    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import FeaturePlan


@dataclass(frozen=True, eq=False)
class Pieces:
    """From numbers to the inputs of a network.

    Attributes:
        source: Position of the number that each input reads, shape (inputs,).
        scale: Limits, shift and divisor of each input; what a missing number becomes is 0, but for standardised ones.
    """

    source: NDArray[np.intp]
    scale: Standardise

    @property
    def inputs(self) -> int:
        """How many."""
        return int(self.source.size)

    def values(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Inputs, float32 (n, inputs)."""
        return self.scale.values(numbers[:, self.source])

    def emit(self, plan: FeaturePlan, builder: ProgramBuilder) -> int:
        """Value number of the inputs before they are divided by `scale.deviation`."""
        return self.scale.emit_clipped([plan.numeric[j] for j in self.source.tolist()], builder)


def fit_pieces(numbers: NDArray[np.float32], bins: int) -> Pieces:
    """Every column standardised, then each in at most `bins` bins of about as many rows; no bins for 0."""
    width = numbers.shape[1]
    whole = fit_standardise(numbers)
    edges = [_edges(numbers[:, j], bins) for j in range(width)] if bins else []
    source = [*range(width), *(j for j, own in enumerate(edges) for _ in own[1:])]
    low = np.concatenate([np.empty(0, np.float32), *(own[:-1] for own in edges)])
    high = np.concatenate([np.empty(0, np.float32), *(own[1:] for own in edges)])

    def both(first: NDArray[Any], rest: NDArray[Any]) -> NDArray[np.float32]:
        return np.concatenate([first, rest]).astype(np.float32)

    scale = Standardise(
        fill=both(whole.fill, low),
        low=both(whole.low, low),
        high=both(whole.high, high),
        mean=both(whole.mean, low),
        deviation=both(whole.deviation, high - low),
    )
    return Pieces(np.array(source, dtype=np.intp), scale)


def _edges(column: NDArray[np.float32], bins: int) -> NDArray[np.float32]:
    """Ascending float32 edges with room between them; one edge, and so no bin, for a constant."""
    present = column[np.isfinite(column)]
    if not present.size:
        return np.zeros(1, dtype=np.float32)
    edges = np.unique(np.quantile(present.astype(np.float64), np.linspace(0, 1, bins + 1)).astype(np.float32))
    # The difference of huge numbers is infinite, that of tiny ones is nothing: such a bin has no inside.
    with np.errstate(over="ignore"):
        inside = np.isfinite(1 / np.diff(edges)) & np.isfinite(np.diff(edges))
    return edges if inside.all() else edges[:1]
