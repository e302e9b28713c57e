"""Clipped, standardised numbers, for models that multiply them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from lean_automl_runtime.ir import ops as o

from lean_automl.compiler.bins import emit_matrix
from lean_automl.features.plan import LARGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import ProgramBuilder
    from numpy.typing import NDArray

    from lean_automl.features import NumericFeature

CLIP_QUANTILE: Final = 0.005


@dataclass(frozen=True, eq=False)
class Standardise:
    """From numbers to clipped, standardised numbers, and whether each was missing.

    Attributes:
        fill: For NaN; the median. Shape (numbers,), as all of them.
        low: Lower limit.
        high: Upper limit.
        mean: Of the clipped values.
        deviation: Of the clipped values; 1 where constant.
    """

    fill: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    def take(self, columns: NDArray[np.integer]) -> Standardise:
        """Of some of the columns."""
        return Standardise(*(own[columns] for own in (self.fill, self.low, self.high, self.mean, self.deviation)))

    def values(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standardised values, float32 (n, numbers)."""
        filled = np.where(np.isnan(numbers), self.fill, numbers)
        clipped = np.minimum(np.maximum(filled, self.low), self.high)
        return np.asarray((clipped - self.mean) / self.deviation, dtype=np.float32)

    def emit_clipped(self, features: Sequence[NumericFeature], builder: ProgramBuilder) -> int:
        """Value number of the features, filled and clipped and less their mean, but not divided."""
        filled = builder.add(o.Impute((emit_matrix(features, builder),), self.fill))
        clipped = builder.add(o.Clip((filled,), self.low, self.high))
        return builder.add(o.Blend((clipped,), np.ones(1, dtype=np.float32), -self.mean))


def fit_standardise(numbers: NDArray[np.float32]) -> Standardise:
    """Limits and moments of the columns of `numbers`."""
    width = numbers.shape[1]
    ordinary = np.abs(numbers) < LARGEST  # infinities were made the largest numbers; missing is not ordinary either
    fill, low, high = (np.zeros(width, dtype=np.float32) for _ in range(3))
    for j in range(width):
        present = numbers[ordinary[:, j], j]
        if present.size:
            fill[j] = np.median(present)
            low[j], high[j] = np.quantile(present, [CLIP_QUANTILE, 1 - CLIP_QUANTILE])
            if low[j] == high[j]:
                low[j], high[j] = present.min(), present.max()
    clipped = np.minimum(np.maximum(np.where(np.isnan(numbers), fill, numbers), low), high).astype(np.float64)
    mean, deviation = clipped.mean(axis=0), clipped.std(axis=0)
    deviation[~(deviation > 0)] = 1.0
    return Standardise(fill, low, high, mean.astype(np.float32), deviation.astype(np.float32))
