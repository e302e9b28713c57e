"""Which learners the teacher tries."""

import pytest

from lean_automl.data import Task
from lean_automl.learners.base import Problem
from lean_automl.teacher.portfolio import NETWORK_AT, portfolio

PROBLEMS = [Problem(Task.BINARY, 2), Problem(Task.MULTICLASS, 5), Problem(Task.REGRESSION, 1)]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.task.value)
@pytest.mark.parametrize("rows", [500, 50_000])
def test_members_that_may_be_students_can_fit_once_more_on_all_rows(rows: int, problem: Problem) -> None:
    members = portfolio(rows, problem, networks=True, students=True)
    assert all(hasattr(member, "for_all_rows") for member in members)
    assert len(members) < len(portfolio(rows, problem, networks=True))
    assert members[NETWORK_AT].name == "mlp"
    assert "mlp" not in {member.name for member in portfolio(rows, problem)}


def test_only_learners_that_keep_signs_are_members_where_there_are_signs() -> None:
    problem = Problem(Task.REGRESSION, 1, signs=(1, 0))
    members = portfolio(5_000, problem, networks=True)
    assert members
    assert all(member.keeps_signs for member in members)
