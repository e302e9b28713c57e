"""Puts a model where the run's model belongs: export, check, measure, replace; early ones while the run goes on."""

from __future__ import annotations

import shutil
import threading
import time
from copy import copy
from math import inf
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.artifact import read_artifact
from lean_automl_runtime.measure.rows import thin

from lean_automl.automl.finish import MissError, check_exported, check_sizes, write_files
from lean_automl.automl.front import front_bytes
from lean_automl.automl.last_fit import LastFit
from lean_automl.automl.measure_files import SHARE_OF_MEASURING, MeasurePlan
from lean_automl.automl.output import FRONT
from lean_automl.automl.predicted import judge_files
from lean_automl.automl.report import EXPLAIN_SHARE, LONGEST_EXPLAIN_S, Shipped
from lean_automl.data.records import to_records
from lean_automl.errors import LeanAutoMLError
from lean_automl.student.blend import Blend, single

if TYPE_CHECKING:
    from pathlib import Path

    from lean_automl.automl.result import RunResult
    from lean_automl.automl.run import Run
    from lean_automl.data import Table
    from lean_automl.student.trial import Candidate

FIRST: Final = -1  # number of the first model, which is not of the search; 0 is that of an average
MOST_MEASURED_ROWS: Final = 4_096
FEWEST_MEASURED_ROWS: Final = 256
MEASURED_CELLS: Final = 1_000_000  # about: records of wide tables are large, and every trial gets them
SHORTEST_MEASURE_S: Final = 1.0
EARLY_MEASURE_S: Final = 0.1  # of sampling: enough to bound a quantile, and the search needs the time
EARLY_EXPLAIN_S: Final = 0.1  # a stopped run should have a model sooner rather than plots of it
GRACE_SHARE: Final = 0.05  # over the limit, rather than losing what has cost all the time
CLEARLY_QUICKER: Final = 0.75  # of what was too slow
LEAST_GRACE_S: Final = 2.0  # of a limit of any length, since a fresh process takes a second to measure


def measured_records(table: Table) -> list[dict[str, Any]]:
    """The rows that measuring rotates through, as a caller would pass them, from all over the table.

    As many as may be: a thousand records stay in a core's cache, and answers to them are a third quicker than to rows
    that have to be fetched.
    """
    most = max(FEWEST_MEASURED_ROWS, MEASURED_CELLS // max(1, len(table.columns)))
    return to_records(table.take(np.array(thin(range(table.rows), min(MOST_MEASURED_ROWS, most)))))


def grace_s(limit_s: float) -> float:
    """How much later than the limit a run may begin to publish what it has."""
    return max(GRACE_SHARE * limit_s, LEAST_GRACE_S)


class Publisher:
    """What was published so far, if anything.

    Attributes:
        shipped: The student whose files are in their place.
        seconds: What putting an early one there took last; 0 before.
        misses: How early ones broke a limit.
        spare: A run that is too short to publish its first model beside the search, as it was with that one.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.shipped: Shipped | None = None
        self.seconds = 0.0
        self.misses: list[MissError] = []
        self.spare: Run | None = None
        self._early: threading.Thread | None = None

    def publish_best(self, run: Run | None = None, quicker_us: float = inf) -> None:
        """Let the best student so far take the place of what is published, while the run goes on.

        Args:
            run: As it was when the student was found; None for how it is now.
            quicker_us: What a quick look at it may have found at most.
        """
        self.settle()
        run = copy(run or self.run)  # which goes on meanwhile
        feasible = run.bench.likely_first(run.students.log.feasible())
        quick = [c for c in feasible if c.footprint.slowest_us <= quicker_us]
        for candidate in quick[:1]:
            if self._is_better(candidate):
                # Measuring has a process of its own, and mostly waits.
                self._early = threading.Thread(target=self._publish_quietly, args=(run, candidate))
                self._early.start()

    def publish_spare(self, too_slow_us: float) -> None:
        """Publish what needs no last fit, where no finalist ships or there was no time for another one.

        That is the best student that is clearly quicker than those that broke a limit on latency, as the search found
        it; and in a short run where nothing was published, its first model, if the time is not long over.

        Args:
            too_slow_us: Microseconds, at a quick look, of the quickest model that broke it; infinite if none did.
        """
        if too_slow_us < inf and self.run.clock.left_s + grace_s(self.run.clock.limit_s) > self.seconds:
            self.publish_best(quicker_us=CLEARLY_QUICKER * too_slow_us)
            self.settle()
        late = self.run.clock.left_s + grace_s(self.run.clock.limit_s) <= 0
        if self.spare is None or self.shipped is not None or late:
            return
        if min(c.footprint.slowest_us for c in self.spare.students.log.candidates) < too_slow_us:
            self.publish_best(self.spare)
            self.settle()

    def _is_better(self, candidate: Candidate) -> bool:
        """Whether it is better than what is published; the first model was judged by a few rows of its own."""
        if self.shipped is None or self.shipped.blend.members[0][0].number == FIRST:
            return True
        return candidate.score > self.shipped.blend.score

    def settle(self) -> None:
        """Wait until an early model is in its place, or is known to miss a limit."""
        if self._early is None:
            return
        self._early.join()
        self._early = None
        self.run.time = self.run.time.with_publishing(self.last_s)

    @property
    def last_s(self) -> float:
        """What the last one will take to be put there: what an early one took, and longer looks; 0 if unknown."""
        if not self.seconds:
            return 0.0
        explain_s = min(LONGEST_EXPLAIN_S, EXPLAIN_SHARE * self.run.clock.limit_s) - EARLY_EXPLAIN_S
        measure_s = max(0.0, self.run.time.measure_s - EARLY_MEASURE_S) * len(self.run.deployment.engines)
        return self.seconds + max(0.0, explain_s) + measure_s

    def _publish_quietly(self, run: Run, candidate: Candidate) -> None:
        begin = time.monotonic()
        try:
            program = read_artifact(candidate.artifact).program
            measure_s = min(EARLY_MEASURE_S, run.time.measure_s)
            self.publish(single(candidate), LastFit(program, program), run.clock.start, measure_s, run)
            self.seconds = time.monotonic() - begin
        except (MissError, LeanAutoMLError, OSError) as error:  # the last one may well do better, or says it again
            if isinstance(error, MissError):
                self.misses.append(error)
            self.run.watcher.step("note", f"an early student was not published: {error}")

    def publish(
        self, blend: Blend, last: LastFit, until: float, measure_s: float | None = None, run: Run | None = None
    ) -> RunResult:
        """Export, check, measure, and let the files take their place.

        Args:
            blend: What ships, as it was in the search.
            last: Its last fit.
            until: `time.monotonic()` after which only what the limits need is measured.
            measure_s: Sampling time of each measurement; None for what the run plans.
            run: As it was when the model was found; None for how it is now.

        Raises:
            MissError: A limit is broken.
            MeasurementError: A file could not be measured in time.
        """
        run = run or self.run
        draft = run.folder.draft()
        deployment, constraints = run.bench.deployment, run.bench.constraints
        program, provenance = last.program, run.reporter.provenance(run, blend) | last.said
        with run.reporter.timed("export"):
            begin = time.monotonic()
            write_files(draft, program, deployment, provenance)
            check_exported(draft, program, run.holdout.table)
            check_sizes(draft, deployment, constraints)  # what is too large already need not be measured
        until -= time.monotonic() - begin  # writing what was measured into the files takes about as long
        with run.reporter.timed("measure"):
            measured = judge_files(draft, program, run.records, run.bench, self._plan(until, measure_s))
        for name, line in measured.left_out.items():
            (draft / name).unlink()
            if measure_s is None:  # an early model's record says it
                run.watcher.step("note", line)
        deployment = deployment.without(measured.left_out)
        # The measured figures go into the files' metadata; the Program stays the same to the bit. The limit is for the
        # files as they ship, so their size counts with the figures in them.
        write_files(draft, program, deployment, provenance | run.reporter.figures(measured.checks))
        checks = [*check_sizes(draft, deployment, constraints), *measured.checks]
        left_out, searched = tuple(measured.left_out.values()), run.features.searched
        shipped = Shipped(blend, last, deployment, measured.measurements, checks, run.bench, left_out, searched)
        result = self._record(shipped, draft, run, is_early=measure_s is not None)
        self.shipped = shipped
        return result

    def keep(self, shipped: Shipped) -> RunResult:
        """Let the files that were published stay, with the record of the whole run beside them."""
        draft = self.run.folder.draft()
        for name in shipped.deployment.files:
            shutil.copyfile(self.run.folder.path / name, draft / name)
        return self._record(shipped, draft, self.run)

    def _record(self, shipped: Shipped, draft: Path, run: Run, is_early: bool = False) -> RunResult:
        tried, bench = run.students.log.candidates, run.bench
        if not tried:  # the first model, which was judged by rows of its own
            tried, bench = [candidate for candidate, _ in shipped.blend.members], shipped.bench
        (draft / FRONT).write_bytes(front_bytes(tried, bench))
        result = run.reporter.result(run, shipped, EARLY_EXPLAIN_S if is_early else LONGEST_EXPLAIN_S)
        run.reporter.write(result, draft, run.watcher)
        run.folder.publish(draft)
        return result

    def _plan(self, further_until: float, measure_s: float | None) -> MeasurePlan:
        """How long measuring may take: calls that take long are measured for longer, as far as the time limit goes."""
        run = self.run
        limit_s, budget_s = run.clock.limit_s, run.time.measure_s if measure_s is None else measure_s
        most_s = 0.0 if run.interrupted else min(run.clock.left_s, SHARE_OF_MEASURING * limit_s)
        longest_s = max(GRACE_SHARE * limit_s, most_s) / len(run.deployment.engines)
        timeout_s, unasked = self._measure_timeout_s(), run.config.budget.measure
        return MeasurePlan(budget_s, further_until, timeout_s, unasked, max(budget_s, longest_s))

    def _measure_timeout_s(self) -> float:
        """With a model in its place already, the time limit goes before; without one, a model goes before the limit."""
        clock = self.run.clock
        if self.shipped is None:
            return MeasurePlan.timeout_s
        return max(SHORTEST_MEASURE_S, clock.left_s + grace_s(clock.limit_s))
