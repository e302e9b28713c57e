"""`lean_automl inspect --passes`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lean_automl_runtime import load
from lean_automl_runtime.artifact import Artifact, load_artifact, write_artifact
from lean_automl_runtime.measure.profile import PROFILE_FORMAT
from quality.small_model import small_records, write_small_model

from lean_automl.cli.main import main
from lean_automl.compiler.passes import noted, run_passes
from lean_automl.compiler.passes.quantise_leaves import QuantiseLeaves

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.lam"
    write_small_model(path)
    return str(path)


@pytest.fixture
def rows(tmp_path: Path, model: str) -> str:
    """Rows with an answer that the model mostly gives."""
    records = small_records()
    labels = load(model, "reference").predict(records)
    labels[:3] = ["no", "yes", "no"]
    pd.DataFrame(records).assign(answer=labels).to_csv(tmp_path / "rows.csv", index=False)
    return str(tmp_path / "rows.csv")


def test_exact_passes_are_tried(model: str, capsys: Captured) -> None:
    assert main(["inspect", model, "--passes"]) == 0
    shown = capsys.readouterr().out
    assert "what passes would do now" in shown
    assert "nothing to change for:" in shown
    assert main(["inspect", model, "--passes", "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert all(report["exact"] and report["kept"] for report in reports)
    assert {"lam", "onnx"} == set(reports[0]["before"])


def test_rows_judge_lossy_passes(model: str, rows: str, capsys: Captured) -> None:
    assert main(["inspect", model, "--passes", "--data", rows, "--target", "answer", "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert any(not report["exact"] for report in reports)
    assert all("loss" in report["before"] for report in reports)
    assert main(["inspect", model, "--passes", "--data", rows, "--target", "answer"]) == 0
    assert "loss" in capsys.readouterr().out


def test_what_was_noted_is_shown(model: str, capsys: Captured) -> None:
    program = load_artifact(model).program
    program, reports = run_passes(program, [QuantiseLeaves(8)], check=lambda _: 0.5)
    Path(model).write_bytes(write_artifact(Artifact(program, {"passes": noted(reports)})))
    assert main(["inspect", model, "--passes"]) == 0
    shown = capsys.readouterr().out
    assert "when it was fitted" in shown
    assert "quantise_leaves 8" in shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--data", "x.csv"), "--data goes with --passes"),
        (("--passes", "--data", "x.csv"), "go together"),
        (("--passes", "--profile", "absent.json"), "is not a device profile"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    model: str, options: tuple[str, ...], words: str, capsys: Captured
) -> None:
    assert main(["inspect", model, *options]) == 2
    assert words in capsys.readouterr().err


def test_a_missing_target_is_named(model: str, rows: str, capsys: Captured) -> None:
    assert main(["inspect", model, "--passes", "--data", rows, "--target", "answers"]) == 1
    assert "Did you mean 'answer'?" in capsys.readouterr().err


def test_times_are_predicted_with_a_profile(model: str, tmp_path: Path, capsys: Captured) -> None:
    cost = {"engine": "native", "coefficients": {"calls": 1.0, "trees": 0.5}, "margin": 0.1, "tail": 2.0}
    held_out = {"programs": 1, "median": 0.1, "p95": 0.1, "worst": ["a", 0.1]}
    machine = dict.fromkeys(_machine_fields(), "")
    profile = {
        "format": PROFILE_FORMAT,
        "machine": machine,
        "date": "",
        "control_us": 1.0,
        "models": {"native": cost},
        "held_out": {"native": held_out},
        "notes": [],
    }
    (tmp_path / "profile.json").write_text(json.dumps(profile))
    assert main(["inspect", model, "--passes", "--profile", str(tmp_path / "profile.json"), "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert np.isfinite(reports[0]["before"]["us"])


def _machine_fields() -> list[str]:
    from dataclasses import fields

    from lean_automl_runtime.measure.machine import Machine

    return [field.name for field in fields(Machine)]
