"""`fit` on a small table: what a run writes, and a run that cannot meet its limits."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from typing import Any, Final, NoReturn

import pandas as pd
import pytest
from cli.command_line import CommandLine

from lean_automl.automl.result import Check, RunResult, TrialRecord
from lean_automl.search.workers import Workers

SHORT: Final = ("--time-limit", 300, "--families", "linear,oblivious", "--max-trials", 3, "--threads", 2)


@pytest.fixture(scope="module", autouse=True)
def warm_workers() -> None:
    """Import the learning libraries before a clock runs: a busy machine takes longer for it than a run may take."""
    with Workers(1) as workers:
        assert workers.wait_until_ready(time.monotonic() + 600.0)


def strict(text: str) -> Any:
    """JSON as the standard has it: without NaN and infinity."""

    def refuse(name: str) -> NoReturn:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def names(record: type) -> set[str]:
    return {field.name for field in fields(record)}


def check_run(run: dict[str, Any], folder: Any) -> None:
    assert set(run) == names(RunResult)
    assert run["target"] == "answer"
    assert (run["task"], run["metric"]) == ("binary", "roc_auc")
    assert run["rows"]["search"] + run["rows"]["holdout"] == 300
    assert run["student_holdout"] > run["constant_holdout"] == 0.5
    assert set(run["student"]) == names(TrialRecord)
    assert all(set(trial) == names(TrialRecord) for trial in run["trials"])
    assert all(set(check) == names(Check) for check in run["checks"])
    limited = [check for check in run["checks"] if check["limit"] is not None]
    assert {(check["unit"], check["file"].partition(" ")[0]) for check in limited} == {
        (unit, file) for unit in ("kB", "ms") for file in ("model.lam", "model.onnx")
    }
    assert all(check["met"] and check["value"] <= check["limit"] for check in limited)
    assert {m["artifact"] for m in run["measurements"]} == {"model.lam", "model.onnx"}
    for measured in run["measurements"]:
        assert measured["size_bytes"] <= (folder / measured["artifact"]).stat().st_size


def test_a_run_writes_measured_files_that_predict(cli: CommandLine, table: str, frame: pd.DataFrame) -> None:
    out = cli.folder / "made"
    out.mkdir()
    (out / "run.json").write_text('{"digest": ""}')  # an earlier run, which is replaced whole
    for name in ("front.zip", "report.html", "model_card.md"):
        (out / name).write_text("of the earlier run")
    limits = ("--max-latency-ms", 50, "--max-size-kb", 64)
    own = ("--feature", "wide = size / (size + 1)", "--feature", "`2 é` = wide > 0.5")
    outcome = cli.run(
        "fit", table, "--target", "answer", *limits, *SHORT, *own, "--out", out, "--overwrite", "--json", "--verbose"
    )
    assert (outcome.code, outcome.err) == (0, "")
    names = ("front.zip", "model.lam", "model.onnx", "model_card.md", "report.html", "run.json", "run.log")
    assert cli.files() == {table, "made", *(f"made/{name}" for name in names)}
    run = strict((out / "run.json").read_text(encoding="utf-8"))
    assert strict(outcome.out) == run
    check_run(run, out)
    log = (out / "run.log").read_text(encoding="utf-8")
    assert all(f"trial {trial['number']}, {trial['family']}: " in log for trial in run["trials"])
    assert '"max_size_bytes": 64000' in log
    assert "scores on the hold-out: student" in log
    assert (out / "front.zip").read_bytes().startswith(b"PK")

    for file, path in (("model.lam", "a.csv"), ("model.onnx", "b.parquet")):
        assert cli.run("predict", out / file, table, "--out", path).code == 0
    of_artifact, of_onnx = pd.read_csv("a.csv"), pd.read_parquet("b.parquet")
    assert list(of_artifact.columns) == ["prediction", "probability_no", "probability_yes"]
    assert len(of_artifact) == len(frame)
    assert (of_artifact["prediction"] == frame["answer"]).mean() > 0.8
    assert of_artifact["prediction"].tolist() == of_onnx["prediction"].tolist()
    assert abs(of_artifact["probability_yes"] - of_onnx["probability_yes"]).max() < 1e-5

    facts = strict(cli.run("inspect", out / "model.lam", "--json").out)
    assert facts["digest"] == run["digest"]
    assert facts["metadata"]["target"] == "answer"
    assert facts["metadata"]["measured"]
    assert facts["metadata"]["features"] == {"wide": own[1], "2 é": own[3]}
    assert f"wide: {own[1]}" in cli.run("inspect", out / "model.lam").out
    benched = cli.run("bench", out / "model.onnx", table, "--seconds", "0.2", "--json")
    assert [measured["engine"] for measured in strict(benched.out)] == ["onnx"]


def test_a_run_that_cannot_meet_its_limits_names_the_nearest_miss(cli: CommandLine, table: str) -> None:
    arguments = ("fit", table, "--target", "answer", "--max-size-kb", 0.5, *SHORT, "--quiet")
    line = cli.refused(3, *arguments)
    assert line.startswith("lean_automl: infeasible: none of ")
    assert "Nearest miss: trial " in line
    assert "over the limit of 0.5 kB" in line
    assert "It would fit with --max-size-kb " in line


def test_quantiles_are_columns_of_every_prediction(cli: CommandLine, table: str) -> None:
    own = ("--quantiles", "0.1,0.5,0.9", "--families", "ragged", "--max-trials", 1)
    quick = ("--time-limit", 60, "--no-teacher", "--no-measure", "--threads", 1)
    outcome = cli.run(
        "fit", table, "--target", "count", "--task", "regression", *own, *quick, "--out", "made", "--json"
    )
    assert (outcome.code, outcome.err) == (0, "")
    run = strict(outcome.out)
    assert run["metric"] == "neg_mean_pinball_loss"
    assert run["asked"]["settings"]["quantiles"] == [0.1, 0.5, 0.9]
    assert cli.run("select", "made", "--out", "picked").code == 0
    for file in ("made/model.lam", "made/model.onnx", "picked/model.lam"):
        assert cli.run("predict", file, table, "--out", "p.csv", "--overwrite").code == 0
        numbers = pd.read_csv("p.csv")
        assert list(numbers.columns) == ["quantile_0.1", "quantile_0.5", "quantile_0.9"]
        assert (numbers.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    gated = cli.run("gate", "made/model.lam", "--data", table, "--min-score", "pinball=-100", "--engine", "reference")
    assert gated.code == 0, gated.err
