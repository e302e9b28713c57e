"""Members of the teacher as students: what fits the limits is compiled as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from lean_automl.student.trial import Adopted

if TYPE_CHECKING:
    from lean_automl.learners.base import Lowerable, Student
    from lean_automl.teacher.ensemble import Teacher

MOST_ADOPTED: Final = 5


def students_of(teacher: Teacher, folds: int) -> list[Adopted]:
    """Members whose models can be lowered, with their models of the last folds.

    Those that the average has a use for come first, and among them is the best one; of each kind the better ones.
    """
    members = zip(teacher.scores, teacher.weights, teacher.bags, strict=True)
    ranked = sorted(members, key=lambda one: (one[1] == 0, -one[0]))
    bags = [bag for _, _, bag in ranked if all(hasattr(model, "lower") for model in bag.models)]
    return [
        Adopted(
            bag.name,
            cast("Student", bag.learner),
            cast("tuple[Lowerable, ...]", bag.models[-folds:]),
            bag.seconds * folds / len(bag.models),
        )
        for bag in bags[:MOST_ADOPTED]
    ]
