"""The cost model: latency of a Program before it is trained, from what it does for one row.

`latency = sum of coefficient x count`, coefficients not negative, fitted by least squares of relative errors on
measured reference Programs. It holds for one device, one engine and `predict_one` on a warm machine. It is exact
enough because the forms of students do the same work for every row; how exact is part of it: the margin is the 95 %
quantile of its own errors on Programs that were left out of the fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.measure.least_squares import non_negative_least_squares
from lean_automl_runtime.measure.op_counts import FEATURES, features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lean_automl_runtime.ir.program import Program

MARGIN_QUANTILE: Final = 0.95
FEWEST_SAMPLES: Final = 4


@dataclass(frozen=True, slots=True)
class CostSample:
    """A measured Program.

    Attributes:
        name: For reports.
        counts: Its `features`.
        p50_us: Measured median latency.
        p99_us: Measured 99th percentile.
    """

    name: str
    counts: Mapping[str, float]
    p50_us: float
    p99_us: float

    def to_json(self) -> dict[str, Any]:
        """JSON values; counts of zero are left out."""
        return {**asdict(self), "counts": {name: count for name, count in self.counts.items() if count}}


@dataclass(frozen=True, slots=True)
class CostModel:
    """Predicts the latency of `predict_one` with one engine on one device.

    Attributes:
        engine: Name of the engine.
        coefficients: Microseconds for each unit of a feature; those that are not named cost nothing.
        margin: 95 % quantile of the relative error on Programs that were left out of the fit.
        tail: p99 / p50 of the typical reference Program: what the machine adds, since the work is constant.
    """

    engine: str
    coefficients: Mapping[str, float]
    margin: float
    tail: float

    def predict_us(self, program: Program | Mapping[str, float]) -> float:
        """Median latency of a Program, or of the counts that `features` gives."""
        counts = program if isinstance(program, Mapping) else features(program)
        return sum(self.coefficients.get(name, 0.0) * count for name, count in counts.items())

    def upper_us(self, program: Program | Mapping[str, float]) -> float:
        """About what the p99 will be at most: the prediction with margin and tail. Only measuring tells."""
        return self.predict_us(program) * (1 + self.margin) * self.tail

    def lower_us(self, program: Program | Mapping[str, float]) -> float:
        """What the median will hardly stay below: a limit under it is out of reach, so there is no need to train."""
        return self.predict_us(program) / (1 + self.margin)

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "coefficients": dict(self.coefficients)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CostModel:
        """What `to_json` wrote."""
        coefficients = {name: float(value) for name, value in values["coefficients"].items()}
        return cls(values["engine"], coefficients, float(values["margin"]), float(values["tail"]))


@dataclass(frozen=True, slots=True)
class CostErrors:
    """How wrong a cost model was on Programs that it was not fitted on.

    Attributes:
        programs: How many.
        median: Median of |predicted / measured - 1|.
        p95: 95 % quantile of it.
        worst: Name and signed relative error of the worst one.
    """

    programs: int
    median: float
    p95: float
    worst: tuple[str, float]


def fit_cost_model(samples: Sequence[CostSample], engine: str) -> CostModel:
    """The cost model of an engine, from measured Programs.

    Raises:
        ConfigError: There are too few samples, or one has no time.
    """
    timeless = [sample.name for sample in samples if sample.p50_us <= 0]
    if timeless:
        raise ConfigError(f"measured programs that took no time: {', '.join(timeless)}")
    if len(samples) < FEWEST_SAMPLES:
        raise ConfigError(f"a cost model takes at least {FEWEST_SAMPLES} measured programs, got {len(samples)}")
    matrix = np.array([[sample.counts.get(name, 0.0) for name in FEATURES] for sample in samples])
    times_us = np.array([sample.p50_us for sample in samples])
    left_out = [_relative_error_without(matrix, times_us, position) for position in range(len(samples))]
    found = _fit(matrix, times_us).tolist()
    tails = np.array([sample.p99_us for sample in samples]) / times_us
    return CostModel(
        engine=engine,
        coefficients={name: us for name, us in zip(FEATURES, found, strict=True) if us > 0},
        margin=_upper_quantile(np.abs(left_out)),
        tail=max(1.0, float(np.median(tails))),
    )


def errors_on(model: CostModel, samples: Sequence[CostSample]) -> CostErrors:
    """Errors of a model on measured Programs."""
    relative = np.array([model.predict_us(sample.counts) / sample.p50_us - 1 for sample in samples])
    worst = int(np.argmax(np.abs(relative)))
    return CostErrors(
        programs=len(samples),
        median=float(np.median(np.abs(relative))),
        p95=_upper_quantile(np.abs(relative)),
        worst=(samples[worst].name, float(relative[worst])),
    )


def _fit(matrix: NDArray[np.float64], times_us: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients that minimise the sum of squared relative errors."""
    return non_negative_least_squares(matrix / times_us[:, None], np.ones_like(times_us))


def _relative_error_without(matrix: NDArray[np.float64], times_us: NDArray[np.float64], position: int) -> float:
    kept = np.arange(times_us.size) != position
    predicted = matrix[position] @ _fit(matrix[kept], times_us[kept])
    return float(predicted / times_us[position] - 1)


def _upper_quantile(values: NDArray[np.float64]) -> float:
    return float(np.quantile(values, MARGIN_QUANTILE, method="higher"))
