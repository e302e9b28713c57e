"""A first model, found in a moment in this process while the learners load: a run that is stopped early leaves it."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

import numpy as np

from lean_automl.automl.choose_features import FeatureChoice
from lean_automl.automl.publish import FIRST
from lean_automl.automl.thin import sample
from lean_automl.data import folds
from lean_automl.features import FeaturePlan, fit_features, signs_of
from lean_automl.learners.around import bare
from lean_automl.learners.base import FitOptions, Rows
from lean_automl.learners.linear import Linear
from lean_automl.student.linear import STRENGTH
from lean_automl.student.search import SearchLog
from lean_automl.student.trial import Proposal, Workbench, try_out

if TYPE_CHECKING:
    from lean_automl.automl.run import Run
    from lean_automl.data import Dataset, Split
    from lean_automl.learners.base import F64

ROWS: Final = 5_000
TIME_SHARE: Final = 0.05  # of the time limit, after which no smaller one is tried


def with_first_model(run: Run) -> Run | None:
    """The run as it would be had it tried but a linear model of basic features; None where that is not wanted.

    Where the model breaks a limit, it is one of the half of its features that move scores most, and so on.

    Raises:
        LeanAutoMLError: The few rows that are looked at do not do.
    """
    families = run.config.families
    if run.problem.quantiles or (families is not None and Linear.name not in families):
        return None
    few = run.dataset.take(sample(run.dataset, ROWS, run.config.seed))
    split = folds(few, run.config.folds, run.config.seed)[-1]
    proposal = Proposal(FIRST, Linear.name, {"linear_strength": STRENGTH}, Linear((STRENGTH,)), run.clock.spent_s)
    plan = fit_features(few.table, most_tokens=0) + run.expressed
    until_s = run.clock.spent_s + TIME_SHARE * run.clock.limit_s
    while True:
        bench = _bench(run, few, split, plan)
        candidate = try_out(bench, proposal, FitOptions(run.config.seed, 1))
        spread = bare(candidate.fitted)[0].spread(bench.rows.frame)
        read = int(np.count_nonzero(spread))
        if candidate.feasible or read <= 1 or run.clock.spent_s > until_s:
            break
        plan = _leading(plan, spread, read // 2)
    first = copy(run)
    first.features, first.problem, first.bench = FeatureChoice(plan), bench.problem, bench
    first.students = SimpleNamespace(log=SearchLog([candidate]))  # type: ignore[assignment]
    return first


def _bench(run: Run, few: Dataset, split: Split, plan: FeaturePlan) -> Workbench:
    problem = replace(run.problem, signs=signs_of(plan, run.config.monotone))
    rows = Rows(plan.frame(few.table), few.y, few.weight)
    about = (run.metric, run.config.constraints, run.deployment, run.records)
    return Workbench(run.schema, rows, (split,), (few.table.take(split.valid),), plan, problem, *about)


def _leading(plan: FeaturePlan, spread: F64, most: int) -> FeaturePlan:
    """The features that move scores most."""
    kept = np.sort(np.argsort(-spread, kind="stable")[:most]).tolist()
    numbers = len(plan.numeric)
    return FeaturePlan(
        tuple(plan.numeric[i] for i in kept if i < numbers),
        tuple(plan.categorical[i - numbers] for i in kept if i >= numbers),
    )
