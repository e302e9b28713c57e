"""`gate`: exit codes, what fails and why, baselines, reports. Counts are made up here; tests/gate/ has real ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from cli.command_line import CommandLine, Outcome
from lean_automl_exporters.onnx import export_onnx
from lean_automl_runtime import Artifact, load, load_artifact, write_artifact
from lean_automl_runtime.ir import Program
from lean_automl_runtime.ir.ops import ObliviousTrees
from lean_automl_runtime.measure.compare import Ratio
from quality.small_model import small_program, small_records

from lean_automl.errors import ToolchainError
from lean_automl.gate import run as gate_run
from lean_automl.gate.count import SYNTHETIC, Conditions, Counts, Tools

MET: Final = 0
DATA: Final = 1
USAGE: Final = 2
FAILED: Final = 4
TOOLS: Final = Tools(("cc",), "cc 12", "valgrind", "valgrind-3.19.0")


class Counter:
    """Counts without tools: so many instructions for each op, and some more when it is told."""

    def __init__(self) -> None:
        self.extra = 0
        self.tools: Tools | None = TOOLS
        self.counted: list[int] = []

    def find(self) -> Tools:
        if self.tools is None:
            raise ToolchainError("valgrind was not found. Install it: apt-get install valgrind.")
        return self.tools

    def count(self, program: Program, arrays: list[Any] | None, tools: Tools) -> Counts:
        rows = 1000 if arrays is None else arrays[0].shape[0]
        data = SYNTHETIC if arrays is None else hashlib.sha256(repr(arrays).encode()).hexdigest()
        conditions = Conditions(tools.compiler_version, "-O2", tools.valgrind_version, "x86_64", rows, data)
        instructions = 100 * len(program.ops) + self.extra
        self.counted.append(instructions)
        return Counts(instructions, instructions / 10, 1.0, conditions)


@pytest.fixture(autouse=True)
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    made = Counter()
    monkeypatch.setattr(gate_run, "find_tools", made.find)
    monkeypatch.setattr(gate_run, "count_row", made.count)
    return made


@pytest.fixture
def answers(cli: CommandLine) -> str:
    """Rows with a target that the model mostly predicts."""
    write(cli.folder / "model.lam", {"target": "left", "metric": "roc_auc"})
    frame = pd.DataFrame(small_records(60))
    frame["left"] = load(cli.folder / "model.lam", "reference").predict(small_records(60))
    frame.loc[:3, "left"] = ["yes", "no", "yes", "no"]
    frame.to_csv(cli.folder / "answers.csv", index=False)
    return "answers.csv"


def write(path: Path, metadata: dict[str, Any], program: Program | None = None) -> None:
    path.write_bytes(write_artifact(Artifact(program or small_program(), metadata)))


def failed(outcome: Outcome) -> set[str]:
    """Names of the checks that failed, of a run with --json."""
    return {check["name"] for check in json.loads(outcome.out)["checks"] if not check["met"]}


def test_every_check_is_shown_and_those_that_fail_are_marked(cli: CommandLine, model: str) -> None:
    outcome = cli.run("gate", model, "--max-size-kb", "0.001", "--max-instructions", "1e6")
    assert outcome.code == FAILED
    lines = {line.split("│")[1].strip(): line for line in outcome.out.splitlines() if line.startswith("│")}
    assert "FAILED" in lines["size"]
    assert "met" in lines["instructions per row"]
    assert "1 of 2 checks failed" in outcome.out


def test_all_met_is_exit_code_0(cli: CommandLine, model: str) -> None:
    outcome = cli.run("gate", model, "--max-size-kb", "64", "--max-instructions", "1e6")
    assert (outcome.code, outcome.err) == (MET, "")
    assert "all 2 checks met" in outcome.out
    assert "no limits were set" in cli.run("gate", model).out


def test_json_is_alone_on_standard_output(cli: CommandLine, model: str) -> None:
    outcome = cli.run("gate", model, "--max-instructions", "1", "--json")
    found = json.loads(outcome.out)
    assert outcome.code == FAILED
    assert found["met"] is False
    assert found["figures"]["bytes"] == (cli.folder / model).stat().st_size
    assert found["figures"]["digest"] == load_artifact(cli.folder / model).digest


def test_reports_are_written(cli: CommandLine, model: str) -> None:
    (cli.folder / "summary.md").write_text("before\n")
    options = ("--junit", "junit.xml", "--markdown", "summary.md", "--github-benchmark", "figures.json")
    assert cli.run("gate", model, "--max-size-kb", "0.001", *options).code == FAILED
    assert ElementTree.parse(cli.folder / "junit.xml").getroot()[0].get("failures") == "1"
    assert (cli.folder / "summary.md").read_text().startswith("before\n### model.lam")
    names = [entry["name"] for entry in json.loads((cli.folder / "figures.json").read_text())]
    assert names == ["model.lam: size", "model.lam: instructions", "model.lam: branches"]


def test_without_tools_instructions_are_left_out_with_one_note(cli: CommandLine, model: str, counter: Counter) -> None:
    counter.tools = None
    outcome = cli.run("gate", model, "--max-size-kb", "64")
    assert outcome.code == MET
    assert outcome.err.splitlines() == [
        "lean_automl: note: instructions are left out: valgrind was not found. Install it: apt-get install valgrind."
    ]
    assert cli.run("gate", model, "--no-instructions").err == ""


def test_without_tools_a_limit_of_instructions_is_an_error(cli: CommandLine, model: str, counter: Counter) -> None:
    counter.tools = None
    assert "apt-get install valgrind" in cli.refused(DATA, "gate", model, "--max-instructions", "1000")


def test_a_baseline_of_the_same_model_is_met(cli: CommandLine, model: str) -> None:
    assert cli.run("gate", model, "--save", "gate.json").code == MET
    assert cli.files() == {"model.lam", "gate.json", "gate.baseline.lam"}
    assert (cli.folder / "gate.baseline.lam").read_bytes() == (cli.folder / model).read_bytes()
    outcome = cli.run("gate", model, "--baseline", "gate.json", "--max-regression", "0%", "--json")
    assert (outcome.code, failed(outcome)) == (MET, set())
    assert {check["value"] for check in json.loads(outcome.out)["checks"] if check["unit"] == "x"} == {1.0}


@pytest.mark.parametrize(("limit", "code"), [("1%", FAILED), ("2%", MET), ("0.0199", FAILED)])
def test_more_instructions_than_the_baseline(
    cli: CommandLine, model: str, counter: Counter, limit: str, code: int
) -> None:
    cli.run("gate", model, "--save", "gate.json")
    counter.extra = counter.counted[0] // 50
    outcome = cli.run("gate", model, "--baseline", "gate.json", "--max-regression", limit, "--json")
    both = {"instructions against the baseline", "branches against the baseline"}
    assert (outcome.code, failed(outcome)) == (code, both if code else set())


def test_more_bytes_than_the_baseline(cli: CommandLine, model: str) -> None:
    cli.run("gate", model, "--save", "gate.json")
    write(cli.folder / model, {"note": "x".join(map(str, range(300)))})
    outcome = cli.run("gate", model, "--baseline", "gate.json", "--json")
    assert (outcome.code, failed(outcome)) == (FAILED, {"size against the baseline"})


def test_a_gate_that_fails_saves_nothing(cli: CommandLine, model: str) -> None:
    outcome = cli.run("gate", model, "--max-size-kb", "0.001", "--save", "gate.json")
    assert outcome.code == FAILED
    assert "gate.json is not saved" in outcome.out
    assert cli.files() == {"model.lam"}


def test_a_baseline_of_another_compiler_is_counted_again(cli: CommandLine, model: str, counter: Counter) -> None:
    cli.run("gate", model, "--save", "gate.json")
    counter.tools = replace(TOOLS, compiler_version="cc 13")
    counter.extra = 10_000  # as if the new compiler made more of any model
    outcome = cli.run("gate", model, "--baseline", "gate.json")
    assert outcome.code == MET
    assert "counted again (compiler: cc 12 there, cc 13 here)" in outcome.err
    (cli.folder / "gate.baseline.lam").unlink()
    line = cli.refused(USAGE, "gate", model, "--baseline", "gate.json")
    assert "Pass --baseline-model OLD, or save the baseline again" in line


def test_a_baseline_with_counts_needs_the_tools(cli: CommandLine, model: str, counter: Counter) -> None:
    cli.run("gate", model, "--save", "gate.json")
    counter.tools = None
    assert "Or pass --no-instructions" in cli.refused(DATA, "gate", model, "--baseline", "gate.json")
    assert cli.run("gate", model, "--baseline", "gate.json", "--no-instructions").code == MET


def test_scores_and_their_limits(cli: CommandLine, answers: str) -> None:
    limits = ("--min-score", "roc_auc=0.5", "--min-score", "accuracy=0.999")
    outcome = cli.run("gate", "model.lam", "--data", answers, *limits, "--json")
    assert (outcome.code, failed(outcome)) == (FAILED, {"score accuracy"})
    scores = json.loads(outcome.out)["figures"]["scores"]
    frame = pd.read_csv(cli.folder / answers)
    predicted = load(cli.folder / "model.lam", "reference").predict(small_records(60))
    assert scores["accuracy"] == pytest.approx(float(np.mean(frame["left"] == predicted)))


def test_the_target_that_the_model_names(cli: CommandLine, answers: str) -> None:
    outcome = cli.run("gate", "model.lam", "--data", answers, "--json")
    assert list(json.loads(outcome.out)["figures"]["scores"]) == ["roc_auc"]
    write(cli.folder / "model.lam", {})
    refused = cli.refused(USAGE, "gate", "model.lam", "--data", answers, "--min-score", "roc_auc=0.5")
    assert "Pass --target NAME" in refused
    assert cli.run("gate", "model.lam", "--data", answers, "--target", "left", "--min-score", "roc_auc=0.5").code == MET
    assert json.loads(cli.run("gate", "model.lam", "--data", answers, "--json").out)["figures"]["scores"] == {}


def test_scores_that_drop(cli: CommandLine, answers: str) -> None:
    cli.run("gate", "model.lam", "--data", answers, "--save", "gate.json")
    options = ("--data", answers, "--baseline", "gate.json", "--max-score-drop", "0.1")
    drop = "score roc_auc, drop from the baseline"
    assert cli.run("gate", "model.lam", *options).code == MET
    program = small_program()
    ops = tuple(replace(op, leaves=-op.leaves) if isinstance(op, ObliviousTrees) else op for op in program.ops)
    write(cli.folder / "model.lam", {"target": "left"}, replace(program, ops=ops))
    assert failed(cli.run("gate", "model.lam", *options, "--json")) == {drop}
    frame = pd.read_csv(cli.folder / answers)
    frame.sample(frac=0.8, random_state=0).to_csv(cli.folder / answers, index=False)
    assert failed(cli.run("gate", "model.lam", *options, "--json")) == {drop}  # the old model is scored on these rows
    (cli.folder / "gate.baseline.lam").unlink()
    command = ("gate", "model.lam", "--no-instructions", "--baseline", "gate.json")
    assert "scored on other rows" in cli.refused(USAGE, *command, *options)
    assert "scored on other rows" in cli.run(*command, "--data", answers).err
    assert "scores are not compared" in cli.run(*command).err
    assert "--max-score-drop needs rows" in cli.refused(USAGE, *command, "--max-score-drop", "0.1")


@pytest.mark.parametrize(("launches", "code"), [([1.2] * 9, FAILED), ([*[1.2] * 7, 1.0, 1.0], MET), ([0.5] * 9, MET)])
def test_times_fail_only_if_the_whole_interval_does(
    cli: CommandLine, answers: str, monkeypatch: pytest.MonkeyPatch, launches: list[float], code: int
) -> None:
    from lean_automl_runtime.measure import compare

    monkeypatch.setattr(compare, "compare", lambda *_: Ratio.of(launches, (1.0, 1.0)))
    (cli.folder / "old.lam").write_bytes((cli.folder / "model.lam").read_bytes())
    outcome = cli.run("gate", "model.lam", "--data", answers, "--baseline-model", "old.lam", "--json")
    assert (outcome.code, failed(outcome)) == (code, {"time against the baseline, lower bound"} if code else set())


def test_p99_is_measured(cli: CommandLine, answers: str) -> None:
    options = ("--data", answers, "--engine", "reference", "--seconds", "0.2", "--json")
    outcome = cli.run("gate", "model.lam", *options, "--max-p99-us", "1e9")
    assert (outcome.code, failed(outcome)) == (MET, set())
    assert failed(cli.run("gate", "model.lam", *options, "--max-p99-us", "0.001")) == {"p99 latency, upper bound"}
    assert cli.run("gate", "model.lam", *options, "--max-memory-mb", "1000").code == MET
    assert failed(cli.run("gate", "model.lam", *options, "--max-memory-mb", "1")) == {"memory of a process"}


def test_an_onnx_file_has_size_and_scores(cli: CommandLine, answers: str) -> None:
    (cli.folder / "model.onnx").write_bytes(export_onnx(small_program(), metadata={"target": "left"}))
    limits = ("--data", answers, "--min-score", "roc_auc=0.5", "--max-size-kb", "0.001")
    outcome = cli.run("gate", "model.onnx", *limits, "--json")
    assert (outcome.code, failed(outcome)) == (FAILED, {"size"})
    assert ".lam" in cli.refused(USAGE, "gate", "model.onnx", "--max-instructions", "10")
    cli.run("gate", "model.lam", "--save", "gate.json")
    assert "same format" in cli.refused(USAGE, "gate", "model.onnx", "--baseline", "gate.json")


@pytest.mark.parametrize(
    ("code", "options", "words"),
    [
        (DATA, ("absent.lam",), "No such file"),
        (USAGE, ("rows.csv",), "neither .lam nor .onnx"),
        (USAGE, ("model.lam", "--max-size-kb", "0"), "not a limit"),
        (USAGE, ("model.lam", "--max-p99-us", "5"), "needs real rows"),
        (USAGE, ("model.lam", "--min-score", "roc_auc=1"), "needs rows"),
        (USAGE, ("model.lam", "--max-regression", "5%"), "goes with --baseline"),
        (USAGE, ("model.lam", "--target", "y"), "goes with --data"),
        (USAGE, ("model.lam", "--data", "rows.csv", "--target", "y"), "not a column"),
        (USAGE, ("model.lam", "--data", "rows.csv", "--target", "job", "--min-score", "rocauc=1"), "--min-score:"),
        (DATA, ("model.lam", "--data", "rows.csv", "--target", "job"), "no row has a usable value"),
        (DATA, ("model.lam", "--baseline", "absent.json"), "cannot be read"),
        (DATA, ("model.lam", "--baseline", "rows.csv"), "is damaged"),
        (USAGE, ("model.lam", "--save", "absent/gate.json"), "is not a folder"),
        (USAGE, ("model.lam", "--save", "gate"), "does not end in .json"),
        (USAGE, ("model.lam", "--junit", "absent/junit.xml"), "is not a folder"),
    ],
)
@pytest.mark.usefixtures("model", "rows")
def test_what_is_refused(cli: CommandLine, code: int, options: tuple[str, ...], words: str) -> None:
    assert words in cli.refused(code, "gate", *options)


@pytest.mark.parametrize("damage", ["{}", '{"lean_automl_gate": 1}', '{"lean_automl_gate": 1, "figures": {}}', "[1]"])
def test_a_baseline_is_damaged(cli: CommandLine, model: str, damage: str) -> None:
    (cli.folder / "gate.json").write_text(damage)
    assert "gate.json" in cli.refused(DATA, "gate", model, "--baseline", "gate.json")


def test_the_model_beside_a_baseline_is_another(cli: CommandLine, model: str) -> None:
    cli.run("gate", model, "--save", "gate.json")
    write(cli.folder / "gate.baseline.lam", {"note": "another"})
    assert "is not the model that" in cli.refused(DATA, "gate", model, "--baseline", "gate.json")
    (cli.folder / "gate.baseline.lam").unlink()
    write(cli.folder / "old.lam", {"note": "another"})
    command = ("gate", model, "--baseline", "gate.json", "--baseline-model", "old.lam")
    assert "is not the model that" in cli.refused(USAGE, *command)


def test_the_copy_never_replaces_the_model(cli: CommandLine, model: str) -> None:
    (cli.folder / model).rename(cli.folder / "gate.baseline.lam")
    assert "Choose another name" in cli.refused(USAGE, "gate", "gate.baseline.lam", "--save", "gate.json")
