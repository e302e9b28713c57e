import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from lean_automl_runtime import load
from lean_automl_runtime.measure import CostModel, DeviceProfile
from lean_automl_runtime.measure.machine import Machine
from tables import mixed_frame_for

from lean_automl.automl.front import MOST_POINTS, Point, kept_students, read_front
from lean_automl.automl.front_judge import fewer_rows
from lean_automl.automl.pipeline import FitRequest, fit
from lean_automl.automl.select import Wish, select
from lean_automl.cli.main import main
from lean_automl.cli.progress import Silent
from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.errors import ArtifactError, ConfigError, InfeasibleError
from lean_automl.learners.linear import Linear
from lean_automl.student.deploy import Footprint


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("front") / "model"
    frame, target = mixed_frame_for("binary", 400)
    config = FitConfig(
        budget=Budget(time_limit_s=60.0, max_trials=8), families=("linear", "oblivious", "ragged", "additive"), folds=2
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lean_automl.teacher.build.portfolio", lambda *_: (Linear(),))
        fit(FitRequest(frame, target, out), config, Silent())
    return out


def point(score: float, size: int, latency: float) -> Point:
    return Point(1, "any", score, 1, {"model.lam": size}, {"model.lam": latency})


def test_what_beats_what() -> None:
    middle = point(0.9, 100, 5.0)
    assert point(0.9, 99, 5.0).beats(middle)
    assert point(0.91, 100, 4.0).beats(middle)
    assert not point(0.91, 101, 4.0).beats(middle)
    assert not middle.beats(middle)


def tried(number: int, score: float, size: int, latency: float | None) -> Any:
    footprint = Footprint({"model.lam": size}, {} if latency is None else {"model.lam": latency})
    return SimpleNamespace(number=number, score=score, footprint=footprint)


def test_what_is_quicker_is_kept_though_another_is_smaller() -> None:
    small, quick, worse = tried(1, 0.9, 100, 5.0), tried(2, 0.9, 300, 1.0), tried(3, 0.89, 300, 2.0)
    assert kept_students([worse, quick, small]) == [small, quick]
    assert kept_students([tried(1, 0.9, 100, None), tried(2, 0.9, 300, None)])[0].number == 1


def test_of_many_students_the_best_and_the_ends_are_kept() -> None:
    many = [tried(n, 1 - n / 100, 1000 - n, 90.0 - n) for n in range(40)] + [tried(40, 0.1, 2000, 0.5)]
    numbers = [candidate.number for candidate in kept_students(many)]
    assert numbers == [*range(MOST_POINTS - 2), 39, 40]


def test_of_wide_tables_fewer_rows_are_kept() -> None:
    assert fewer_rows(14, 5_000) == 5_000
    assert fewer_rows(1_000, 5_000) == 500
    assert fewer_rows(100_000, 5_000) == 100
    assert fewer_rows(0, 1_000) == 1_000


def test_the_front_has_no_point_that_another_beats(run: Path) -> None:
    points = read_front(run)
    assert points
    assert not any(a.beats(b) for a in points for b in points)
    described = json.loads((run / "run.json").read_text())
    best = max(trial["score"] for trial in described["trials"] if trial["score"] is not None)
    assert points[0].score == best


def test_a_smaller_student_is_picked_in_a_moment(run: Path, tmp_path: Path) -> None:
    points = read_front(run)
    smallest = min(points, key=lambda point: point.bytes)
    begin = time.monotonic()
    limits = Constraints(max_size_bytes=smallest.bytes)
    found = select(run, Wish(limits), tmp_path / "small", overwrite=False)
    assert found.point.score >= smallest.score  # lossy passes may let a better one in
    assert all(check.met for check in found.checks)
    assert time.monotonic() - begin < 60
    for name in ("model.lam", "model.onnx"):
        assert (tmp_path / "small" / name).stat().st_size <= smallest.bytes
    small = load(tmp_path / "small" / "model.lam", "reference")
    assert small.classes == ("no", "yes")
    said, wanted = small.metadata, load(run / "model.lam", "reference").metadata
    assert {name: said[name] for name in ("target", "task", "metric")} == {
        name: wanted[name] for name in ("target", "task", "metric")
    }
    with pytest.raises(InfeasibleError, match="none of"):
        select(run, Wish(Constraints(max_size_bytes=10.0)), tmp_path / "none", overwrite=False)
    assert not (tmp_path / "none").exists()


def test_a_picked_student_goes_through_the_lossy_passes_of_a_fit(run: Path, tmp_path: Path) -> None:
    best = max(read_front(run), key=lambda point: point.score)
    plain = select(run, Wish(Constraints()), tmp_path / "plain", overwrite=False).point
    small = select(run, Wish(Constraints(max_size_bytes=1e6)), tmp_path / "small", overwrite=False).point
    assert plain == small == best  # both limits leave room for all
    before, after = ((tmp_path / name / "model.lam") for name in ("plain", "small"))
    assert "passes" not in load(before, "reference").metadata
    passes = load(after, "reference").metadata["passes"]
    assert passes
    assert after.stat().st_size < before.stat().st_size + len(json.dumps(passes).encode())


def test_by_the_command_line(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["front", str(run)]) == 0
    assert "trial" in capsys.readouterr().out
    assert main(["front", str(run), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(read_front(run))
    assert main(["front", str(run), "--svg", str(tmp_path / "front.svg")]) == 0
    capsys.readouterr()
    picture = ElementTree.fromstring((tmp_path / "front.svg").read_text(encoding="utf-8"))
    assert len(picture.findall(".//{*}circle")) > len(read_front(run))
    assert main(["front", str(run), "--svg", str(tmp_path / "front.png")]) == 2
    assert main(["select", str(run), "--max-latency-ms", "500", "--out", str(tmp_path / "x")]) == 0
    assert "wrote" in capsys.readouterr().out
    assert main(["select", str(run), "--max-size-kb", "0.01", "--out", str(tmp_path / "y")]) == 3


def test_a_student_is_picked_for_a_device(run: Path, tmp_path: Path) -> None:
    machine = Machine("a small board", "aarch64", 4, None, "Linux", "CPython 3.11", {})
    model = CostModel("native", {"calls": 2.0, "ops": 0.1}, margin=0.5, tail=2.0)
    profile = DeviceProfile(machine, "2026-01-01", 30.0, {"native": model}, {}, ())
    found = select(run, Wish(Constraints(max_latency_us=1e4), "auto", profile), tmp_path / "board", overwrite=False)
    (latency,) = [check for check in found.checks if check.predicted]
    assert latency.file == "model.lam with native on a small board"
    assert latency.value > 2.0 * 1.5 * 2.0 / 1000
    assert sorted(path.name for path in (tmp_path / "board").iterdir()) == ["model.lam", "run.json"]
    with pytest.raises(InfeasibleError, match="before any model, by its profile, over the limit of 1 us"):
        select(run, Wish(Constraints(max_latency_us=1.0), "auto", profile), tmp_path / "none", overwrite=False)
    with pytest.raises(ConfigError, match="--device predicts latencies for a limit"):
        select(run, Wish(Constraints(), "auto", profile), tmp_path / "none", overwrite=False)


def test_a_folder_without_a_front(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="finished fit"):
        read_front(tmp_path)
