"""After a search on a sample: what did well there is fitted on as many rows as the time lets, judged by the same rows.

A student of many rows is worth more than most settings, and larger trees pay for themselves there; see ADR 43.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.automl.read_texts import prepare_folds
from lean_automl.automl.thin import part
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.student.grown import grown
from lean_automl.student.search import Given

if TYPE_CHECKING:
    from lean_automl.automl.run import Run
    from lean_automl.automl.thin import Part
    from lean_automl.learners.base import Rows, Student
    from lean_automl.student.trial import Candidate, Workbench

LEAST_GROWTH: Final = 1.2  # times the rows: else the sample was as good
STRETCH: Final = 2.5  # times the rows: few take longer for each, and a fit that is cut short is worth something
MOST_LONGER: Final = 4.0  # times as long as on the sample: what was cut short there says little
OVERHEAD_SHARE: Final = 0.8  # of the quickest trial, which is hardly more than what every trial takes
TREES_OF_A_FIT: Final = 150  # at least, though those on the sample had fewer
JUDGE_SHARE: Final = 0.15  # of the time, for compiling and judging what was fitted
LEAVES_PER_S: Final = 600.0  # of the time limit
DEFAULT: Final = LightGBM(min_rows=40, feature_fraction=0.5)  # its trial has number 0


@dataclass(frozen=True, eq=False)
class Growth:
    """What fits on more rows work with.

    Attributes:
        part: Of the whole dataset.
        bench: Judges as the bench of the sample does, by the same rows.
        students: In the order in which they are tried.
        until: `time.monotonic()` at which fits end; the rest of the time is for judging them.
    """

    part: Part
    bench: Workbench
    students: list[Given]
    until: float


def plan_growth(run: Run) -> Growth | None:
    """What is to be fitted on which rows; None if nothing would be gained, or nothing was found that meets the limits.

    Args:
        run: After its search on a sample.
    """
    found = run.bench.likely_first(run.students.log.feasible())
    if run.config.constraints.are_roomy:
        found = by_learner(found)
    seconds = (1 - JUDGE_SHARE) * (run.time.growth_until - run.clock.spent_s)
    if not found or seconds <= 0:
        return None
    until = time.monotonic() + seconds
    learned = run.bench.folds[0].train.size
    seconds_per_tree = run.features.seconds_per_tree or 0.0
    per_row_s = max(_fit_s(found, run.workers.places) / learned, TREES_OF_A_FIT * seconds_per_tree)
    more = part(run.whole, run.judging, int(STRETCH * seconds / per_row_s), run.config.seed)
    growth = more.split.train.size / learned
    if growth < LEAST_GROWTH:
        return None
    rows = _rows(run, more)
    options = run.options(run.time.growth_until)
    prepared = prepare_folds(rows, (more.split,), run.problem, options, run.workers)
    bench = replace(run.bench, rows=rows, folds=(more.split,), prepared=prepared)
    students = [(candidate.family, candidate.student, candidate.number) for candidate in found]
    if run.config.constraints.are_roomy and not run.problem.quantiles:
        students = _with_default(students)
    context, most = run.students.context, int(LEAVES_PER_S * run.clock.limit_s)
    given = [Given(name, grown(own, growth, context, most), {"grown": number}) for name, own, number in students]
    return Growth(more, bench, _distinct(given), until)


def _with_default(students: list[tuple[str, Student, int]]) -> list[tuple[str, Student, int]]:
    """The same, and as the second one the learner that gets through many rows most quickly, unless it is there."""
    if any(isinstance(student, LightGBM) for _, student, _ in students):
        return students
    return [*students[:1], (DEFAULT.name, DEFAULT, 0), *students[1:]]


def _fit_s(found: list[Candidate], places: int) -> float:
    """What a fit with enough rounds would have taken on the sample, without what its trial took besides.

    Args:
        found: All that was found.
        places: How many of the first ones count, of which the slowest does.
    """
    around_s, longest_s = OVERHEAD_SHARE * min(candidate.seconds for candidate in found), 0.0
    for candidate in found[:places]:
        rounds = max(1, candidate.rounds)
        wanted = min(TREES_OF_A_FIT, getattr(candidate.student, "trees", rounds))
        times = min(MOST_LONGER, max(1.0, wanted / rounds))
        longest_s = max(longest_s, times * (candidate.seconds - around_s))
    return longest_s


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
