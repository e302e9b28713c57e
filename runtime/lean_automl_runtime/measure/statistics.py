"""Quantiles of latency samples with confidence bounds (`order_statistics.py`).

A sample can be too small to bound a quantile: p99 needs 368 samples, p99.9 needs 3,688. Its upper bound is then
infinite (`null` in JSON), never a guess. The greatest value of a distribution has no upper bound at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.measure.order_statistics import bound_ranks, independent_samples

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

QUANTILES: Final = (0.5, 0.9, 0.99, 0.999, 1.0)


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


def nested(ascending: list[Quantile]) -> list[Quantile]:
    """Tighten bounds by each other: what bounds a higher quantile from above bounds a lower one too, and conversely."""
    uppers = list(accumulate((q.upper_us for q in reversed(ascending)), min))[::-1]
    lowers = accumulate((q.lower_us for q in ascending), max)
    return [
        replace(q, lower_us=min(lower, q.value_us), upper_us=max(upper, q.value_us))
        for q, lower, upper in zip(ascending, lowers, uppers, strict=True)
    ]


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
        found = [_quantile(times_us, ordered_us, quantile) for quantile in sorted(quantiles)]
        return cls(times_us.size, float(times_us.mean()), tuple(nested(found)))

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
