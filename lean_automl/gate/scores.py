"""Scores of a model on rows with a target, by the names that `fit --metric` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lean_automl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lean_automl.gate.subject import Sample, Subject


def scores(subject: Subject, sample: Sample, names: Iterable[str], engine: str) -> dict[str, float]:
    """Score by name; greater is better. Without names, the metric of the model, or its task's default.

    Raises:
        ConfigError: A metric is not known, does not fit the task, or the target is not known.
        DataError: No row has a label that the model knows.
    """
    from lean_automl.data import Schema, Task, to_target
    from lean_automl.search.decision import answers
    from lean_automl.search.metrics import make_metric

    if sample.target is None:
        raise ConfigError("--target: the model does not say what it predicts. Pass --target NAME.")
    classes = subject.classes
    task = Task.REGRESSION if not classes else Task.BINARY if len(classes) == 2 else Task.MULTICLASS
    noted = subject.metadata.get("metric")
    wanted: list[str | None] = [*names] or [noted if isinstance(noted, str) else None]
    try:
        quantiles = tuple(subject.metadata.get("quantiles") or ())
        outputs = len(classes) or len(quantiles) or 1
        metrics = [make_metric(name, task, outputs, quantiles) for name in wanted]
    except ConfigError as error:
        raise ConfigError(str(error).replace("--metric:", "--min-score:", 1)) from error
    schema = Schema(subject.columns, sample.target, task, classes, weight=None, group=None, time=None, notes=())
    target = to_target(sample.frame, schema)
    table = sample.table(subject.columns).take(target.kept)
    found = subject.run(table.arrays, engine)
    named = zip(wanted, metrics, strict=True)
    return {name or metric.name: metric(target.y, answers(metric, found, classes)) for name, metric in named}
