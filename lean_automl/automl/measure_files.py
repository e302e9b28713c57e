"""Measures finished files in fresh processes and judges them by the limits: kept, broken, or not to be checked."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from lean_automl_runtime.artifact import read_artifact
from lean_automl_runtime.engines import ENGINES, available
from lean_automl_runtime.measure import Measurement, MeasureOptions, measure
from lean_automl_runtime.measure.options import MOST_SAMPLES
from lean_automl_runtime.measure.order_statistics import samples_to_bound

from lean_automl.automl.finish import MissError, describe
from lean_automl.automl.result import Check
from lean_automl.errors import MeasurementError
from lean_automl.student.deploy import ARTIFACT_FILE, SURELY, Deployment
from lean_automl.student.header import HEADER_FILE, measure_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lean_automl.config import Constraints

SHORTEST_EXTRA_S: Final = 2.0
NEAR_LIMIT: Final = 0.8  # of the limit
SLOW_SHARE: Final = 0.7  # of the calls that may be above the limit: how often a machine is interrupted varies
SHARE_OF_MEASURING: Final = 0.2  # of a time limit, as a run that knows of long calls keeps it


@dataclass(frozen=True)
class MeasurePlan:
    """How long measuring may take.

    Attributes:
        budget_s: Sampling time of each measurement.
        further_until: `time.monotonic()` after which only what the limits need is measured.
        timeout_s: For each fresh process.
        unasked: Whether latencies are measured that no limit asks for.
        longest_s: Sampling time of each measurement where calls take so long that a bound needs more; None for ten
            times `budget_s`.
    """

    budget_s: float
    further_until: float = 0.0
    timeout_s: float = MeasureOptions().timeout_s
    unasked: bool = True
    longest_s: float | None = None


def measuring_s(deployment: Deployment, constraints: Constraints, budget_s: float) -> float:
    """What measuring takes at least, in seconds, as far as floors tell: a bound of a quantile takes many calls."""
    calls = samples_to_bound(constraints.latency_quantile)
    floors_us = [deployment.floors_us.get(name, 0.0) for name in deployment.engines]
    return sum(max(budget_s, calls * floor_us * 1e-6) for floor_us in floors_us)


def check_time(deployment: Deployment, constraints: Constraints, limit_s: float) -> None:
    """Find out before a search whether its result could be checked at all.

    Raises:
        MeasurementError: Calls that do as good as nothing already take too long for that, or more are needed than any
            measurement takes.
    """
    floor_us = min(deployment.floors_us.values(), default=0.0)
    calls = samples_to_bound(constraints.latency_quantile)
    if constraints.max_latency_us is not None and calls > MOST_SAMPLES:
        raise MeasurementError(
            f"--latency-quantile: {constraints.latency_quantile:.10g} cannot be checked, since an upper bound of it "
            f"takes {calls:,} calls, and a measurement has {MOST_SAMPLES:,} at most. Give a lower one."
        )
    wanted_s = calls * floor_us * 1e-6 / SHARE_OF_MEASURING
    if wanted_s > limit_s:
        raise MeasurementError(
            f"--time-limit: {limit_s:g} s are not enough to check the limit on latency: an upper bound of "
            f"p{100 * constraints.latency_quantile:g} takes {calls:,} calls, and on {constraints.call} each takes "
            f"{floor_us * 1e-6:,.3g} s before any model. Give --time-limit {wanted_s:,.0f} or more, a smaller "
            "--batch-size, or a lower --latency-quantile."
        )


@dataclass(frozen=True)
class Measured:
    """What was found of the files that ship.

    Attributes:
        measurements: In fresh processes, by file and engine.
        checks: Each limit beside its figure.
        left_out: Files that do not ship after all, and why.
    """

    measurements: list[Measurement] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def measure_files(
    folder: Path,
    records: Sequence[dict[str, Any]],
    deployment: Deployment,
    constraints: Constraints,
    plan: MeasurePlan,
) -> Measured:
    """Latency of each file in fresh processes, and the limit.

    A file must meet the limits with its own engine. One that does not is left out where the deployment allows it and
    another file meets them. Further engines are figures to know, and are left out when the time is short.

    Raises:
        MissError: A limit is broken.
        MeasurementError: A file that ships could not be measured in time, or not long enough to check a limit.
    """
    if not plan.unasked and constraints.max_latency_us is None and constraints.max_memory_bytes is None:
        return Measured()
    found = Measured()
    broken: list[Check] = []
    errors: list[MeasurementError] = []
    for file, engine in deployment.engines.items():
        try:
            measurement = _measure_for_limit(folder / file, records, _options(engine, constraints, plan), constraints)
            checks = _checks(measurement, constraints, len(deployment.engines))
        except MeasurementError as error:
            errors.append(error)
            found.left_out[file] = f"{file} is left out: {error}"
            continue
        missed = [check for check in checks if not check.met]
        if missed:
            broken += missed
            found.left_out[file] = f"{file} is left out: {'; '.join(describe(check) for check in missed)}"
            continue
        found.measurements.append(measurement)
        found.checks.extend(checks)
    if found.left_out and not (deployment.sheds and found.measurements):
        if broken:
            raise MissError(broken)
        raise errors[0]
    _measure_further(found, folder, records, (deployment, constraints, plan))
    return found


def _measure_further(
    found: Measured,
    folder: Path,
    records: Sequence[dict[str, Any]],
    about: tuple[Deployment, Constraints, MeasurePlan],
) -> None:
    """Add figures of engines that no limit is for."""
    deployment, constraints, plan = about
    kept = deployment.without(found.left_out).engines
    further = [name for name in ENGINES if available(name) and name != kept.get(ARTIFACT_FILE)]
    for engine in further if plan.unasked and ARTIFACT_FILE in kept else ():
        left = plan.further_until - time.monotonic()
        if left < SHORTEST_EXTRA_S:
            break
        options = replace(_options(engine, constraints, plan), timeout_s=left, max_attempts=1, bounded=None)
        with contextlib.suppress(MeasurementError):  # no time for it after all, or an engine that cannot run here
            found.measurements.append(measure(folder / ARTIFACT_FILE, records, options))
            found.checks.append(_latency_check(found.measurements[-1], constraints, None))


def _measure_for_limit(
    path: Path, records: Sequence[dict[str, Any]], options: MeasureOptions, constraints: Constraints
) -> Measurement:
    """What a fresh process shows; near the limit the worse of two, for processes differ more than samples of one.

    Where calls are so long that sampling took far more than its budget, one has to do.
    """
    limit_us, quantile = constraints.max_latency_us, constraints.latency_quantile
    first = _measure(path, records, options)
    upper_us, took_s = first.total.at(quantile).upper_us, first.total.samples * first.total.mean_us * 1e-6
    if limit_us is None or not NEAR_LIMIT * limit_us < upper_us <= limit_us or took_s > 2 * options.budget_s:
        return first
    return max(first, _measure(path, records, options), key=lambda found: found.total.at(quantile).upper_us)


def _measure(path: Path, records: Sequence[dict[str, Any]], options: MeasureOptions) -> Measurement:
    if path.name == HEADER_FILE:
        program = read_artifact((path.parent / ARTIFACT_FILE).read_bytes()).program
        return measure_header(program, path.read_text("utf-8"), records, options)
    return measure(path, records, options)


def _options(engine: str, constraints: Constraints, plan: MeasurePlan) -> MeasureOptions:
    return MeasureOptions(
        engine=engine,
        budget_s=plan.budget_s,
        quantiles=(constraints.latency_quantile, surer(constraints)),
        bounded=None if constraints.max_latency_us is None else constraints.latency_quantile,
        longest_s=plan.longest_s,
        batch_size=None if constraints.batch_size == 1 else constraints.batch_size,
        timeout_s=plan.timeout_s,
    )


def _checks(measurement: Measurement, constraints: Constraints, files: int) -> list[Check]:
    """Figures of a file beside its limits.

    Raises:
        MeasurementError: A limit is neither kept nor broken as far as could be found out.
    """
    limit_us, quantile = constraints.max_latency_us, constraints.latency_quantile
    total = measurement.total
    if limit_us is not None and not isfinite(total.at(quantile).upper_us) and total.at(quantile).lower_us <= limit_us:
        needed = samples_to_bound(quantile)
        wanted_s = needed * total.mean_us * 1e-6 * files / SHARE_OF_MEASURING
        raise MeasurementError(
            f"whether {measurement.artifact} with {measurement.engine} keeps {limit_us:,g} us could not be checked: an "
            f"upper bound of p{100 * quantile:g} takes {needed:,} calls, and there was time for {total.samples:,} of "
            f"{total.mean_us * 1e-6:,.3g} s each. Give a smaller --batch-size or a lower --latency-quantile, or fit "
            f"with --time-limit {wanted_s:,.0f} or more."
        )
    checks = [_latency_check(measurement, constraints, limit_us)]
    if limit_us is not None and checks[0].met and total.at(surer(constraints)).value_us > limit_us:
        checks[0] = _too_many_slow(measurement, constraints, limit_us)
    return [*checks, *_memory_checks(measurement, constraints)]


def surer(constraints: Constraints) -> float:
    """The quantile that must keep a limit on latency too, if that is for one row, so that the one asked for will again.

    Where interruptions of about one call in a hundred are what makes calls slow, p99 has them in one process and has
    none in the next.
    """
    quantile = constraints.latency_quantile
    return 1.0 - SLOW_SHARE * (1.0 - quantile) if constraints.batch_size == 1 else quantile


def _too_many_slow(measurement: Measurement, constraints: Constraints, limit_us: float) -> Check:
    quantile, surely = constraints.latency_quantile, surer(constraints)
    name = f"p{100 * surely:g} latency, which must keep it so that p{100 * quantile:g} does again,"
    where = f"{measurement.artifact} with {measurement.engine}"
    return Check(name, where, measurement.total.at(surely).value_us / 1000, limit_us / 1000, "ms", met=False)


def _latency_check(measurement: Measurement, constraints: Constraints, limit_us: float | None) -> Check:
    found = measurement.total.at(constraints.latency_quantile)
    bound, value = ("upper", found.upper_us) if isfinite(found.upper_us) else ("lower", found.lower_us)
    of = "" if constraints.batch_size == 1 else f" of {constraints.batch_size:,} rows"
    name = f"p{100 * constraints.latency_quantile:g} latency{of}, {bound} bound"
    where = f"{measurement.artifact} with {measurement.engine}"
    met = limit_us is None or found.upper_us <= SURELY * limit_us
    return Check(name, where, value / 1000, None if limit_us is None else limit_us / 1000, "ms", met)


def _memory_checks(measurement: Measurement, constraints: Constraints) -> list[Check]:
    """Greatest resident memory of the fresh process up to its first answer, if that has a limit."""
    limit, used_mb = constraints.max_memory_bytes, measurement.cold.memory_mb
    if limit is None:
        return []
    where = f"{measurement.artifact} with {measurement.engine}"
    if used_mb is None:
        raise MeasurementError(f"--max-memory-mb: {where} cannot be checked, this system does not tell its memory")
    return [Check("memory of a process", where, used_mb, limit / 1e6, "MB", used_mb * 1e6 <= limit)]
