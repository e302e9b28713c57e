import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from lean_automl.automl.choose_features import FeatureChoice, Terms, choose_features, most_levels
from lean_automl.data import Task, load_dataset
from lean_automl.features import describe, fit_features
from lean_automl.learners.base import FitOptions, Problem
from lean_automl.search.metrics import make_metric
from lean_automl.search.workers import Workers

ROWS = 3_000


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2) as places:
        assert places.wait_until_ready(time.monotonic() + 120)
        yield places


def chosen(y: np.ndarray, workers: Workers, *, searches: bool = True, seconds: float = 300.0) -> FeatureChoice:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.normal(size=ROWS) for name in ("left", "right", "third")})
    frame["spot"] = rng.integers(0, 12, ROWS)
    frame["kind"] = rng.choice(list("abcdef"), ROWS)
    frame["y"] = y
    dataset = load_dataset(frame, "y")
    problem = Problem(dataset.schema.task, len(dataset.schema.classes) or 1)
    terms = Terms(
        problem, make_metric(None, problem.task, problem.outputs), workers, most_levels(None, problem), searches
    )
    options = FitOptions(0, 1, time.monotonic() + seconds)
    choice = choose_features(dataset, terms, options)
    basic = fit_features(dataset.table)
    assert choice.plan.numeric[: len(basic.numeric)] == basic.numeric
    count = len(choice.plan.numeric) + len(choice.plan.categorical)
    assert count == len(basic.numeric) + len(basic.categorical) + len(choice.searched)
    return choice


def columns() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    numbers = [rng.normal(size=ROWS) for _ in range(3)]
    spot = rng.integers(0, 12, ROWS)
    return (*numbers, spot, np.unique(rng.choice(list("abcdef"), ROWS), return_inverse=True)[1])


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_an_interaction_is_found(task: str, workers: Workers) -> None:
    *_, spot, kind = columns()
    rng = np.random.default_rng(1)
    score = rng.choice([-1.0, 1.0], size=(12, 6))[spot, kind] + rng.normal(size=ROWS)
    y = {"regression": score, "binary": score > 0, "multiclass": np.digitize(score, [-1, 1])}[task]
    choice = chosen(np.asarray(y), workers)
    assert choice.searched
    assert any("spot" in describe(one) and "kind" in describe(one) for one in choice.searched)
    assert choice.score is not None
    assert choice.basic_score is not None
    assert choice.score > choice.basic_score


def test_nothing_is_found_in_noise(workers: Workers) -> None:
    choice = chosen(np.random.default_rng(7).normal(size=ROWS), workers)
    assert choice.searched == ()
    assert choice.score == choice.basic_score


def test_without_time_or_leave_the_columns_stay_as_they_are(workers: Workers) -> None:
    left, right, *_ = columns()
    assert chosen(left * right, workers, searches=False).searched == ()
    assert chosen(left * right, workers, searches=False).seconds_per_tree is not None
    assert chosen(left * right, workers, seconds=0.0).searched == ()


def test_a_limit_on_size_limits_tables() -> None:
    two, many = Problem(Task.BINARY, 2), Problem(Task.MULTICLASS, 20)
    assert most_levels(None, two) > most_levels(64_000, two) == 8_000 > most_levels(4_000, two) == 500
    assert most_levels(64_000, many) < most_levels(64_000, two)
