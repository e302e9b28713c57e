"""The first model, which is there before the learners are."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lean_automl_runtime import load
from tables import mixed_frame_for
from watchers import Told

from lean_automl.automl.finish import MissError
from lean_automl.automl.front import read_front
from lean_automl.automl.output import MARKER
from lean_automl.automl.pipeline import fit
from lean_automl.automl.publish import CLEARLY_QUICKER, EARLY_EXPLAIN_S, FIRST, Publisher
from lean_automl.automl.report import EXPLAIN_SHARE
from lean_automl.automl.request import FitRequest
from lean_automl.automl.result import Check, RunResult
from lean_automl.automl.run import Run
from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.errors import InfeasibleError
from lean_automl.report.explain import Explained, explain
from lean_automl.student.deploy import Footprint


def stopped_after_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str = "binary", **settings: Any
) -> tuple[Path, Told]:
    """A run that is interrupted while it waits for the learners."""

    def interrupt(_: Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "choose_features", interrupt)
    frame, target = mixed_frame_for(task, 400)
    watcher = Told()
    request = FitRequest(frame, target, tmp_path / "model")
    with pytest.raises(KeyboardInterrupt, match=settings.pop("match", "holds the first model")):
        fit(request, FitConfig(budget=Budget(time_limit_s=60.0), threads=1, **settings), watcher)  # type: ignore[arg-type]
    return tmp_path / "model", watcher


@pytest.mark.parametrize(
    ("task", "settings"),
    [("binary", {}), ("multiclass", {}), ("regression", {}), ("regression", {"metric": "rmsle"})],
    ids=["binary", "multiclass", "regression", "rmsle"],
)
def test_a_run_that_is_stopped_early_leaves_a_whole_model(
    task: str, settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = stopped_after_first(tmp_path, monkeypatch, task, **settings)
    run = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    assert run["student"]["family"] == "linear"
    assert run["student_holdout"] > run["constant_holdout"]
    assert run["searched_features"] == []
    assert load(folder / "model.lam").columns
    assert {file.name for file in folder.iterdir()} >= {"model.lam", "model.onnx", "report.html", "front.zip"}
    assert "trial -1" not in (folder / "report.html").read_text(encoding="utf-8")


def test_within_a_limit_on_size_it_reads_the_features_that_move_scores_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stopped_after_first(tmp_path, monkeypatch)[0].rename(tmp_path / "whole")
    files = ("model.lam", "model.onnx")
    limit = int(0.9 * max((whole / file).stat().st_size for file in files))
    folder, _ = stopped_after_first(tmp_path, monkeypatch, constraints=Constraints(max_size_bytes=limit))
    assert max((folder / file).stat().st_size for file in files) <= limit
    assert 1 <= len(load(folder / "model.lam").columns) < len(load(whole / "model.lam").columns)
    run = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    assert run["student_holdout"] > run["constant_holdout"]


def test_a_family_that_is_not_wanted_is_not_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = stopped_after_first(tmp_path, monkeypatch, families=("oblivious",), match="nothing was written")
    assert not folder.exists()


def test_a_first_model_that_fails_sinks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Run) -> None:
        raise ValueError("singular")

    monkeypatch.setattr("lean_automl.automl.run.with_first_model", fail)
    _, told = stopped_after_first(tmp_path, monkeypatch, match="nothing was written")
    assert ("note", "there is no first model: ValueError: singular") in told.steps


def test_anything_takes_the_place_of_the_first_model() -> None:
    """It was judged by a few rows of its own, which may have been easy ones."""
    run = SimpleNamespace()
    publisher = Publisher(run)  # type: ignore[arg-type]
    for number, is_better in ((FIRST, True), (3, False)):
        blend = SimpleNamespace(members=((SimpleNamespace(number=number), 1.0),), score=0.9)
        publisher.shipped = SimpleNamespace(blend=blend)  # type: ignore[assignment]
        assert publisher._is_better(SimpleNamespace(score=0.8)) is is_better  # type: ignore[arg-type]


def fit_without_students(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunResult:
    """A run that finds nothing but its first model."""
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", lambda *_: ())
    monkeypatch.setattr("lean_automl.student.search.StudentSearch.run", lambda *_, **__: None)
    frame, target = mixed_frame_for("binary", 400)
    request = FitRequest(frame, target, tmp_path / "model")
    config = FitConfig(budget=Budget(time_limit_s=60.0, feature_search=False), threads=1)
    return fit(request, config, Told())  # type: ignore[arg-type]


@pytest.mark.parametrize("is_short", [False, True])
def test_a_run_without_students_names_how_the_first_model_missed(
    is_short: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def miss(*_: object) -> None:
        raise MissError([Check("p99 latency", "model.lam with native", 0.006, 0.005, "ms", met=False)])

    monkeypatch.setattr("lean_automl.automl.publish.judge_files", miss)
    monkeypatch.setattr("lean_automl.automl.run.SHORTEST_WITH_FIRST_S", 61.0 if is_short else 60.0)
    with pytest.raises(InfeasibleError, match=r"Nearest miss: p99 latency of model\.lam with native is 0\.006 ms"):
        fit_without_students(tmp_path, monkeypatch)


def test_a_short_run_publishes_its_first_model_if_nothing_else_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lean_automl.automl.run.SHORTEST_WITH_FIRST_S", 61.0)
    result = fit_without_students(tmp_path, monkeypatch)
    assert (result.student.family, result.trials) == ("linear", [])
    assert load(tmp_path / "model" / "model.lam").columns
    assert [point.family for point in read_front(tmp_path / "model")] == ["linear"], "which is all that was found"


def test_an_early_model_is_not_looked_at_for_long_and_the_last_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def look(*arguments: Any) -> Explained:
        asked.append(arguments[3])
        return explain(*arguments)

    monkeypatch.setattr("lean_automl.automl.report.explain", look)
    result = fit_without_students(tmp_path, monkeypatch)
    assert asked == [EARLY_EXPLAIN_S, EXPLAIN_SHARE * 60.0]
    assert result.explained is not None


def test_a_short_run_does_not_try_its_first_model_where_a_quicker_one_was_too_slow() -> None:
    footprint = Footprint({"model.lam": 1}, {"model.lam": 3.0})
    publisher = Publisher(SimpleNamespace(clock=SimpleNamespace(left_s=5.0, limit_s=15.0)))  # type: ignore[arg-type]
    log = SimpleNamespace(candidates=[SimpleNamespace(footprint=footprint)])
    publisher.spare = SimpleNamespace(students=SimpleNamespace(log=log))  # type: ignore[assignment]
    tried: list[object] = []

    def publish_best(run: object = None, quicker_us: float = inf) -> None:
        tried.append(quicker_us if run is None else run)

    publisher.publish_best = publish_best  # type: ignore[method-assign]
    publisher.publish_spare(2.5)
    assert tried == [CLEARLY_QUICKER * 2.5]
    publisher.publish_spare(3.5)
    assert tried == [CLEARLY_QUICKER * 2.5, CLEARLY_QUICKER * 3.5, publisher.spare]
    publisher.publish_spare(inf)
    assert tried[3:] == [publisher.spare]


@pytest.mark.parametrize(("left_s", "tries"), [(-1.9, True), (-2.1, False)])
def test_the_first_model_of_a_short_run_may_be_a_little_late(left_s: float, tries: bool) -> None:
    publisher = Publisher(SimpleNamespace(clock=SimpleNamespace(left_s=left_s, limit_s=10.0)))  # type: ignore[arg-type]
    log = SimpleNamespace(candidates=[SimpleNamespace(footprint=Footprint({"model.lam": 1}, {"model.lam": 3.0}))])
    publisher.spare = SimpleNamespace(students=SimpleNamespace(log=log))  # type: ignore[assignment]
    tried: list[object] = []
    publisher.publish_best = tried.append  # type: ignore[method-assign]
    publisher.publish_spare(inf)
    assert tried == ([publisher.spare] if tries else [])


def test_the_best_student_that_is_quick_enough_is_published_as_it_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    students = [
        SimpleNamespace(number=number, score=score, footprint=Footprint({"model.lam": 1}, {"model.lam": took_us}))
        for number, score, took_us in ((1, 0.9, 5.0), (2, 0.8, 3.0), (3, 0.7, 1.0))
    ]
    log = SimpleNamespace(feasible=lambda: students)
    plan = SimpleNamespace()
    plan.with_publishing = lambda _: plan
    run = SimpleNamespace(students=SimpleNamespace(log=log), time=plan, bench=SimpleNamespace(likely_first=list))
    published: list[int] = []
    monkeypatch.setattr(Publisher, "_publish_quietly", lambda _self, _run, chosen: published.append(chosen.number))
    for quicker_us in (inf, 4.0, 2.0, 0.5):
        publisher = Publisher(run)  # type: ignore[arg-type]
        publisher.publish_best(quicker_us=quicker_us)
        publisher.settle()
    assert published == [1, 2, 3]
