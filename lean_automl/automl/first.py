"""A first model, found in a moment in this process while the learners load: a run that is stopped early leaves it."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from lean_automl.automl.choose_features import FeatureChoice
from lean_automl.automl.publish import FIRST
from lean_automl.automl.thin import sample
from lean_automl.data import folds
from lean_automl.features import fit_features, signs_of
from lean_automl.learners.base import FitOptions, Rows
from lean_automl.learners.linear import Linear
from lean_automl.student.linear import STRENGTH
from lean_automl.student.search import SearchLog
from lean_automl.student.trial import Proposal, Workbench, try_out

if TYPE_CHECKING:
    from lean_automl.automl.run import Run

ROWS: Final = 5_000


def with_first_model(run: Run) -> Run | None:
    """The run as it would be had it tried but a linear model of basic features; None where that is not wanted.

    Raises:
        LeanAutoMLError: The few rows that are looked at do not do.
    """
    families = run.config.families
    if run.problem.quantiles or (families is not None and Linear.name not in families):
        return None
    few = run.dataset.take(sample(run.dataset, ROWS, run.config.seed))
    split = folds(few, run.config.folds, run.config.seed)[-1]
    plan = fit_features(few.table, most_tokens=0) + run.expressed
    problem = replace(run.problem, signs=signs_of(plan, run.config.monotone))
    bench = Workbench(
        run.schema,
        Rows(plan.frame(few.table), few.y, few.weight),
        (split,),
        (few.table.take(split.valid),),
        plan,
        problem,
        run.metric,
        run.config.constraints,
        run.deployment,
        run.records,
    )
    proposal = Proposal(FIRST, Linear.name, {"linear_strength": STRENGTH}, Linear((STRENGTH,)), run.clock.spent_s)
    candidate = try_out(bench, proposal, FitOptions(run.config.seed, 1))
    first = copy(run)
    first.features, first.problem, first.bench = FeatureChoice(plan), problem, bench
    first.students = SimpleNamespace(log=SearchLog([candidate]))  # type: ignore[assignment]
    return first
