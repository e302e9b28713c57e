"""What a student that did well on a sample becomes when it learns from many times the rows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.student import oblivious, ragged
from lean_automl.student.family import MOST_TREES, START_ROOM

if TYPE_CHECKING:
    from lean_automl.learners.base import Student
    from lean_automl.student.family import Context

MOST_LEAVES: Final = 255


def grown(student: Student, growth: float, context: Context, most_leaves: int) -> Student:
    """The student with trees for more rows; itself where limits leave no room for larger ones.

    More rows bear larger trees: here leaves grow with the square root of the rows. The learning rate is for the trees
    that the limits and the time allow.

    Args:
        student: As it was on the sample.
        growth: Rows over those of the sample.
        context: What limits leave room for.
        most_leaves: In all of its trees together, where they are of any shape: each takes time to compile and export.
    """
    if not context.constraints.are_roomy:
        return student
    if isinstance(student, LightGBM):
        leaves = max(student.leaves, min(MOST_LEAVES, round(student.leaves * growth**0.5)))
        trees = min(
            _trees(ragged.most_rounds(leaves, context)), max(1, most_leaves // (leaves * context.problem.scores))
        )
        return replace(student, trees=trees, leaves=leaves, learning_rate=None)
    if isinstance(student, ChimeraBoost):
        depth = max(student.depth, min(oblivious.DEEPEST, student.depth + round(math.log2(growth) / 2)))
        trees = _trees(oblivious.most_trees(depth, student.linear, context))
        return replace(student, trees=trees, depth=depth, learning_rate=None)
    return student


def _trees(most: int) -> int:
    """Of what limits allow, as much as leaves room for a second member; all where they allow any number."""
    return most if most >= MOST_TREES else max(1, int(START_ROOM * most))
