"""A workbench for tests of students and of the end of a run."""

from __future__ import annotations

import numpy as np
from tables import mixed_frame_for

from lean_automl.config import Constraints
from lean_automl.data import Task, folds, load_dataset
from lean_automl.data.records import to_records
from lean_automl.features import fit_features
from lean_automl.learners.base import Problem, Rows
from lean_automl.search.metrics import make_metric
from lean_automl.student.deploy import Deployment
from lean_automl.student.trial import Workbench

NONE = Constraints()


def make_bench(
    task: str = "binary",
    rows: int = 400,
    constraints: Constraints = NONE,
    count: int = 2,
    metric: str | None = None,
) -> Workbench:
    """The last `count` of three folds of a mixed table."""
    frame, target = mixed_frame_for(task, rows)
    dataset = load_dataset(frame, target)
    plan = fit_features(dataset.table)
    splits = folds(dataset, 3)[-count:]
    problem = Problem(Task(task), len(dataset.schema.classes) or 1)
    return Workbench(
        dataset.schema,
        Rows(plan.frame(dataset.table), dataset.y),
        splits,
        tuple(dataset.table.take(split.valid) for split in splits),
        plan,
        problem,
        make_metric(metric, problem.task, problem.outputs),
        constraints,
        Deployment({"model.lam": "reference", "model.onnx": "onnx"}),
        to_records(dataset.table.take(np.arange(100))),
    )
