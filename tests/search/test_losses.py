import numpy as np
import pytest

from lean_automl.data import Task
from lean_automl.search.losses import certainty, row_losses


def test_losses_are_those_of_the_task() -> None:
    squared = row_losses(np.array([1.0, 2.0]), np.array([[0.0], [4.0]]), Task.REGRESSION)
    assert squared.tolist() == [1.0, 4.0]
    logs = row_losses(np.array([0, 2]), np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]), Task.MULTICLASS)
    assert logs == pytest.approx([np.log(2), np.log(1e6)])
    weighted = row_losses(np.array([1.0, 2.0]), np.zeros((2, 1)), Task.REGRESSION, np.array([1.0, 3.0]))
    assert weighted == pytest.approx([0.5, 6.0])


def test_certainty_is_the_mean_difference_over_its_error() -> None:
    rng = np.random.default_rng(0)
    before = rng.random(10_000)
    noise = rng.normal(0.0, 0.1, before.size)
    assert certainty(before, before) == 0.0
    assert abs(certainty(before, before + noise)) < 4
    assert certainty(before, before - 0.01 + noise) == pytest.approx(10, abs=4)
    assert certainty(before, before + 0.01 + noise) == pytest.approx(-10, abs=4)
