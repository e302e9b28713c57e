"""What `measure` returns."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from lean_automl_runtime.measure.guard import Control
from lean_automl_runtime.measure.machine import Machine
from lean_automl_runtime.measure.options import MeasureOptions
from lean_automl_runtime.measure.statistics import Latency


@dataclass(frozen=True, slots=True)
class ColdStart:
    """What a fresh process pays before it is warm; none of it is in the latencies.

    Attributes:
        import_ms: Importing the runtime, and NumPy where the engine needs it at once.
        load_ms: Loading the artifact and making the engine.
        first_call_us: The first prediction of one record, whatever it compiles included.
        memory_mb: Greatest resident memory up to there; None where it cannot be read.
    """

    import_ms: float
    load_ms: float
    first_call_us: float
    memory_mb: float | None


@dataclass(frozen=True, slots=True)
class Launch:
    """One fresh process.

    Attributes:
        total: Its latency.
        cold: Its start.
        control: Of the attempt that was kept.
        attempts: How often it sampled, because the machine did not hold still.
        warm_up_calls: Calls before the first sample of the attempt that was kept.
        calls_per_s: While sampling; in an open loop what was achieved of the rate.
        problems: Why it is noisy; empty if it is not.
    """

    total: Latency
    cold: ColdStart
    control: Control
    attempts: int
    warm_up_calls: int
    calls_per_s: float
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Latency of an artifact, and all that it depends on.

    Attributes:
        artifact: File name.
        file_sha256: Of the whole file; an artifact's `digest` is of its Program alone.
        size_bytes: Of the file.
        engine: The one that ran.
        options: What was asked for.
        total: Raw record (or table) in, prediction out; the samples of all launches together.
        assembly: Raw record to the values or arrays that the engine takes; None where the engine takes records
            itself, and in an open loop.
        model: From there to the outputs: features and model; None as above.
        clock_us: What reading the clock adds to every sample. It is not subtracted.
        launches: Each fresh process by itself.
        pinned_core: Core that the processes were tied to; None if they were not.
        priority: `real-time` if other processes had to wait while these measured, else `usual`.
        rows: Records in rotation.
        distinct_rows: How many of them differ.
        machine: Where it was measured.
        date: When it ended, in UTC, ISO 8601.
        noise: Why the figures are noisy; empty if they are not.
        notes: What a reader of the figures must know.
    """

    artifact: str
    file_sha256: str
    size_bytes: int
    engine: str
    options: MeasureOptions
    total: Latency
    assembly: Latency | None
    model: Latency | None
    clock_us: float
    launches: tuple[Launch, ...]
    pinned_core: int | None
    priority: str
    rows: int
    distinct_rows: int
    machine: Machine
    date: str
    noise: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def noisy(self) -> bool:
        """Whether the machine did not hold still: `noise` says why."""
        return bool(self.noise)

    @property
    def call_us(self) -> float | None:
        """Median of the whole less the medians of its parts: what the call itself costs. None without parts."""
        if self.assembly is None or self.model is None:
            return None
        return self.total.p50.value_us - self.assembly.p50.value_us - self.model.p50.value_us

    @property
    def per_row(self) -> Latency:
        """Latency divided by the rows of a batch."""
        return self.total.per_row(self.options.batch_size or 1)

    @property
    def cold(self) -> ColdStart:
        """Median over the launches, each figure by itself."""
        colds = [launch.cold for launch in self.launches]
        memory = [cold.memory_mb for cold in colds if cold.memory_mb is not None]
        return ColdStart(
            median(cold.import_ms for cold in colds),
            median(cold.load_ms for cold in colds),
            median(cold.first_call_us for cold in colds),
            max(memory) if memory else None,
        )

    def upper_us(self, quantile: float = 0.99) -> float:
        """What the quantile is not above, as far as this measurement can say.

        The upper confidence bound of all samples together, or the quantile of the slowest launch if that is greater:
        pooled samples are not independent when launches differ.

        Raises:
            ConfigError: The quantile was not measured.
        """
        slowest = max(launch.total.at(quantile).value_us for launch in self.launches)
        return max(self.total.at(quantile).upper_us, slowest)

    def between_launches(self, quantile: float = 0.5) -> float:
        """The quantile of the slowest launch / that of the fastest - 1."""
        values = [launch.total.at(quantile).value_us for launch in self.launches]
        return max(values) / min(values) - 1 if min(values) > 0 else math.inf

    def to_json(self) -> dict[str, Any]:
        """JSON values, with the derived figures beside the measured ones."""
        values = asdict(self)
        values["options"] = self.options.to_json()
        for name in ("total", "assembly", "model"):
            latency: Latency | None = getattr(self, name)
            values[name] = latency.to_json() if latency is not None else None
        values["launches"] = [{**asdict(launch), "total": launch.total.to_json()} for launch in self.launches]
        values["noisy"] = self.noisy
        values["call_us"] = self.call_us
        values["cold"] = asdict(self.cold)
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Measurement:
        """What `to_json` wrote."""
        known = {name: values[name] for name in cls.__dataclass_fields__}
        for name in ("total", "assembly", "model"):
            known[name] = Latency.from_json(values[name]) if values[name] is not None else None
        known["options"] = MeasureOptions.from_json(values["options"])
        known["machine"] = Machine(**values["machine"])
        known["launches"] = tuple(
            Launch(
                **{
                    **launch,
                    "total": Latency.from_json(launch["total"]),
                    "cold": ColdStart(**launch["cold"]),
                    "control": Control(**launch["control"]),
                    "problems": tuple(launch["problems"]),
                }
            )
            for launch in values["launches"]
        )
        known["noise"] = tuple(values["noise"])
        known["notes"] = tuple(values["notes"])
        return cls(**known)


def meets(measurement: Measurement, limit_us: float, quantile: float = 0.99) -> bool:
    """Whether a latency limit is kept: the upper bound of the quantile is at most the limit.

    Args:
        measurement: From `measure`. That it is noisy does not matter: noise only raises the bound.
        limit_us: Microseconds for a call, batches included as one call.
        quantile: Such as 0.99.

    Raises:
        ConfigError: The quantile was not measured.
    """
    return measurement.upper_us(quantile) <= limit_us
