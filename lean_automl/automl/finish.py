"""The last step of a run: refit on all rows, export, check parity, and measure the files in fresh processes."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_exporters.onnx import check_parity
from lean_automl_runtime.engines import ENGINES, available
from lean_automl_runtime.measure import Measurement, MeasureOptions, measure

from lean_automl.automl.result import Check
from lean_automl.errors import MeasurementError
from lean_automl.learners.base import FitOptions, Lowerable, Rows, Student, training
from lean_automl.search.workers import GRACE_S, load_shared
from lean_automl.student.deploy import ARTIFACT_FILE, ONNX_FILE, Deployment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lean_automl_runtime.ir import Program

    from lean_automl.config import Constraints
    from lean_automl.data import Table
    from lean_automl.search.workers import Workers
    from lean_automl.student.blend import Blend
    from lean_automl.student.trial import Candidate, Member, Workbench

PARITY_ROWS: Final = 2_000
SHORTEST_EXTRA_S: Final = 2.0
EXPORTED_BYTES_PER_S: Final = 500_000  # about, with compiling and a quick look at the latency
SOUND_SHARE: Final = 0.02  # of the score, for luck; what has run away loses far more
BAG_MARGIN: Final = 0.3  # below each limit, by a quick look


@dataclass(frozen=True)
class MeasurePlan:
    """How long measuring may take.

    Attributes:
        budget_s: Sampling time of each measurement.
        further_until: `time.monotonic()` after which only what the limits need is measured.
        timeout_s: For each fresh process.
        unasked: Whether latencies are measured that no limit asks for.
    """

    budget_s: float
    further_until: float = 0.0
    timeout_s: float = MeasureOptions().timeout_s
    unasked: bool = True


class MissError(Exception):
    """The finished files break a limit; the message says which and by how much.

    Attributes:
        checks: All figures.
    """

    def __init__(self, checks: list[Check]) -> None:
        broken = [check for check in checks if not check.met]
        super().__init__("; ".join(describe(check) for check in broken))
        self.checks = checks

    @property
    def excess(self) -> float:
        """By how much the worst figure is over its limit, relative to it."""
        return max(check.value / check.limit for check in self.checks if check.limit is not None) - 1.0


def describe(check: Check) -> str:
    """A figure beside its limit."""
    limit = "" if check.limit is None else f" (limit {check.limit:,.6g} {check.unit})"
    return f"{check.name} of {check.file} is {check.value:,.4g} {check.unit}{limit}"


def refit(blend: Blend, bench: Workbench, rows: Rows, options: FitOptions, workers: Workers) -> tuple[Program, bool]:
    """The Program after a last fit of every member on `rows`, shortened to the size limit.

    Where there is room and rows are few, the models of the folds are averaged with the last fits.

    A member whose last fit fails, is not done by the deadline or has run away stays what it was on its first fold: that
    was validated.

    Returns:
        The Program, and whether all members were fitted on `rows`.
    """
    shared = workers.share((rows, bench.problem))
    growth = rows.frame.rows / float(np.mean([fold.train.size for fold in bench.folds]))
    uncut = replace(options, deadline=float("inf"))
    fitted: dict[int, Lowerable] = {}
    waiting = list(enumerate(blend.members))
    running = 0
    while waiting or running:
        while waiting and workers.free and not options.expired:
            number, (candidate, _) = waiting.pop(0)
            student = candidate.student.for_all_rows(candidate.fitted, growth)
            workers.start(fit_all_rows, (shared, student, uncut), options.deadline - GRACE_S, number)  # never cut short
            running += 1
        if not running:
            break
        for job in workers.wait():
            running -= 1
            if job.error is None and _is_sound(job.value, blend.members[job.tag][0], bench):
                fitted[job.tag] = job.value
    refitted = len(fitted) == len(blend.members)
    members = [(fitted.get(i, c.fitted[0]), weight) for i, (c, weight) in enumerate(blend.members)]
    program = _bagged(blend, members, bench, options.deadline) if refitted else None
    return program or bench.shortened(members)[1], refitted


def _is_sound(model: Lowerable, candidate: Candidate, bench: Workbench) -> bool:
    """Whether a last fit says of rows that it knows about what the first fold's fit said of them without knowing them.

    Boosting at a high rate can run away when it goes on for longer than in the folds.
    """
    valid = bench.rows.take(bench.folds[0].valid)
    known = bench.metric(valid.y, model.predict(valid.frame), valid.weight)
    unknown = candidate.fold_scores[0]
    return bool(known >= unknown - SOUND_SHARE * abs(unknown))


def _bagged(blend: Blend, members: Sequence[Member], bench: Workbench, deadline: float) -> Program | None:
    """The average of the last fits and of the models of the folds; None where it is not worth a try, or does not fit.

    Fits on parts of few rows differ, and the average of what they say about classes is steadier than one fit. Errors
    of regression are more of what a fit on fewer rows does not know.
    """
    folds, constraints = len(bench.folds), bench.constraints
    if folds < 2 or not bench.problem.task.is_classification or not constraints.are_roomy:
        return None
    if time.monotonic() + (folds + 1) * blend.footprint.bytes / EXPORTED_BYTES_PER_S > deadline:
        return None
    both = [(last, weight / 2) for last, weight in members]
    for candidate, weight in blend.members:
        both += [(model, weight / 2 / len(candidate.fitted)) for model in candidate.fitted]
    program = bench.assemble(both)  # passes would take longer than all the fits, and win a tenth of the bytes
    cost = bench.deployment.footprint(program, bench.records, constraints)
    return program if all(excess <= -BAG_MARGIN for excess in cost.violations(constraints).values()) else None


def fit_all_rows(shared: Path, student: Student, options: FitOptions) -> Lowerable:
    """Fit without validation rows; runs in a process of its own."""
    rows, problem = load_shared(shared)
    return student.fit(training(rows, problem), None, problem, options)


def write_files(folder: Path, program: Program, deployment: Deployment, metadata: dict[str, Any]) -> None:
    """Write every file that ships into a folder."""
    for name, content in deployment.contents(program, metadata).items():
        (folder / name).write_bytes(content)


def check_exported(folder: Path, program: Program, table: Table | None = None) -> None:
    """Compare what was exported with the reference, on hostile rows and on some of a table's.

    Raises:
        ParityError: A file predicts otherwise than the reference.
    """
    path = folder / ONNX_FILE
    if path.exists():
        rows = [] if table is None else [table.take(np.arange(min(PARITY_ROWS, table.rows))).arrays]
        check_parity(program, path.read_bytes(), rows)


def check_sizes(folder: Path, deployment: Deployment, constraints: Constraints) -> list[Check]:
    """Size of every file that ships, as it is in the folder now.

    Raises:
        MissError: A file is over the limit.
    """
    checks = [_size_check(folder / name, constraints) for name in deployment.engines]
    if not all(check.met for check in checks):
        raise MissError(checks)
    return checks


def measure_files(
    folder: Path,
    records: Sequence[dict[str, Any]],
    deployment: Deployment,
    constraints: Constraints,
    plan: MeasurePlan,
) -> tuple[list[Measurement], list[Check]]:
    """Latency of each file in fresh processes, and the limit.

    A file must meet the limit with its own engine; further engines are figures to know, and are left out when the
    time is short.

    Raises:
        MissError: A limit is broken.
        MeasurementError: A file that ships could not be measured in time.
    """
    if not plan.unasked and constraints.max_latency_us is None and constraints.max_memory_bytes is None:
        return [], []
    engines = deployment.engines
    checks: list[Check] = []
    measurements = []
    for file, engine in engines.items():
        measurements.append(measure(folder / file, records, _options(engine, constraints, plan)))
        checks.append(_latency_check(measurements[-1], constraints, constraints.max_latency_us))
        checks += _memory_checks(measurements[-1], constraints)
    if not all(check.met for check in checks):
        raise MissError(checks)
    further = [name for name in ENGINES if available(name) and name != engines.get(ARTIFACT_FILE)]
    for engine in further if plan.unasked and ARTIFACT_FILE in engines else ():
        left = plan.further_until - time.monotonic()
        if left < SHORTEST_EXTRA_S:
            break
        options = replace(_options(engine, constraints, plan), timeout_s=left, max_attempts=1)
        with contextlib.suppress(MeasurementError):  # no time for it after all, or an engine that cannot run here
            measurements.append(measure(folder / ARTIFACT_FILE, records, options))
            checks.append(_latency_check(measurements[-1], constraints, None))
    return measurements, checks


def _options(engine: str, constraints: Constraints, plan: MeasurePlan) -> MeasureOptions:
    return MeasureOptions(
        engine=engine,
        budget_s=plan.budget_s,
        quantiles=(constraints.latency_quantile,),
        batch_size=None if constraints.batch_size == 1 else constraints.batch_size,
        timeout_s=plan.timeout_s,
    )


def _size_check(path: Path, constraints: Constraints) -> Check:
    size, limit = path.stat().st_size, constraints.max_size_bytes
    return Check(
        "size", path.name, size / 1000, None if limit is None else limit / 1000, "kB", limit is None or size <= limit
    )


def _memory_checks(measurement: Measurement, constraints: Constraints) -> list[Check]:
    """Greatest resident memory of the fresh process up to its first answer, if that has a limit."""
    limit, used_mb = constraints.max_memory_bytes, measurement.cold.memory_mb
    if limit is None:
        return []
    where = f"{measurement.artifact} with {measurement.engine}"
    if used_mb is None:
        raise MeasurementError(f"--max-memory-mb: {where} cannot be checked, this system does not tell its memory")
    return [Check("memory of a process", where, used_mb, limit / 1e6, "MB", used_mb * 1e6 <= limit)]


def _latency_check(measurement: Measurement, constraints: Constraints, limit_us: float | None) -> Check:
    upper = measurement.upper_us(constraints.latency_quantile)
    of = "" if constraints.batch_size == 1 else f" of {constraints.batch_size:,} rows"
    name = f"p{100 * constraints.latency_quantile:g} latency{of}, upper bound"
    where = f"{measurement.artifact} with {measurement.engine}"
    met = limit_us is None or upper <= limit_us
    return Check(name, where, upper / 1000, None if limit_us is None else limit_us / 1000, "ms", met)
