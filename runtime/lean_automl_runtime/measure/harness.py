"""`measure`: latency of an artifact in fresh processes.

The parent writes options and records to a folder, starts the child (`child.py`) with one thread on one core, waits,
and reads facts and samples. Launches are pooled; what differs between them is reported with the pool.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from lean_automl_runtime.errors import ArtifactError, MeasurementError
from lean_automl_runtime.measure.guard import Control, NoiseBounds, differing_speeds
from lean_automl_runtime.measure.machine import Machine
from lean_automl_runtime.measure.options import MeasureOptions, Mode
from lean_automl_runtime.measure.order_statistics import samples_to_bound
from lean_automl_runtime.measure.processes import Child, choose_core, run_child, staged
from lean_automl_runtime.measure.result import ColdStart, Launch, Measurement
from lean_automl_runtime.measure.rows import FEWEST_ROWS
from lean_automl_runtime.measure.statistics import Latency, quantile_name
from lean_automl_runtime.measure.tail import Tail

Array = np.ndarray[Any, np.dtype[np.int64]]
DEFAULTS: Final = MeasureOptions()


@dataclass(frozen=True, slots=True)
class Raw:
    """What a child left: its facts, and its samples in nanoseconds."""

    facts: dict[str, Any]
    samples: dict[str, Array]


def measure(
    artifact_path: str | Path, records: Iterable[Mapping[str, Any]], options: MeasureOptions = DEFAULTS
) -> Measurement:
    """Measure the latency of an artifact in fresh processes.

    Args:
        artifact_path: A `.lam` artifact or an exported `.onnx` file.
        records: Real rows, as a caller would pass them; at least 1,000 that differ.
        options: What to measure, and how long.

    Raises:
        ArtifactError: The file cannot be used.
        DataError: There are no records, or they hold what a record cannot.
        MissingDependencyError: The engine is not installed.
        MeasurementError: The measuring process crashed or took too long.
    """
    path = Path(artifact_path).absolute()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{artifact_path}: {error.strerror or error}. Check the path.") from error
    with staged(records, options) as (folder, lines):
        raws = [launch(folder, path, options) for _ in range(options.launches)]
    facts: dict[str, Any] = {
        "artifact": path.name,
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "rows": max(len(lines), FEWEST_ROWS),
        "distinct_rows": len(set(lines)),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return pool(raws, options, facts)


def measure_tail(
    artifact_path: str | Path, records: Iterable[Mapping[str, Any]], options: MeasureOptions = DEFAULTS
) -> Tail:
    """Slow calls of an artifact in a fresh process, for a guess at those of a larger one.

    Args:
        artifact_path: As for `measure`.
        records: As for `measure`.
        options: What to measure, and how long; one launch whatever they say.

    Raises:
        DataError: There are no records, or they hold what a record cannot.
        MissingDependencyError: The engine is not installed.
        MeasurementError: The measuring process crashed or took too long.
    """
    with staged(records, options) as (folder, _):
        raw = launch(folder, Path(artifact_path).absolute(), options)
    return Tail.from_samples_ns(raw.samples["total"], Control(**raw.facts["control"]).p50_us)


def launch(folder: Path, artifact: Path, options: MeasureOptions) -> Raw:
    """Run one child and read what it left."""
    arguments = [str(artifact), options.engine, str(choose_core(options.pin, options.core))]
    facts = run_child(folder, Child("child", arguments, options.threads, options.timeout_s, artifact.name))
    with np.load(folder / "samples.npz", allow_pickle=False) as saved:
        return Raw(facts, {name: saved[name] for name in ("total", "assembly", "model")})


def pool(raws: list[Raw], options: MeasureOptions, facts: dict[str, Any]) -> Measurement:
    """One measurement of all launches."""
    launches = tuple(_launch_of(raw, options) for raw in raws)
    parts: dict[str, Latency | None] = {}
    for name in ("total", "assembly", "model"):
        pooled = np.concatenate([raw.samples[name] for raw in raws])
        parts[name] = Latency.from_samples_ns(pooled, options.quantiles) if pooled.size else None
    total = parts["total"]
    if total is None:
        raise MeasurementError(f"{facts['artifact']}: no call was timed")
    first = raws[0].facts
    noise = [f"launch {n}: {problem}" for n, one in enumerate(launches, start=1) for problem in one.problems]
    noise += differing_speeds([one.control for one in launches])
    return Measurement(
        **facts,
        engine=first["engine"],
        options=options,
        total=total,
        assembly=parts["assembly"],
        model=parts["model"],
        clock_us=float(np.median([raw.facts["clock_us"] for raw in raws])),
        launches=launches,
        pinned_core=first["pinned_core"],
        priority=first["priority"],
        machine=Machine(**first["machine"]),
        noise=tuple(noise),
        notes=_notes(raws, options, total, facts["distinct_rows"]),
    )


def _launch_of(raw: Raw, options: MeasureOptions) -> Launch:
    control = Control(**raw.facts["control"])
    return Launch(
        total=Latency.from_samples_ns(raw.samples["total"], options.quantiles),
        cold=ColdStart(**raw.facts["cold"]),
        control=control,
        attempts=raw.facts["attempts"],
        warm_up_calls=raw.facts["warm_up_calls"],
        calls_per_s=raw.facts["calls_per_s"],
        problems=control.problems(NoiseBounds(full_speed_us=options.full_speed_us)),
    )


def _notes(raws: list[Raw], options: MeasureOptions, total: Latency, distinct_rows: int) -> tuple[str, ...]:
    notes = []
    if distinct_rows < FEWEST_ROWS:
        notes.append(
            f"only {distinct_rows} distinct rows: repeated rows flatter engines that branch on data; pass {FEWEST_ROWS}"
        )
    for quantile in options.quantiles:
        if quantile < 1 and not np.isfinite(total.at(quantile).upper_us):
            needed = samples_to_bound(quantile)
            notes.append(f"{total.samples} samples do not bound {quantile_name(quantile)} from above: {needed} would")
    if not all(raw.facts["warm_up_stable"] for raw in raws):
        notes.append("call times still varied when the warm-up budget was spent")
    achieved = min(raw.facts["calls_per_s"] for raw in raws)
    if options.mode is Mode.OPEN_LOOP and options.rate_hz and achieved < 0.98 * options.rate_hz:
        notes.append(f"the rate was not kept: {achieved:.0f} of {options.rate_hz:.0f} calls a second; latency grows")
    return tuple(notes)
