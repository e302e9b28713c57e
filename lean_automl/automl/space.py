"""What the search spaces of students depend on, in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lean_automl_runtime.measure import contents_of, features

from lean_automl.automl.thin import trees_in_time
from lean_automl.learners.linear import MOST_LEVELS
from lean_automl.student.family import Context
from lean_automl.student.floors import least_program, small_model

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Column

    from lean_automl.automl.run import Run

FEW_RECORDS: Final = 64
BYTES_OF_FEATURES: Final = 400  # of a few, on top of what the files of a model that does nothing have


def context_of(run: Run, rows: int) -> Context:
    """The context of a run whose trials are judged.

    Args:
        run: With its workbench.
        rows: That a trial learns from.
    """
    plan, limits = run.features.plan, run.config.constraints
    overhead = 0.0
    if limits.max_size_bytes is not None:
        least = run.deployment.sizes(least_program(run.schema.features))
        overhead = max(least.values()) + BYTES_OF_FEATURES
    return Context(
        run.problem,
        rows,
        len(plan.numeric),
        len(plan.categorical),
        limits,
        run.distils,
        run.bench.costs,
        trees_in_time(run.clock.limit_s, run.features.seconds_per_tree, rows * len(run.bench.folds)),
        overhead,
        sum(category.levels for category in plan.categorical if category.levels <= MOST_LEVELS),
        {} if run.bench.costs is None else reading(run.schema.features),
    )


def reading(columns: tuple[Column, ...]) -> dict[str, float]:
    """Counts of what it takes to read columns and to bin them, as the least model that does so has them."""
    program, records = small_model(columns, trees=1, rows=FEW_RECORDS)
    return features(program, contents_of(records)) | {"calls": 0.0}
