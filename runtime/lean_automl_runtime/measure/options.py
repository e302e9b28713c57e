"""What to measure, and how long."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.measure.order_statistics import samples_to_bound
from lean_automl_runtime.measure.statistics import QUANTILES

MOST_SAMPLES: Final = 1_000_000
OVERRUN: Final = 10  # times the budget, to reach enough samples


class Mode(StrEnum):
    """State of the machine when a call starts."""

    WARM = "warm"  # call after call, as in a busy service
    CACHE_POLLUTED = "cache_polluted"  # between calls, other work replaces what was in L2
    OPEN_LOOP = "open_loop"  # calls are due at a rate; latency counts from when a call was due, waiting included


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """Options of `measure`; each default is written here and nowhere else.

    Attributes:
        engine: As `load` takes it.
        mode: State of the machine when a call starts.
        rate_hz: Calls due in a second, for `OPEN_LOOP` only.
        batch_size: None times `predict_one`; a number times `predict` on tables of that many rows.
        budget_s: Sampling time of a launch. Spent in full unless the p99 bounds are tight before; exceeded, until
            `longest_s`, to reach `enough_samples`.
        min_samples: Calls of a launch below which its p99 would have no useful upper bound.
        bounded: Quantile that needs an upper bound, so that sampling goes on until there are enough calls for one;
            None if `min_samples` are enough.
        longest_s: Sampling time of a launch at most, repeated attempts included; None for ten times `budget_s`.
        tightness: Sampling ends early when (upper - lower) / value of p99 is below this; 0 turns that off.
        launches: Fresh processes to measure in.
        max_attempts: How often a launch samples until the control kernel holds still.
        full_speed_us: Median of the control kernel where this machine runs at full speed, if known (`DeviceProfile`
            has it): a run at a lower speed is then noisy.
        max_rows: Records in rotation; more are thinned out evenly.
        threads: For BLAS, OpenMP and numba.
        core: Core to pin to; None takes the one that is least busy.
        pin: Whether to pin at all.
        collect_garbage: Whether Python's cyclic collector stays on, as it does in a service by default.
        quantiles: Which ones to report.
        timeout_s: For one launch, import and load included.
    """

    engine: str = "auto"
    mode: Mode = Mode.WARM
    rate_hz: float | None = None
    batch_size: int | None = None
    budget_s: float = 2.0
    min_samples: int = 500
    bounded: float | None = None
    longest_s: float | None = None
    tightness: float = 0.05
    launches: int = 1
    max_attempts: int = 3
    full_speed_us: float | None = None
    max_rows: int = 4096
    threads: int = 1
    core: int | None = None
    pin: bool = True
    collect_garbage: bool = True
    quantiles: tuple[float, ...] = QUANTILES
    timeout_s: float = 180.0

    def __post_init__(self) -> None:
        """Check the values."""
        object.__setattr__(self, "quantiles", tuple(sorted({*QUANTILES, *map(float, self.quantiles)})))
        if self.mode not in tuple(Mode):
            raise ConfigError(f"mode: {self.mode!r} is not one of: {', '.join(Mode)}")
        object.__setattr__(self, "mode", Mode(self.mode))
        for name in ("min_samples", "launches", "max_attempts", "max_rows", "threads"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        if self.bounded is not None:
            _require(0 < self.bounded < 1, "bounded", self.bounded, "in (0, 1)")
        for name in ("budget_s", "most_s", "timeout_s"):
            value = getattr(self, name)
            _require(math.isfinite(value) and value > 0, name, value, "a positive number of seconds")
        _require(self.tightness >= 0, "tightness", self.tightness, "at least 0")
        _require(self.batch_size is None or self.batch_size >= 1, "batch_size", self.batch_size, "at least 1")
        if self.full_speed_us is not None:
            _require(self.full_speed_us > 0, "full_speed_us", self.full_speed_us, "above 0")
        open_loop = self.mode is Mode.OPEN_LOOP
        _require((self.rate_hz is not None) == open_loop, "rate_hz", self.rate_hz, "given with mode open_loop only")
        if self.rate_hz is not None:
            _require(0 < self.rate_hz <= 1e7, "rate_hz", self.rate_hz, "between 0 and 10 million calls a second")
        _require(all(0 < q <= 1 for q in self.quantiles), "quantiles", self.quantiles, "in (0, 1]")

    @property
    def enough_samples(self) -> int:
        """Calls of a launch below which it exceeds its budget."""
        return self.min_samples if self.bounded is None else samples_to_bound(self.bounded)

    @property
    def most_s(self) -> float:
        """Sampling time of a launch at most."""
        return OVERRUN * self.budget_s if self.longest_s is None else self.longest_s

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "mode": self.mode.value, "quantiles": list(self.quantiles)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> MeasureOptions:
        """What `to_json` wrote."""
        return cls(**{**values, "mode": Mode(values["mode"]), "quantiles": tuple(values["quantiles"])})


def _require(condition: bool, name: str, value: object, what: str) -> None:
    if not condition:
        raise ConfigError(f"{name}: {value!r} must be {what}")
