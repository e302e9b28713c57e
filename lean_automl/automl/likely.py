"""Which students may ship, and in which order: those first that will keep a limit on latency when they are finished.

What is aimed at is an estimate. A student that is better than all that are sure to keep the limit is therefore measured
as the search left it, in a fresh process as finished files are, before it is passed over.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lean_automl_runtime.artifact import read_artifact

from lean_automl.automl.finish import MissError, write_files
from lean_automl.automl.measure_files import MeasurePlan, measure_files
from lean_automl.errors import MeasurementError
from lean_automl.student.aims import needs_aims

if TYPE_CHECKING:
    from lean_automl.automl.run import Run
    from lean_automl.student.trial import Candidate

MOST_ASKED: Final = 3
MEASURE_S: Final = 0.25
ASKING_S: Final = 2.0  # with a process that starts


def likely_first(run: Run, feasible: list[Candidate]) -> list[Candidate]:
    """Those first whose slow calls will most likely keep the limit, in the order of their scores.

    Args:
        run: The run; its bench aims higher where a student was found to keep the limit.
        feasible: Within the limits by a quick look, the best first.
    """
    if needs_aims(run.bench.deployment, run.bench.constraints) and run.bench.deployment.costs is None:
        _ask(run, feasible)
    return run.bench.likely_first(feasible, [number for number, keeps in run.asked.items() if keeps])


def _ask(run: Run, feasible: list[Candidate]) -> None:
    """Measure the best ones that are not likely to keep the limit, until one does."""
    asked = 0
    for candidate in feasible:
        if run.asked.get(candidate.number) or run.bench.is_likely(candidate) or asked == MOST_ASKED:
            return
        if run.interrupted or run.time.refit_until - run.clock.spent_s < ASKING_S:
            return
        if candidate.number not in run.asked:
            asked += 1
            run.asked[candidate.number] = _keeps_the_limit(run, candidate)
            if run.asked[candidate.number]:
                return


def _keeps_the_limit(run: Run, candidate: Candidate) -> bool:
    """Measure a student's files; where they keep the limit, the run aims as high from now on."""
    bench = run.bench
    deployment, limit_us = bench.deployment, bench.constraints.max_latency_us
    assert limit_us is not None, "needs_aims says so"
    program = read_artifact(candidate.artifact).program
    plan = MeasurePlan(MEASURE_S, timeout_s=run.clock.left_s, unasked=False)
    with run.reporter.timed("ask"), tempfile.TemporaryDirectory(prefix="lean_automl_ask_") as folder:
        write_files(Path(folder), program, deployment, {})
        try:
            found = measure_files(Path(folder), run.records, deployment, bench.constraints, plan)
        except (MissError, MeasurementError):  # it stays among the last, and may be cut to what is aimed at
            return False
    looked_us = {name: us for name, us in candidate.footprint.limited_us.items() if name not in found.left_out}
    higher_us = {name: max(us, deployment.aim_us(name, limit_us)) for name, us in looked_us.items()}
    run.bench = replace(bench, deployment=replace(deployment, aims_us={**deployment.aims_us, **higher_us}))
    return True
