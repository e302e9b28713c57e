"""What a run is asked to do, and whom it tells."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lean_automl.config import BALANCED, FitConfig
from lean_automl.data import Schema, SchemaOverrides, Task
from lean_automl.errors import ConfigError
from lean_automl.features import FeaturePlan, check_monotone
from lean_automl.learners.base import Problem
from lean_automl.search.metrics import Metric, check_target, is_absolute, make_metric
from lean_automl.student.search import Watcher as SearchWatcher
from lean_automl.teacher.build import Watcher as TeacherWatcher

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Watcher(TeacherWatcher, SearchWatcher, Protocol):
    """Is told of every step; a terminal shows it."""

    def step(self, name: str, detail: str) -> None:
        """A step begins."""
        ...


@dataclass(frozen=True)
class FitRequest:
    """What to fit.

    Attributes:
        source: Path of a table, or a DataFrame.
        target: Name of the target.
        out: Folder to make.
        overrides: What the caller knows of the columns.
        task: Kind of target; None to infer it.
        overwrite: Whether an output folder of an earlier run may be replaced.
        started: `time.monotonic()` from which the time limit counts.
        log: Whether the folder gets a `run.log`.
    """

    source: Any
    target: str
    out: Path
    overrides: SchemaOverrides = field(default_factory=SchemaOverrides)
    task: Task | None = None
    overwrite: bool = False
    started: float = field(default_factory=time.monotonic)
    log: bool = False


def problem_of(schema: Schema, config: FitConfig, own: FeaturePlan) -> Problem:
    """What is predicted, and how it is learned.

    Args:
        schema: What the columns mean.
        config: The settings.
        own: The user's features.

    Raises:
        ConfigError: A setting does not fit the task.
    """
    balanced = config.class_weight == BALANCED
    if balanced and not schema.task.is_classification:
        raise ConfigError(f"--class-weight: a {schema.task.value} target has no classes. Leave the option out.")
    if config.quantiles and schema.task.is_classification:
        raise ConfigError(f"--quantiles: a {schema.task.value} target has none. Leave the option out.")
    if config.quantiles and config.monotone:
        raise ConfigError("--monotone: what learns quantiles cannot keep an order. Leave one of the two out.")
    check_monotone(config.monotone, schema, own)
    outputs = len(schema.classes) or len(config.quantiles) or 1
    absolute = not schema.task.is_classification and is_absolute(config.metric)
    return Problem(schema.task, outputs, balanced, config.monotone, config.quantiles, absolute=absolute)


def learned_by(problem: Problem, metric: Metric, y: NDArray[Any]) -> Problem:
    """The problem as learners get it: with logarithms of the target where the metric judges these and all have one."""
    logs = metric.logs
    return problem if logs is None or y.min() + logs <= 0 else replace(problem, logs=logs)


def metric_of(config: FitConfig, problem: Problem, y: NDArray[Any]) -> Metric:
    """What judges.

    Args:
        config: Names it.
        problem: What is predicted.
        y: Class codes or numbers, shape (n,).

    Raises:
        ConfigError: There is no such metric, or it does not fit the problem or its target.
    """
    metric = make_metric(config.metric, problem.task, problem.outputs, problem.quantiles)
    if problem.task is Task.REGRESSION:
        check_target(metric, y)
    return metric
