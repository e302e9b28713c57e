"""The whole job on small tables: what it writes, and that it agrees with itself."""

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime import load, load_artifact
from tables import mixed_frame_for

from lean_automl.automl.finish import MissError
from lean_automl.automl.measure_files import measure_files
from lean_automl.automl.pipeline import FitRequest, fit, resume
from lean_automl.automl.result import Check
from lean_automl.cli.progress import Silent
from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.data import SchemaOverrides
from lean_automl.errors import ConfigError, InfeasibleError, MeasurementError

FILES = ["front.zip", "model.lam", "model.onnx", "model_card.md", "report.html", "run.json"]
LIMITS = Constraints(max_latency_us=1e5, max_size_bytes=200_000)


def run(tmp_path: Path, task: str, rows: int = 400, **settings: object):
    frame, target = mixed_frame_for(task, rows)
    config = FitConfig(
        constraints=settings.pop("constraints", LIMITS),  # type: ignore[arg-type]
        budget=Budget(time_limit_s=300.0, max_trials=settings.pop("max_trials", 4)),  # type: ignore[arg-type]
        families=settings.pop("families", ("linear", "oblivious")),  # type: ignore[arg-type]
        folds=2,
    )
    overrides = settings.pop("overrides", SchemaOverrides())
    out = tmp_path / "model"
    request = FitRequest(frame, target, out, overrides=overrides)  # type: ignore[arg-type]
    return fit(request, config, Silent()), out, frame


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_task_ends_with_files_that_agree(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", quick_portfolio)
    result, out, frame = run(tmp_path, task)
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert result.student_holdout > result.constant_holdout
    assert result.teacher_holdout is not None
    assert all(check.met for check in result.checks)
    sizes = {check.file: round(check.value * 1000) for check in result.checks if check.unit == "kB"}
    assert sizes == {name: (out / name).stat().st_size for name in ("model.lam", "model.onnx")}, "as they ship"
    described = json.loads((out / "run.json").read_text())
    assert described["digest"] == result.digest == load_artifact(out / "model.lam").digest
    assert described["joined"], "there was time for a last fit with the hold-out"
    assert described["rows"]["holdout"] + described["rows"]["search"] == len(frame)
    asked = [trial for trial in described["trials"] if "from" not in trial["parameters"]]
    assert len(asked) == 4, "the teacher's members do not count"
    models = [load(out / "model.lam", "reference"), load(out / "model.onnx")]
    first, second = (model.predict(frame) for model in models)
    if task == "regression":
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-5)
    else:
        assert np.mean(first == second) > 0.99
        proba, other = (model.predict_proba(frame) for model in models)
        np.testing.assert_allclose(proba, other, atol=1e-5)
    assert models[0].metadata["measured"], "the files say what was measured"
    assert models[0].metadata.get("passes", {"steps": [...]})["steps"], "and how they got smaller, if they did"
    assert models[0].metadata == models[1].metadata


def quick_portfolio(*_: object):
    from lean_automl.learners.lightgbm import LightGBM
    from lean_automl.learners.linear import Linear

    return (LightGBM(trees=20, learning_rate=0.2), Linear())


def test_a_fit_with_the_holdout_that_does_worse_on_it_does_not_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", quick_portfolio)
    (tmp_path / "joined").mkdir()
    (tmp_path / "alone").mkdir()
    joined, *_ = run(tmp_path / "joined", "binary")
    monkeypatch.setattr("lean_automl.automl.last_fit.SOUND_SHARE", -10.0)
    alone, out, _ = run(tmp_path / "alone", "binary")
    assert joined.joined
    assert not alone.joined
    assert alone.refitted
    assert alone.student_holdout == pytest.approx(joined.student_holdout)
    assert alone.digest != joined.digest
    assert "held-out rows" not in (out / "model_card.md").read_text().split("## Training")[1]


def test_when_nothing_fits_the_nearest_miss_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", quick_portfolio)
    with pytest.raises(InfeasibleError, match=r"Nearest miss: trial \d.*over the limit of 0.9 kB.*It would fit with"):
        run(tmp_path, "binary", constraints=Constraints(max_size_bytes=900.0), max_trials=2)
    assert list(tmp_path.iterdir()) == []


def test_time_order_groups_and_weights_are_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", quick_portfolio)
    result, out, _ = run(tmp_path, "regression", overrides=SchemaOverrides(time="since", weight="income"), rows=500)
    assert result.student_holdout > result.constant_holdout
    names = [column.name for column in load_artifact(out / "model.lam").program.columns]
    assert "income" not in names
    assert "since" in names


class Stops(Silent):
    """Interrupts the run after a number of students, as Ctrl-C would."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.numbers: list[int] = []

    def trial_ended(self, trial: object, log: object) -> None:  # noqa: ARG002
        self.numbers.append(trial.number)  # type: ignore[attr-defined]
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_an_interrupted_run_ends_with_the_best_so_far_and_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", quick_portfolio)
    frame, target = mixed_frame_for("binary", 400)
    source = tmp_path / "table.parquet"
    frame.to_parquet(source)
    out = tmp_path / "model"
    config = FitConfig(
        constraints=LIMITS, budget=Budget(time_limit_s=100.0, max_trials=6), families=("linear", "oblivious"), folds=2
    )
    first = fit(FitRequest(source, target, out), config, Stops(4))
    assert first.interrupted
    assert first.student_holdout > first.constant_holdout
    assert load(out / "model.lam", "reference").classes == ("no", "yes")
    assert len(first.trials) >= 4
    seen = Stops(1000)
    second = resume(out, seen, 100.0, time.monotonic())
    assert not second.interrupted
    assert [trial.number for trial in second.trials] == [1, 2, 3, 4, 5, 6, 7, 8], "6 and two of the teacher's"
    done = {trial.number: trial for trial in first.trials}
    assert all(trial == done[trial.number] for trial in second.trials if trial.number in done)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "table.parquet"]
    with pytest.raises(ConfigError, match="no interrupted run"):
        resume(out, Silent(), None, time.monotonic())


def test_a_run_is_resumed_on_the_same_table_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", quick_portfolio)
    frame, target = mixed_frame_for("binary", 300)
    source = tmp_path / "table.csv"
    frame.to_csv(source, index=False)
    config = FitConfig(budget=Budget(time_limit_s=100.0, max_trials=3), families=("linear",), folds=2)
    assert fit(FitRequest(source, target, tmp_path / "model"), config, Stops(1)).interrupted
    source.write_text(source.read_text() + source.read_text().splitlines()[-1] + "\n")
    with pytest.raises(ConfigError, match="not the table"):
        resume(tmp_path / "model", Silent(), None, time.monotonic())


def test_a_wide_table_of_which_fits_read_different_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is chosen for the fit of a fold is repeated on the last fit, which need not read the same columns."""
    frame, target = mixed_frame_for("binary", 400)
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(rng.normal(size=(400, 60)), columns=[f"noise {number}" for number in range(60)])
    wide = pd.concat([noise, frame], axis=1)
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", quick_portfolio)
    config = FitConfig(
        constraints=Constraints(max_size_bytes=12_000),
        budget=Budget(time_limit_s=300.0, max_trials=3),
        families=("oblivious",),
        folds=2,
    )
    result = fit(FitRequest(wide, target, tmp_path / "model"), config, Silent())
    model = load(tmp_path / "model" / "model.lam", "reference")
    assert len(model.columns) < result.columns == 60 + len(frame.columns) - 1
    read = wide[[column.name for column in model.columns]]
    assert (model.predict(wide) == model.predict(read)).all()
    assert result.explained is not None
    assert not {column.name for column in model.columns} & set(result.explained.importance.unused)


class Breaks:
    """Stands for `measure_files`: after some sets of files, a number of them cannot be published."""

    def __init__(self, error: Exception, good: int, bad: float = float("inf")) -> None:
        self.error, self.good, self.bad, self.calls = error, good, bad, 0

    def __call__(self, *arguments: object):
        self.calls += 1
        if self.good < self.calls <= self.good + self.bad:
            raise self.error
        return measure_files(*arguments)  # type: ignore[arg-type]


TOO_SLOW = MissError([Check("p99 latency, upper bound", "model.lam with native", 9.0, 2.0, "ms", met=False)])
NO_TIME = MeasurementError("model.lam: the measuring process did not end")


@pytest.mark.parametrize("error", [TOO_SLOW, NO_TIME], ids=["miss", "timeout"])
def test_when_the_best_break_a_limit_the_first_model_stays(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", quick_portfolio)
    monkeypatch.setattr("lean_automl.automl.predicted.measure_files", Breaks(error, good=1))
    result, out, _ = run(tmp_path, "binary")
    assert result.passed_over
    assert all(str(error) in what for what in result.passed_over)
    assert len(result.trials) >= 4, "the record is that of the whole run"
    assert json.loads((out / "run.json").read_text())["passed_over"] == result.passed_over
    assert result.digest == load_artifact(out / "model.lam").digest
    assert all(check.met for check in result.checks)


def test_what_misses_a_limit_narrowly_is_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = MissError([Check("p99 latency, upper bound", "model.lam with native", 3.0, 2.0, "ms", met=False)])
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", lambda *_: quick_portfolio()[:1])  # no linear model
    monkeypatch.setattr("lean_automl.automl.predicted.measure_files", Breaks(narrow, good=1, bad=2))
    result, out, _ = run(tmp_path, "binary", families=("oblivious",))
    assert 1 <= len(result.passed_over) <= 2, "an early model may have missed it too"
    assert all(what.startswith(f"{result.student.family}:") for what in result.passed_over)
    assert result.digest == load_artifact(out / "model.lam").digest


def test_when_no_files_at_all_meet_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", quick_portfolio)
    monkeypatch.setattr("lean_automl.automl.predicted.measure_files", Breaks(TOO_SLOW, good=0))
    with pytest.raises(InfeasibleError, match=r"Nearest miss: p99.*is 9 ms \(limit 2 ms\)"):
        run(tmp_path, "binary")
    assert list(tmp_path.iterdir()) == []
