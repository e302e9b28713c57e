"""Fits on more rows after a search on a sample."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lean_automl_runtime import load
from tables import mixed_frame_for
from watchers import Told

from lean_automl.automl import run as run_module
from lean_automl.automl import thin
from lean_automl.automl.grow import by_learner
from lean_automl.automl.output import MARKER
from lean_automl.automl.pipeline import fit
from lean_automl.automl.request import FitRequest
from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.learners.chimeraboost import ChimeraBoost
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.learners.linear import Linear
from lean_automl.student.family import MOST_TREES, Context
from lean_automl.student.grown import grown
from lean_automl.student.search import StudentSearch
from lean_automl.student.trial import Workbench

ROWS = 3_000
SAMPLED = 400
MANY = 10**9  # leaves


@pytest.fixture
def thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs search on `SAMPLED` rows."""
    monkeypatch.setattr(run_module, "search_rows", lambda *_: SAMPLED)
    monkeypatch.setattr(thin, "FEWEST_JUDGING", 200)


def run_of(folder: Path, task: str = "binary", **settings: Any) -> tuple[dict[str, Any], Told]:
    frame, target = mixed_frame_for(task, ROWS)
    watcher = Told()
    budget = Budget(time_limit_s=60.0, max_trials=3, teacher=False, measure=False)
    fit(FitRequest(frame, target, folder), FitConfig(budget=budget, threads=2, **settings), watcher)  # type: ignore[arg-type]
    return json.loads((folder / MARKER).read_text(encoding="utf-8")), watcher


@pytest.mark.usefixtures("thinned")
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_did_well_on_a_sample_is_fitted_on_all_rows_and_ships(task: str, tmp_path: Path) -> None:
    run, watcher = run_of(tmp_path / "model", task)
    assert "grow" in dict(watcher.steps)
    assert run["rows"]["search"] + run["rows"]["holdout"] == ROWS
    assert run["rows"]["sample"] == SAMPLED + 200
    known = [trial for trial in run["trials"] if "grown" not in trial["parameters"]]
    more = [trial for trial in run["trials"] if "grown" in trial["parameters"]]
    assert len(known) == 3
    assert {trial["parameters"]["grown"] for trial in more} <= {trial["number"] for trial in known}
    assert max(trial["score"] for trial in more) == max(trial["score"] for trial in run["trials"])
    frame, target = mixed_frame_for(task, 50)
    assert load(tmp_path / "model" / "model.lam").predict(frame.drop(columns=target)).shape[0] == len(frame)


@pytest.mark.usefixtures("thinned")
def test_time_that_is_left_goes_to_further_students_of_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []
    whole = StudentSearch.run

    def run(search: StudentSearch, bench: Workbench, until: int | None = None) -> None:
        searched.append(bench.rows.frame.rows)
        whole(search, bench, until)

    monkeypatch.setattr(StudentSearch, "run", run)
    found, _ = run_of(tmp_path / "model")
    assert searched[0] == SAMPLED + 200
    assert searched[-1] == found["rows"]["search"]


@pytest.mark.usefixtures("thinned")
def test_an_interrupt_meanwhile_ends_with_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(StudentSearch, "try_given", interrupt)
    run, _ = run_of(tmp_path / "model")
    assert run["interrupted"]
    assert not any("grown" in trial["parameters"] for trial in run["trials"])
    assert run["student_holdout"] > run["constant_holdout"]


@pytest.mark.usefixtures("thinned")
def test_limits_hold_for_what_was_fitted_on_more_rows(tmp_path: Path) -> None:
    limit = 6_000
    constraints = Constraints(max_size_bytes=limit)
    _, watcher = run_of(tmp_path / "model", constraints=constraints, target="native")
    assert "grow" in dict(watcher.steps)
    assert (tmp_path / "model" / "model.lam").stat().st_size <= limit


def test_the_best_student_of_each_learner_comes_first() -> None:
    learners = [LightGBM(), LightGBM(leaves=8), ChimeraBoost(), Linear(), ChimeraBoost(depth=3)]
    ranked: Any = [SimpleNamespace(number=n, student=learner) for n, learner in enumerate(learners)]
    assert [one.number for one in by_learner(ranked)] == [0, 2, 3, 1, 4]


def context(constraints: Constraints) -> Any:
    """Of students without a cost model."""
    problem = SimpleNamespace(scores=1, task=None)
    return Context(problem, 5_000, 10, 0, constraints, False)  # type: ignore[arg-type]


def test_trees_for_more_rows_are_larger_where_there_is_room() -> None:
    free = context(Constraints())
    found = grown(LightGBM(leaves=31, learning_rate=0.03), 16.0, free, MANY)
    assert found == replace(LightGBM(), trees=MOST_TREES, leaves=124, learning_rate=None)
    assert grown(LightGBM(leaves=200), 100.0, free, MANY).leaves == 255  # type: ignore[attr-defined]
    assert grown(ChimeraBoost(depth=5), 16.0, free, MANY).depth == 7  # type: ignore[attr-defined]
    assert grown(Linear(), 16.0, free, MANY) == Linear()
    assert grown(LightGBM(leaves=31), 16.0, free, 12_400).trees == 100  # type: ignore[attr-defined]
    tight = context(Constraints(max_size_bytes=8_000))
    assert grown(LightGBM(leaves=31), 16.0, tight, MANY) == LightGBM(leaves=31)


def test_trees_for_more_rows_keep_to_what_limits_allow() -> None:
    roomy = context(Constraints(max_size_bytes=500_000))
    found: Any = grown(LightGBM(leaves=31), 16.0, roomy, MANY)
    assert 5 <= found.trees < 500_000 / (9 * found.leaves)


def test_rows_of_a_group_are_learned_from_or_judge() -> None:
    groups = np.repeat(np.arange(300), 10)
    dataset = dataset_of(group=groups)
    chosen = thin.part(dataset, thin.judging(dataset, 500, 0), 500, 0)
    own = groups[chosen.rows]
    assert not set(own[chosen.split.train]) & set(own[chosen.split.valid])
    assert chosen.split.train.size == 500


def test_the_latest_rows_judge_and_those_just_before_are_learned_from() -> None:
    times = np.random.default_rng(0).permutation(3_000)
    dataset = dataset_of(time=times)
    chosen = thin.part(dataset, thin.judging(dataset, 500, 0), 500, 0)
    own = times[chosen.rows]
    judges = own[chosen.split.valid]
    assert judges.min() == 3_000 - judges.size
    assert sorted(own[chosen.split.train]) == list(range(2_500 - judges.size, 3_000 - judges.size))


def test_rare_classes_are_in_every_sample() -> None:
    dataset = dataset_of(rare=12)
    chosen = thin.part(dataset, thin.judging(dataset, 300, 0), 300, 0)
    own = dataset.y[chosen.rows]
    wanted = np.bincount(dataset.y[thin.judging(dataset, 300, 0).train])
    assert np.bincount(own[chosen.split.train])[2] == min(wanted[2], thin.FEWEST_OF_A_CLASS)
    assert 300 <= chosen.split.train.size <= 300 + thin.FEWEST_OF_A_CLASS


def dataset_of(group: Any = None, time: Any = None, rare: int = 0) -> Any:
    """Rows of two classes, and a few of a third one, with one number."""
    import pandas as pd

    from lean_automl.data import SchemaOverrides, load_dataset

    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=3_000), "y": rng.integers(0, 2, 3_000)})
    frame.loc[: rare - 1, "y"] = 2
    overrides = SchemaOverrides()
    if group is not None:
        frame["g"], overrides = group, SchemaOverrides(group="g")
    if time is not None:
        frame["t"], overrides = time, SchemaOverrides(time="t")
    return load_dataset(frame, "y", overrides)
