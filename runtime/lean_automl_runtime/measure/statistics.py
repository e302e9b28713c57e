"""Quantiles of latency samples with confidence bounds that assume no distribution.

The bounds are order statistics whose ranks follow from the binomial distribution, exactly: for n independent samples
the k-th smallest lies below the quantile q with probability P(Binomial(n, q) >= k), whatever the distribution. A
two-sided interval at 95 % leaves at most 2.5 % on either side, so that each bound alone holds at 97.5 %.

Latencies are not independent: a machine has slow moments, and a hundred calls in one of them say little more than
one. Taken as independent they give intervals that the next run refutes. So each quantile is bounded as if there were
only as many samples as the run is worth: how often samples exceed the quantile is counted in twenty blocks of the
run, and n shrinks by the factor by which these counts vary more than chance. It never shrinks so far that the
greatest sample is no bound any more: states that the machine was not seen in are no matter of arithmetic, but of more
launches.

A sample can be too small to bound a quantile: p99 needs 368 samples, p99.9 needs 3,688. Its upper bound is then
infinite (`null` in JSON), never a guess. The greatest value of a distribution has no upper bound at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CONFIDENCE: Final = 0.95
QUANTILES: Final = (0.5, 0.9, 0.99, 0.999, 1.0)
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


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of a sample and its 95 % confidence bounds.

    Attributes:
        quantile: In (0, 1]; 0.99 is p99, 1 the maximum.
        value_us: The sample's quantile.
        lower_us: Lower bound; 0 if the sample is too small for one.
        upper_us: Upper bound; infinite if the sample is too small for one.
        independent: How many independent samples the sample is worth at this quantile.
    """

    quantile: float
    value_us: float
    lower_us: float
    upper_us: float
    independent: int

    @property
    def name(self) -> str:
        """`p50`, `p99`, `p99.9`, `max`."""
        return quantile_name(self.quantile)


def quantile_name(quantile: float) -> str:
    """`p50`, `p99`, `p99.9`, `max`."""
    return "max" if quantile == 1.0 else f"p{100 * quantile:.6g}"


def _quantile(times_us: NDArray[np.float64], ordered_us: NDArray[np.float64], quantile: float) -> Quantile:
    """A quantile of times with its bounds; `ordered_us` are the same times, ascending."""
    count = times_us.size
    value_us = float(ordered_us[max(1, math.ceil(count * quantile - 1e-9)) - 1])
    independent = independent_samples(times_us > value_us, quantile)
    lower, upper = bound_ranks(independent, quantile)
    return Quantile(
        quantile,
        value_us,
        float(ordered_us[max(1, lower * count // independent) - 1]) if lower else 0.0,
        float(ordered_us[-(-upper * count // independent) - 1]) if upper else math.inf,
        independent,
    )


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


@dataclass(frozen=True, slots=True)
class Latency:
    """What a sample of latencies says.

    Attributes:
        samples: How many there were.
        mean_us: Their mean. Not a latency that anyone sees: for sums of work only.
        quantiles: In ascending order.
    """

    samples: int
    mean_us: float
    quantiles: tuple[Quantile, ...]

    @classmethod
    def from_samples_ns(cls, samples_ns: ArrayLike, quantiles: tuple[float, ...] = QUANTILES) -> Latency:
        """Latency of samples in nanoseconds, in the order in which they were taken.

        Raises:
            ConfigError: There are no samples.
        """
        times_us = np.asarray(samples_ns, dtype=np.float64).reshape(-1) / 1000
        if times_us.size == 0:
            raise ConfigError("no latency samples: nothing can be said about them")
        ordered_us = np.sort(times_us)
        found = tuple(_quantile(times_us, ordered_us, quantile) for quantile in sorted(quantiles))
        return cls(times_us.size, float(times_us.mean()), found)

    def at(self, quantile: float) -> Quantile:
        """One of the quantiles that were asked for.

        Raises:
            ConfigError: It was not.
        """
        for found in self.quantiles:
            if math.isclose(found.quantile, quantile, abs_tol=1e-9):
                return found
        known = ", ".join(f"{found.quantile:g}" for found in self.quantiles)
        raise ConfigError(f"quantile {quantile:g} was not measured, only: {known}. Name it in the options' quantiles.")

    @property
    def p50(self) -> Quantile:
        """The median."""
        return self.at(0.5)

    @property
    def p90(self) -> Quantile:
        """90 % are not slower."""
        return self.at(0.9)

    @property
    def p99(self) -> Quantile:
        """99 % are not slower."""
        return self.at(0.99)

    @property
    def p999(self) -> Quantile:
        """99.9 % are not slower."""
        return self.at(0.999)

    @property
    def max(self) -> Quantile:
        """The slowest seen; nothing bounds it from above."""
        return self.at(1.0)

    def per_row(self, rows: int) -> Latency:
        """The same for one of `rows` rows that were predicted together."""
        scaled = tuple(
            Quantile(q.quantile, q.value_us / rows, q.lower_us / rows, q.upper_us / rows, q.independent)
            for q in self.quantiles
        )
        return Latency(self.samples, self.mean_us / rows, scaled)

    def to_json(self) -> dict[str, Any]:
        """JSON values; an infinite bound is null."""
        return {
            "samples": self.samples,
            "mean_us": self.mean_us,
            "quantiles": [
                {
                    "quantile": q.quantile,
                    "value_us": q.value_us,
                    "lower_us": q.lower_us,
                    "upper_us": q.upper_us if math.isfinite(q.upper_us) else None,
                    "independent": q.independent,
                }
                for q in self.quantiles
            ],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Latency:
        """What `to_json` wrote."""
        quantiles = tuple(
            Quantile(
                float(q["quantile"]),
                float(q["value_us"]),
                float(q["lower_us"]),
                math.inf if q["upper_us"] is None else float(q["upper_us"]),
                int(q["independent"]),
            )
            for q in values["quantiles"]
        )
        return cls(int(values["samples"]), float(values["mean_us"]), quantiles)
