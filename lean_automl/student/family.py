"""What a student family is: a search space over one kind of small model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from lean_automl.learners.fewer import Fewer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna

    from lean_automl.config import Constraints
    from lean_automl.learners.base import Problem, Student
    from lean_automl.student.costs import Costs

OVERHEAD_BYTES: Final = 3_000
MOST_TREES: Final = 2_000
FEWEST_TREES: Final = 5
LEAST_ROOM: Final = 0.1
LATER: Final = 3.0  # times as long as the first trial of a family may others take
ALL: Final = 1.0
FEATURE_SHARES: Final = (0.25, 0.5, 0.12, ALL)  # of the features, or of those that limits leave room for if fewer
FASTEST_RATE: Final = 0.5
SCARCE: Final = 0.5  # of that room: with fewer features there is time for trees
FEWEST_FEATURES: Final = 2
BYTES_PER_FEATURE: Final = 30.0
# A number that is read and put into one of about 60 bins.
WORK_PER_FEATURE: Final = {"numeric_columns": 1.0, "objects": 1.0, "bin_columns": 1.0, "bin_steps": 6.0}
START_ROOM: Final = 0.45  # of the size limit: two of the first students fit together, and their average is better
TIGHT_ROOM: Final = 0.95  # where one alone is small already


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
        costs: What things cost on the machine that will serve; None if no limit is for that.
        trees_in_time: Trees of the first trials at most, so that the first of them end early in the run.
        overhead_bytes: Of the largest file before there are trees.
        levels: Of all categories that models with a weight for each level read.
        reading: Counts of what it takes to read all columns, by names of the cost model.
    """

    problem: Problem
    rows: int
    numbers: int
    categories: int
    constraints: Constraints
    has_teacher: bool
    costs: Costs | None = None
    trees_in_time: float = float("inf")
    overhead_bytes: float = OVERHEAD_BYTES
    levels: int = 0
    reading: Mapping[str, float] = field(default_factory=dict)

    def most_trees(self, bytes_per_tree: float, work_per_tree: Mapping[str, float]) -> int:
        """Trees that fit into the limits, by estimate; the files themselves are measured later.

        Args:
            bytes_per_tree: In the largest file.
            work_per_tree: Counts that a further tree adds, by names of the cost model.
        """
        return int(max(FEWEST_TREES, min(MOST_TREES, self._most(bytes_per_tree, work_per_tree))))

    def _most(self, bytes_each: float, work_each: Mapping[str, float], is_loose: bool = True) -> float:
        most = math.inf
        if self.constraints.max_size_bytes is not None:
            most = max(0.0, self.constraints.max_size_bytes - self.overhead_bytes) / bytes_each
        reading = self.reading if is_loose else None
        return most if self.costs is None else min(most, self.costs.most(work_each, is_loose, reading))

    def narrowed(self, student: Student, trial: optuna.trial.BaseTrial, family: str) -> Student:
        """The student, of fewer features if the trial says so: where reading all takes much of what limits allow."""
        most = self._scarce_features
        if most is None:
            return student
        share = float(trial.suggest_categorical(f"{family}_features", FEATURE_SHARES))
        return student if share == ALL else Fewer(student, max(FEWEST_FEATURES, round(share * most)))

    def start_features(self, family: str, number: int) -> dict[str, float]:
        """What the trial of that number among a family's first ones says of it."""
        most = self._scarce_features
        if most is None:
            return {}
        # First about so many that reading them takes half of what limits allow, then fewer, then all.
        share = min(ALL, SCARCE * max(1.0, self._room_for_features / max(most, 1.0)))
        shares = sorted(FEATURE_SHARES, key=lambda one: abs(math.log(one / share)))
        return {f"{family}_features": shares[number % len(shares)]}

    @property
    def _scarce_features(self) -> float | None:
        """Features that may be read, if reading all would take much of what the limits allow."""
        features, room = self.numbers + self.categories, self._room_for_features
        return min(room, features) if features > SCARCE * room else None

    @property
    def _room_for_features(self) -> float:
        """Features that could be read within the limits, if nothing else were done."""
        return self._most(BYTES_PER_FEATURE, WORK_PER_FEATURE, is_loose=False)

    def start(self, most_trees: int, number: int) -> tuple[float, float]:
        """How much of the room for trees a first trial takes, and the learning rate with which they are about enough.

        Classes that share trees need more of them, or a higher rate.

        Args:
            most_trees: The room.
            number: Of the trial among its family's, from 0: the first one must be quick.
        """
        most = TIGHT_ROOM if self.constraints.are_tight else START_ROOM
        trees = min(most * most_trees, max(FEWEST_TREES, self.trees_in_time * (LATER if number else 1.0)))
        room = min(most, max(LEAST_ROOM, trees / most_trees))
        share = 2.0 if self.problem.scores > 1 else 1.0
        return room, float(min(FASTEST_RATE, share * max(0.03, 20.0 / (room * most_trees))))


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
