"""Which learners the teacher tries, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lean_automl.data import Task
from lean_automl.learners.catboost import CatBoost
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.forest import Forest
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.linear import Linear
from lean_automl.learners.mlp import MLP
from lean_automl.learners.quantiles import Quantiles

if TYPE_CHECKING:
    from lean_automl.learners.base import Learner, Problem

SMALL_ROWS: Final = 3_000
NETWORK_AT: Final = 2  # its errors are unlike those of trees, so that it helps the average more than one more of them


def portfolio(rows: int, problem: Problem, networks: bool = False, students: bool = False) -> tuple[Learner, ...]:
    """Learners in the order in which they are tried: what most often helps for its time comes first.

    Args:
        rows: To learn from.
        problem: What is predicted.
        networks: Whether there are networks among them.
        students: Whether only those are wanted that bring something to the average of students.
    """
    few, many_classes = rows < SMALL_ROWS, problem.task is Task.MULTICLASS
    members: list[Learner] = [
        LightGBM(
            # With many classes a round is many trees, and a slow rate would not be through in time.
            learning_rate=0.1 if many_classes else 0.03,
            leaves=15 if few else 31,
            min_rows=10 if few else 40,
            feature_fraction=0.5,
            leaf_bits=32,
        ),
        ChimeraBoost(leaf_bits=32, colsample=0.7),
        ChimeraBoost(learning_rate=0.05, l2=10.0, colsample=0.5, leaf_bits=32),  # for tables with much noise
        CatBoost(trees=500, own_categories=False),
    ]
    if not students:
        members += [
            LightGBM(
                learning_rate=0.03,
                leaves=63,
                min_rows=5,
                feature_fraction=0.5,
                extra={"extra_trees": True},
                leaf_bits=32,
            ),
            Linear(),
            Forest("extra_trees", min_rows=1 if problem.task.is_classification and few else 2),
            Forest("random_forest", min_rows=2),
        ]
    if many_classes:  # one tree for all of them makes the second learner the quicker one
        members[0], members[1] = members[1], members[0]
    if networks:
        members.insert(NETWORK_AT, MLP((64, 64), bins=16, dropout=0.1, learning_rate=3e-3))
    if problem.quantiles:
        members = [Quantiles(member) for member in members if isinstance(member, LightGBM)]
    return tuple(member for member in members if member.keeps_signs or not any(problem.signs))
