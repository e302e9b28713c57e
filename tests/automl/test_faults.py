"""Faults that are injected into whole runs: each costs what failed and nothing else."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from lean_automl_runtime import load, load_artifact
from tables import mixed_frame_for

from lean_automl.automl import finish
from lean_automl.automl.journal import Journal
from lean_automl.automl.output import MARKER, OutputFolder
from lean_automl.automl.pipeline import FitRequest, fit, resume
from lean_automl.automl.run import Run
from lean_automl.cli.progress import Silent
from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.errors import InfeasibleError

if TYPE_CHECKING:
    from lean_automl_runtime.ir import Program

FAULTY = Path(__file__).parent.parent / "faulty.py"
CONFIG = FitConfig(
    constraints=Constraints(max_size_bytes=200_000),
    budget=Budget(time_limit_s=100.0, max_trials=4, teacher=False, measure=False),
    families=("linear", "oblivious"),
    folds=2,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    frame, _ = mixed_frame_for("binary", 400)
    frame.to_parquet(tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def command(kinds: str, source: Path, *more: object) -> list[str]:
    words = ["fit", source, "--target", "flag", "--out", source.parent / "model", "--families", "linear,faulty", *more]
    return [sys.executable, str(FAULTY), kinds, *map(str, words)]


@pytest.mark.slow
def test_every_fault_costs_its_own_trial_and_is_told(source: Path) -> None:
    kinds = "raise,segfault,killed,exit,memory"
    words = command(kinds, source, "--time-limit", 300, "--max-trials", 6, "--no-teacher", "--folds", 2, "--threads", 1)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run = json.loads((source.parent / "model" / MARKER).read_text(encoding="utf-8"))
    assert "linear" in run["student"]["family"]
    reasons = {trial["parameters"]["faulty_kind"]: trial["reason"] for trial in run["trials"] if trial["reason"]}
    wanted = {
        "raise": "ValueError: invalid literal",
        "segfault": "killed by SIGSEGV",
        "killed": "killed by SIGKILL",
        "exit": "exit code 7",
        "memory": "MemoryError",
    }
    assert set(reasons) == set(wanted)
    report = (source.parent / "model" / "report.html").read_text(encoding="utf-8")
    for kind, what in wanted.items():
        assert what in reasons[kind]
        assert what in done.stdout.replace("\n", " ")
        assert what in report
    assert "a process may take" in reasons["memory"]


@pytest.mark.slow
def test_a_hang_ends_and_the_best_of_the_rest_ships(source: Path) -> None:
    words = command("hang", source, "--time-limit", 90, "--no-teacher", "--folds", 2, "--threads", 2)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run = json.loads((source.parent / "model" / MARKER).read_text(encoding="utf-8"))
    (reason,) = [trial["reason"] for trial in run["trials"] if trial["parameters"].get("faulty_kind") == "hang"][:1]
    assert "longer than it may" in reason
    assert len([trial for trial in run["trials"] if trial["score"] is not None]) >= 2, "others went on"


def test_an_interrupted_run_that_ships_nothing_can_go_on(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Run) -> None:
        raise KeyboardInterrupt

    def refused(_: Run) -> None:
        raise InfeasibleError("the best students break a limit")

    for step in ("choose_files", "publish_first", "choose_features", "prepare"):
        monkeypatch.setattr(Run, step, lambda _: None)
    monkeypatch.setattr(Run, "try_first", interrupted)
    monkeypatch.setattr(Run, "finish", refused)
    with pytest.raises(InfeasibleError):
        fit(FitRequest(source, "flag", source.parent / "model"), CONFIG, Silent())
    assert Journal(source.parent / ".model.run" / "journal").get("request") is not None


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_a_whole_model_and_goes_on(source: Path) -> None:
    words = command("kill_parent", source, "--time-limit", 300, "--folds", 2, "--threads", 1, "--max-trials", 6)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == -9
    model = source.parent / "model"
    if model.exists():  # a first model, if there was time for one
        assert load(model / "model.lam", "reference").classes == ("no", "yes")
    words = [sys.executable, str(FAULTY), "raise", "fit", "--resume", str(model), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert "linear" in run["student"]["family"]
    assert load_artifact(model / "model.lam").digest == run["digest"]
    assert [path.name for path in source.parent.iterdir() if path.name.startswith(".")] == []


class Counted(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def step(self, name: str, detail: str) -> None:
        if name == "note":
            self.notes.append(detail)


class Full:
    """A disk that is full from its n-th write on."""

    def __init__(self, good: int) -> None:
        self.good = good

    def write(self) -> None:
        self.good -= 1
        if self.good < 0:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_journal_without_room_costs_no_run(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Full(2)
    monkeypatch.setattr("lean_automl.automl.journal.os", SimpleNamespace(fsync=lambda _: disk.write()))
    watcher = Counted()
    result = fit(FitRequest(source, "flag", source.parent / "model"), CONFIG, watcher)
    assert len(result.trials) == 4
    assert [note for note in watcher.notes if "No space left" in note] == [
        "--resume will repeat what could not be noted: [Errno 28] No space left on device"
    ]


def test_a_failed_note_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.put("a", 1)
    monkeypatch.setattr("lean_automl.automl.journal.os", SimpleNamespace(fsync=lambda _: Full(0).write()))
    journal.put("a", 2)
    assert journal.get("a") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.pickle"]


def fills_up(monkeypatch: pytest.MonkeyPatch, good: int) -> None:
    disk = Full(good)

    def write_files(folder: Path, program: Program, deployment: Any, metadata: dict[str, Any]) -> None:
        for name, content in deployment.contents(program, metadata).items():
            (folder / name).write_bytes(content[:10])
            disk.write()
            (folder / name).write_bytes(content)

    monkeypatch.setattr("lean_automl.automl.publish.write_files", write_files)


@pytest.mark.slow
def test_a_full_disk_at_the_end_keeps_the_model_that_is_there(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", lambda *_: ())
    fills_up(monkeypatch, good=4)  # two files of the first model, written twice
    config = FitConfig(**{**vars(CONFIG), "budget": Budget(time_limit_s=100.0, max_trials=4, measure=False)})
    result = fit(FitRequest(source, "flag", source.parent / "model"), config, Silent())
    assert "No space left" in result.passed_over[-1]
    assert not result.refitted
    assert load_artifact(source.parent / "model" / "model.lam").digest == result.digest
    finish.check_exported(source.parent / "model", load_artifact(source.parent / "model" / "model.lam").program)


@pytest.mark.slow
def test_a_disk_that_is_full_from_the_start_leaves_nothing(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fills_up(monkeypatch, good=1)
    with pytest.raises(OSError, match="No space left"):
        fit(FitRequest(source, "flag", source.parent / "model"), CONFIG, Silent())
    assert [path.name for path in source.parent.iterdir()] == ["table.parquet"]


@pytest.mark.slow
def test_a_full_disk_after_the_first_model_says_how_to_go_on(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lean_automl.teacher.build.portfolio", lambda *_: ())
    config = FitConfig(**{**vars(CONFIG), "budget": Budget(time_limit_s=100.0, max_trials=4, measure=False)})
    whole = OutputFolder.publish
    disk = Full(1)

    def publish(folder: OutputFolder, draft: Path) -> None:
        disk.write()
        whole(folder, draft)

    monkeypatch.setattr(OutputFolder, "publish", publish)
    with pytest.raises(OSError, match=r"No space left.*holds the first model\. Make room and go on.*--resume"):
        fit(FitRequest(source, "flag", source.parent / "model"), config, Silent())
    assert load(source.parent / "model" / "model.lam", "reference").classes == ("no", "yes")
    monkeypatch.setattr(OutputFolder, "publish", whole)
    result = resume(source.parent / "model", Silent(), 100.0, time.monotonic())
    assert len(result.trials) == 4
    assert load_artifact(source.parent / "model" / "model.lam").digest == result.digest
    assert [path.name for path in source.parent.iterdir() if path.name.startswith(".")] == []
