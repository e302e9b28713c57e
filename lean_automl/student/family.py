"""What a student family is: a search space over one kind of small model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import optuna

    from lean_automl.config import Constraints
    from lean_automl.learners.base import Problem, Student

OVERHEAD_BYTES: Final = 3_000
MOST_TREES: Final = 2_000
FEWEST_TREES: Final = 5
START_ROOM: Final = 0.45  # of the size limit: two of the first students fit together, and their average is better


@dataclass(frozen=True)
class Context:
    """What a search space depends on.

    Attributes:
        problem: What is predicted.
        rows: Training rows of a trial.
        numbers: Numeric features.
        categories: Categorical features.
        constraints: What the files must meet.
        has_teacher: Whether rows carry a teacher's predictions.
    """

    problem: Problem
    rows: int
    numbers: int
    categories: int
    constraints: Constraints
    has_teacher: bool

    def most_trees(self, bytes_per_tree: float) -> int:
        """Trees that fit into the size limit, by estimate; the file itself is measured later."""
        if self.constraints.max_size_bytes is None:
            return MOST_TREES
        room = max(0.0, self.constraints.max_size_bytes - OVERHEAD_BYTES)
        return int(min(MOST_TREES, max(FEWEST_TREES, room / bytes_per_tree)))


def start_rate(trees: float) -> float:
    """A learning rate with which so many trees are about enough: it falls as their number grows."""
    return float(min(0.3, max(0.03, 20.0 / trees)))


class Family(Protocol):
    """One kind of student."""

    @property
    def name(self) -> str:
        """Name in tables and on the command line."""
        ...

    def suits(self, context: Context) -> bool:
        """Whether the family can be used at all here."""
        ...

    def suggest(self, trial: optuna.trial.BaseTrial, context: Context) -> Student:
        """Settings for a trial."""
        ...

    def starts(self, context: Context) -> tuple[dict[str, Any], ...]:
        """Parameters that are tried first."""
        ...
