"""Scores as people write them: losses without their sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lean_automl.data import Task
from lean_automl.report.numbers import NOTHING
from lean_automl.search.metrics import Metric


@dataclass(frozen=True)
class Scores:
    """Writes scores of one metric.

    Attributes:
        metric: Name of the scorer.
        task: Kind of target.
    """

    metric: str
    task: str

    @classmethod
    def of(cls, run: Mapping[str, Any]) -> Scores:
        """For the metric of a run."""
        return cls(run["metric"], run["task"])

    @property
    def name(self) -> str:
        """Without the prefix for losses."""
        return Metric(self.metric, Task(self.task), 2).shown_name

    @property
    def is_loss(self) -> bool:
        """Whether less is better, as it is shown."""
        return self.metric.startswith("neg_")

    def shown(self, score: float | None) -> str:
        """Five digits."""
        return NOTHING if score is None else Metric(self.metric, Task(self.task), 2).shown(score)

    def short(self, score: float) -> str:
        """For the ends of axes."""
        return f"{-score if self.is_loss else score:.4g}"


def teacher_name(run: Mapping[str, Any]) -> str:
    """What the teacher of a run is called, with what it learned from where students had more."""
    return "teacher, of the sample" if "sample" in run["rows"] else "teacher, without limits"
