"""After a search on a sample: what did well there is fitted on as many rows as the time lets, judged by the same rows.

A student of many rows is worth more than most settings, and larger trees pay for themselves there; see ADR 43.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.automl.read_texts import prepare_folds
from lean_automl.automl.thin import part
from lean_automl.student.grown import grown
from lean_automl.student.search import Given

if TYPE_CHECKING:
    from lean_automl.automl.run import Run
    from lean_automl.automl.thin import Part
    from lean_automl.learners.base import Rows
    from lean_automl.student.trial import Candidate, Workbench

LEAST_GROWTH: Final = 1.2  # times the rows: else the sample was as good
STRETCH: Final = 2.0  # times the rows: part of a trial is not the fit, and one cut short is worth more than fewer rows
JUDGE_SHARE: Final = 0.1  # of the time, for compiling and judging what was fitted


@dataclass(frozen=True, eq=False)
class Growth:
    """What fits on more rows work with.

    Attributes:
        part: Of the whole dataset.
        bench: Judges as the bench of the sample does, by the same rows.
        students: In the order in which they are tried.
        seconds: For each of them, when it is the first.
    """

    part: Part
    bench: Workbench
    students: list[Given]
    seconds: float


def plan_growth(run: Run) -> Growth | None:
    """What is to be fitted on which rows; None if nothing would be gained, or nothing was found that meets the limits.

    Args:
        run: After its search on a sample.
    """
    found = run.students.log.feasible()
    if run.config.constraints.are_roomy:
        found = by_learner(found)
    seconds = (1 - JUDGE_SHARE) * (run.time.growth_until - run.clock.spent_s)
    if not found or seconds <= 0:
        return None
    learned = run.bench.folds[0].train.size
    first = found[: run.workers.places]
    per_row = float(np.mean([candidate.seconds / learned for candidate in first]))
    more = part(run.whole, run.judging, int(STRETCH * seconds / per_row), run.config.seed)
    growth = more.split.train.size / learned
    if growth < LEAST_GROWTH:
        return None
    rows = _rows(run, more)
    options = run.options(run.time.growth_until)
    prepared = prepare_folds(rows, (more.split,), run.problem, options, run.workers)
    bench = replace(run.bench, rows=rows, folds=(more.split,), prepared=prepared)
    students = [
        Given(candidate.family, grown(candidate.student, growth, run.students.context), {"grown": candidate.number})
        for candidate in found
    ]
    return Growth(more, bench, _distinct(students), seconds)


def by_learner(feasible: list[Candidate]) -> list[Candidate]:
    """The best student of each learner, then each one's second, and so on: the average of unlike ones is better."""
    turns: dict[str, int] = {}
    ranked = []
    for rank, candidate in enumerate(feasible):
        kind = type(candidate.student).__name__
        ranked.append((turns.get(kind, 0), rank, candidate))
        turns[kind] = turns.get(kind, 0) + 1
    return [candidate for _, _, candidate in sorted(ranked, key=lambda one: one[:2])]


def _distinct(students: list[Given]) -> list[Given]:
    return [one for number, one in enumerate(students) if one.student not in [s.student for s in students[:number]]]


def _rows(run: Run, more: Part) -> Rows:
    """With what the teacher says of rows of the sample."""
    if run.rows.soft is None:
        return run.all_rows.take(more.rows)
    soft = np.full((run.whole.rows, run.problem.outputs), np.nan)
    soft[run.sampled] = run.rows.soft
    return replace(run.all_rows, soft=soft).take(more.rows)
