"""The last fits of what will ship: one that the hold-out judges, and one that knows the hold-out too."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from lean_automl.automl.finish import AGAIN, EXPORTED_BYTES_PER_S, SOUND_SHARE, refit
from lean_automl.automl.shrink_files import shrunk
from lean_automl.learners.base import Rows
from lean_automl.student.blend import rule_of
from lean_automl.student.trial import decided, seconds_of_fits

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

    from lean_automl.automl.run import Run
    from lean_automl.automl.shrink_files import Chosen
    from lean_automl.student.blend import Blend
    from lean_automl.student.trial import Workbench

LONGEST_AFTER_INTERRUPT_S: Final = 5.0
MOST_LAST_FITS: Final = 3  # of each member: with five the average is hardly better, and the files grow


@dataclass(frozen=True, eq=False)
class LastFit:
    """What ships, and what is judged.

    Attributes:
        program: What ships.
        judged: The same student, fitted without the hold-out; the Program that ships where that is all there is.
        refitted: Whether it was fitted on all rows of the search, not on those of a fold alone.
        joined: Whether what ships was fitted on the hold-out too.
        said: What the files say of passes.
    """

    program: Program
    judged: Program
    refitted: bool = False
    joined: bool = False
    said: dict[str, Any] = field(default_factory=dict)


def last_fits(run: Run, blend: Blend, bench: Workbench, passes: Chosen) -> list[LastFit]:
    """Fit what will ship, first without the hold-out, then, if there is time, with it.

    A fifth more rows are worth more to a small table than most settings. The second fit counts only if the hold-out,
    which it knows, finds it no worse than the first. Time that is left then goes into further fits with other seeds,
    whose average ships: for numbers, where limits leave room.

    Args:
        run: The run.
        blend: What will ship.
        bench: The run's, perhaps with tighter limits.
        passes: Lossy ones that the student bears.

    Returns:
        One or both, what should ship first.
    """
    with run.reporter.timed("refit"):
        until = run.time.refit_until - blend.footprint.bytes / EXPORTED_BYTES_PER_S
        if run.interrupted:
            until = min(until, run.clock.spent_s + LONGEST_AFTER_INTERRUPT_S)
        rule, rows, begin = rule_of(bench, blend), run.rows, time.monotonic()
        known = blend.program if bench is run.bench else None
        if run.growth is None:
            program, refitted = refit(blend, bench, rows, run.options(until), run.workers, known=known)
        else:  # the students were fitted on more rows just now, all but those that judge
            program, refitted = bench.shortened(blend.first_fits, known)[1], False
        program, said = shrunk(decided(program, rule), passes, run.clock.left_s - run.time.publish_s)
        first = LastFit(program, program, refitted, said=said)
        members = [candidate for candidate, _ in blend.members]
        took_s = time.monotonic() - begin if refitted else seconds_of_fits(members, run.workers.places)
        may_join = (refitted or run.growth is not None) and not run.interrupted
        if not may_join or run.clock.spent_s + AGAIN * took_s > until:
            return [first]
        options, most = run.options(until), most_last_fits(bench)
        program, done = refit(blend, bench, _with_holdout(run, rows), options, run.workers, most)
        if not done:
            return [first]
        program, said = shrunk(decided(program, rule), passes, run.clock.left_s - run.time.publish_s)
        if not _is_no_worse(run, program, first.judged):
            return [first]
        return [LastFit(program, first.judged, refitted=True, joined=True, said=said), first]


def most_last_fits(bench: Workbench) -> int:
    """Fits of each member whose average ships.

    What is said of classes is steadied by the models of the folds; of numbers, those models know too little. Under a
    limit on size passes would have to make all fits smaller, which takes as many times longer.
    """
    constraints = bench.constraints
    has_room = constraints.are_roomy and constraints.max_size_bytes is None
    return MOST_LAST_FITS if has_room and not bench.problem.task.is_classification else 1


def _is_no_worse(run: Run, program: Program, judged: Program) -> bool:
    """Whether a fit with the hold-out scores on it, which it knows, as the one without it does, or better."""
    known, unknown = run.judge.program(program), run.judge.program(judged)
    return known >= unknown - SOUND_SHARE * abs(unknown)


def _with_holdout(run: Run, rows: Rows) -> Rows:
    more = run.holdout
    own = Rows(run.features.plan.frame(more.table), more.y, more.weight)
    if rows.soft is not None and run.teacher is not None:
        own = replace(own, soft=run.teacher.predict(own.frame))
    return rows.joined(own)
