"""scikit-learn's transformers that cut numbers at fixed values: KBinsDiscretizer and Binarizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lean_automl.compiler.foreign.features import Feature, Intervals, Levels, number_values
from lean_automl.compiler.foreign.thresholds import raw_tests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def discretised(transformer: Any, features: Sequence[Feature]) -> list[Levels]:
    """The bins of a KBinsDiscretizer, as numbers or as a column of 0 and 1 for each.

    A row that is an edge belongs to the bin above. Edges are often values of rows, which float32 rounds.
    """
    found: list[Levels] = []
    for feature, edges in zip(features, transformer.bin_edges_, strict=True):
        bins = _cut(feature, np.asarray(edges[1:-1], dtype=np.float64), strict=True)
        if transformer.encode == "ordinal":
            found.append(bins)
            continue
        numbers = np.array(bins.values)
        for number in range(len(edges) - 1):
            found.append(Levels(bins.coding, tuple((numbers == number).astype(float).tolist())))
    return found


def binarised(transformer: Any, features: Sequence[Feature]) -> list[Levels]:
    """Whether values are above the threshold of a Binarizer, as 0 and 1."""
    threshold = np.array([transformer.threshold], dtype=np.float64)
    return [_cut(feature, threshold, strict=False) for feature in features]


def _cut(feature: Feature, edges: NDArray[np.float64], strict: bool) -> Levels:
    """How many edges a value has passed; NaN where it is missing.

    Args:
        feature: The values.
        edges: Ascending.
        strict: Whether a value passes an edge by reaching it; else it must be above.
    """
    side = "right" if strict else "left"
    if isinstance(feature, Levels):
        return Levels(feature.coding, tuple(_passed(np.array(feature.values), edges, side).tolist()))
    tests = raw_tests(feature, edges, strict, of_doubles=True)
    below = tests.threshold[~tests.never].astype(np.float64)
    raw = np.unique(below)
    counts = np.searchsorted(np.sort(below), raw, side="right") + tests.never.sum()
    missing = _passed(number_values(feature, np.array([np.nan])), edges, side)
    values = np.concatenate([[tests.never.sum()], counts, missing])
    return Levels(Intervals(feature.column, tuple(raw.tolist())), tuple(values.astype(float).tolist()))


def _passed(values: NDArray[np.float64], edges: NDArray[np.float64], side: Any) -> NDArray[np.float64]:
    return np.where(np.isnan(values), np.nan, np.searchsorted(edges, values, side=side))
