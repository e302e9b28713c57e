"""Order statistics as confidence bounds for quantiles, without an assumed distribution.

For n independent samples the k-th smallest lies below the quantile q with probability P(Binomial(n, q) >= k), whatever
the distribution, so the ranks of the bounds follow from the binomial distribution, exactly. A two-sided interval at
95 % leaves at most 2.5 % on either side, so that each bound alone holds at 97.5 %.

Latencies are not independent: a machine has slow moments, and a hundred calls in one of them say little more than
one. Taken as independent they give intervals that the next run refutes. So each quantile is bounded as if there were
only as many samples as the run is worth: how often samples exceed the quantile is counted in twenty blocks of the
run, and n shrinks by the factor by which these counts vary more than chance. It never shrinks so far that the
greatest sample is no bound any more: states that the machine was not seen in are no matter of arithmetic, but of more
launches.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl_runtime.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIDENCE: Final = 0.95
BLOCKS: Final = 20
SMALLEST_BLOCK: Final = 10
FEWEST_BLOCKS: Final = 5


@lru_cache(maxsize=512)
def bound_ranks(samples: int, quantile: float, confidence: float = CONFIDENCE) -> tuple[int | None, int | None]:
    """Ranks (the smallest sample has rank 1) of the samples that bound a quantile from below and from above.

    Args:
        samples: How many independent samples there are.
        quantile: In (0, 1]; 1 is the greatest value.
        confidence: Of the two-sided interval, in (0, 1).

    Returns:
        Lower and upper rank; None where no sample is a bound at this confidence.
    """
    if not 0 < quantile <= 1 or not 0 < confidence < 1:
        raise ConfigError(f"quantile {quantile} must be in (0, 1] and confidence {confidence} in (0, 1)")
    if samples < 1:
        return None, None
    if quantile == 1.0:
        return samples, None
    cumulative = _binomial_cumulative(samples, quantile)
    tail = (1 - confidence) / 2
    lower = int(np.searchsorted(cumulative, tail, side="right"))
    upper = int(np.searchsorted(cumulative, 1 - tail, side="left")) + 1
    return lower or None, upper if upper <= samples else None


def _binomial_cumulative(trials: int, probability: float) -> NDArray[np.float64]:
    """P(Binomial(trials, probability) <= k) for k = 0 .. trials."""
    k = np.arange(trials, dtype=np.float64)
    steps = np.log((trials - k) / (k + 1)) + math.log(probability / (1 - probability))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    weights = np.exp(logs - logs.max())
    cumulative: NDArray[np.float64] = np.cumsum(weights)
    cumulative /= cumulative[-1]
    return cumulative


def samples_to_bound(quantile: float, confidence: float = CONFIDENCE) -> int:
    """How many independent samples it takes until the greatest of them bounds a quantile below 1 from above."""
    return math.ceil(math.log((1 - confidence) / 2) / math.log(quantile))


def independent_samples(exceeds: NDArray[np.bool_], quantile: float) -> int:
    """How many independent samples a series is worth at a quantile.

    Args:
        exceeds: For each sample, in order of time, whether it is above the quantile.
        quantile: In (0, 1].
    """
    count, blocks = exceeds.size, min(BLOCKS, exceeds.size // SMALLEST_BLOCK)
    share = float(exceeds.mean())
    if blocks < FEWEST_BLOCKS or not 0 < share < 1:
        return count
    starts = np.arange(blocks) * count // blocks
    sizes = np.diff(np.append(starts, count))
    rates = np.add.reduceat(exceeds.astype(np.int64), starts) / sizes
    factor = max(1.0, float(rates.var(ddof=1)) * count / blocks / (share * (1 - share)))
    return min(count, max(int(count / factor), samples_to_bound(quantile)))
