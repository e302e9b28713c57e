"""A search for a machine that is not here: what is predicted decides, and is said to be predicted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from lean_automl_runtime import load_artifact
from lean_automl_runtime.measure import CostModel, DeviceProfile
from lean_automl_runtime.measure.cost import CostErrors
from lean_automl_runtime.measure.machine import Machine
from tables import mixed_frame_for

from lean_automl.automl.pipeline import FitRequest, fit
from lean_automl.cli.progress import Silent
from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.errors import ConfigError, InfeasibleError
from lean_automl.student.device import check_device, engines_for

MACHINE = Machine("a small device", "aarch64", 4, None, "Linux", "none", {})
COSTS = {"calls": 1.0, "numeric_columns": 0.2, "string_columns": 1.0, "levels": 0.05, "trees": 0.1, "exponentials": 3.0}
MODELS = {"c": CostModel("c", COSTS, margin=0.2, tail=1.1), "onnx": CostModel("onnx", {"calls": 500.0}, 0.1, 1.5)}


def profile(*engines: str) -> DeviceProfile:
    models = {engine: MODELS[engine] for engine in engines}
    held_out = {engine: CostErrors(3, 0.05, 0.2, ("x", 0.2)) for engine in engines}
    return DeviceProfile(MACHINE, "2026-01-01", 30.0, models, held_out, ())


def run(tmp_path: Path, limit_us: float, name: str = "model") -> Any:
    frame, target = mixed_frame_for("binary", 400)
    config = FitConfig(
        constraints=Constraints(max_latency_us=limit_us),
        budget=Budget(time_limit_s=300.0, max_trials=3, teacher=False),
        families=("linear", "oblivious"),
        folds=2,
        device=profile("c", "onnx"),
    )
    return fit(FitRequest(frame, target, tmp_path / name), config, Silent())


def test_limits_hold_for_the_device_and_are_said_to_be_predicted(tmp_path: Path) -> None:
    result = run(tmp_path, 20.0)
    checks = [check for check in result.checks if check.unit == "ms"]
    assert [(check.name, check.file, check.met, check.predicted) for check in checks] == [
        ("p99 latency, predicted with margin", "model.lam with c on a small device", True, True)
    ]
    assert result.measurements == []
    assert any("model.onnx is left out: with the onnx engine on a small device" in note for note in result.notes)
    artifact = load_artifact(tmp_path / "model" / "model.lam")
    assert checks[0].value * 1000 == pytest.approx(MODELS["c"].upper_us(artifact.program))
    assert list(artifact.metadata["predicted"]) == [
        "p99 latency, predicted with margin, model.lam with c on a small device, ms"
    ]
    assert artifact.metadata["measured"] == {}
    described = json.loads((tmp_path / "model" / "run.json").read_text(encoding="utf-8"))
    assert described["asked"]["settings"]["device"] == {"cpu": "a small device", "date": "2026-01-01"}
    assert all(set(trial["predicted_us"]) == {"model.lam"} for trial in described["trials"])
    assert "predicted, with margin" in (tmp_path / "model" / "report.html").read_text(encoding="utf-8")
    assert "predicted with margin" in (tmp_path / "model" / "model_card.md").read_text(encoding="utf-8")


def test_the_nearest_miss_on_a_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(InfeasibleError, match=r"model\.lam is predicted to take up to .* us"):
        run(tmp_path, 5.0)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "--max-latency-us"),
        ({"max_latency_us": 5.0, "batch_size": 2}, "--batch-size"),
        ({"max_latency_us": 5.0, "max_memory_bytes": 1e6}, "--max-memory-mb"),
        ({"max_latency_us": 5.0, "latency_quantile": 0.999}, "--latency-quantile"),
    ],
)
def test_what_a_profile_cannot_tell_is_refused(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_device("auto", Constraints(**limits), profile("c"))


def test_files_are_for_the_engines_of_the_profile() -> None:
    assert engines_for("auto", profile("c", "onnx")) == {"model.lam": "c", "model.onnx": "onnx"}
    assert engines_for("auto", profile("onnx")) == {"model.onnx": "onnx"}
    assert engines_for("c", profile("c")) == {"model.lam": "c"}
    with pytest.raises(ConfigError, match="no engine 'native'"):
        engines_for("native", profile("c"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None and shutil.which("gcc") is None, reason="no C compiler: install gcc")
def test_a_header_ships_as_it_was_measured(tmp_path: Path) -> None:
    frame, target = mixed_frame_for("binary", 400)
    limits = Constraints(max_latency_us=1e4, max_size_bytes=100_000)
    budget = Budget(time_limit_s=300.0, max_trials=2, teacher=False, feature_search=False)
    config = FitConfig(constraints=limits, budget=budget, families=("linear", "oblivious"), folds=2, target="c")
    out = tmp_path / "model"
    result = fit(FitRequest(frame, target, out), config, Silent())
    assert {"model.h", "model.lam"} < {path.name for path in out.iterdir()}
    assert not (out / "model.onnx").exists()
    assert [(check.name, check.file) for check in result.checks] == [
        ("size, compiled", "model.h"),
        ("p99 latency, upper bound", "model.h with c"),
    ]
    assert all(check.met for check in result.checks)
    assert f"Program {load_artifact(out / 'model.lam').digest}" in (out / "model.h").read_text()
    assert "model.lam new_rows.csv" in (out / "report.html").read_text()
