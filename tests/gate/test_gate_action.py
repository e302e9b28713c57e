"""The GitHub action passes every option on, and nothing that was not given."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest
from gate.action_runner import BASH, run_action
from quality.project import ROOT
from quality.small_model import write_small_model

from lean_automl.cli.main import build_parser

ACTION: Final = (ROOT / "action.yml").read_text(encoding="utf-8")
WORKFLOW: Final = (ROOT / "examples" / "gate" / "workflow.yml").read_text(encoding="utf-8")
INPUTS: Final = set(re.findall(r"^  ([a-z0-9-]+):$", ACTION.split("\nruns:")[0], re.MULTILINE))
NOT_PASSED: Final = {"--help", "--json", "--markdown"}  # the summary is the action's own


def options() -> set[str]:
    (commands,) = [a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return {text for action in commands.choices["gate"]._actions for text in action.option_strings if text[:2] == "--"}


def script() -> str:
    return dedent(ACTION.split("      run: |\n")[1])


def passed(tmp_path: Path, **settings: str) -> list[str]:
    """What the command gets for some inputs."""
    stub = tmp_path / "lean_automl"
    stub.write_text('#!/bin/sh\nfor argument in "$@"; do printf "%s\\n" "$argument"; done\n')
    stub.chmod(0o755)
    names = re.findall(r"^        (GATE_\w+): \$\{\{ inputs\.([a-z0-9-]+) \}\}$", ACTION, re.MULTILINE)
    assert {name.removeprefix("GATE_").replace("_", "-").lower() for name, _ in names} == {name for _, name in names}
    environment = {name: settings.get(name.removeprefix("GATE_").lower(), "") for name, _ in names}
    environment |= {"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_STEP_SUMMARY": "summary.md"}
    command = [str(BASH), "--noprofile", "--norc", "-eo", "pipefail", "-c", script()]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


def test_inputs_are_the_options() -> None:
    assert {f"--{name}" for name in INPUTS - {"model", "install"}} == options() - NOT_PASSED


def test_no_input_is_pasted_into_a_script() -> None:
    assert "${{" not in script()
    assert all("${{" not in line for line in ACTION.splitlines() if line.strip().startswith("run:"))


@pytest.mark.skipif(BASH is None, reason="no bash")
def test_what_is_not_given_is_not_passed(tmp_path: Path) -> None:
    assert passed(tmp_path, model="model.lam", wall_clock="false") == [
        "gate",
        "model.lam",
        "--markdown=summary.md",
    ]


@pytest.mark.skipif(BASH is None, reason="no bash")
def test_every_input_is_passed(tmp_path: Path) -> None:
    settings = {name.replace("-", "_"): "1" for name in INPUTS - {"install"}}
    settings |= {"no_instructions": "true", "wall_clock": "true", "min_score": "roc_auc=0.9\n\nlog_loss=-0.3\n"}
    settings |= {"model": "my model.lam", "data": "$(touch pwned) `x`.csv"}
    found = passed(tmp_path, **settings)
    assert found[:3] == ["gate", "my model.lam", "--data=$(touch pwned) `x`.csv"]
    assert [text for text in found if text.startswith("--min-score")] == [
        "--min-score=roc_auc=0.9",
        "--min-score=log_loss=-0.3",
    ]
    assert {text.partition("=")[0] for text in found[2:]} == options() - NOT_PASSED | {"--markdown"}


def test_the_example_uses_inputs_that_exist() -> None:
    part = WORKFLOW.split("lean_automl@")[1].split("      - uses:")[0]
    used = set(re.findall(r"^          ([a-z0-9-]+):", part, re.MULTILINE))
    assert {"model", "baseline", "max-regression"} <= used <= INPUTS


@pytest.mark.parametrize(
    ("schema", "file"), [("actions", "action.yml"), ("workflows", "examples/gate/workflow.yml"),
                         ("workflows", "examples/nightly/workflow.yml")],
)  # fmt: skip
def test_github_would_take(schema: str, file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{schema}", ROOT / file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.mark.skipif(BASH is None, reason="no bash")
@pytest.mark.parametrize(("size_kb", "code", "words"), [("64", 0, "every limit is met"), ("0.1", 4, "1 of the checks")])
def test_the_steps_run(tmp_path: Path, size_kb: str, code: int, words: str) -> None:
    """With a `python` that only says what it was asked to install, and the real command."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program(programs, "python", f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/asked"\n')
    program(programs, "lean_automl", f'#!/bin/sh\nexec "{sys.executable}" -m lean_automl "$@"\n')
    write_small_model(tmp_path / "model.lam")
    given = {"model": "model.lam", "max_size_kb": size_kb, "no_instructions": "true", "junit": "gate.xml"}
    done = run_action(ROOT / "action.yml", tmp_path, programs, **given, github_benchmark="figures.json")
    assert done.returncode == code, done.stderr
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert asked == ["-m", "pip", "install", f"{ROOT}/runtime", str(ROOT)]
    assert words in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert f'failures="{int(code > 0)}"' in (tmp_path / "gate.xml").read_text(encoding="utf-8")
    assert "model.lam: size" in (tmp_path / "figures.json").read_text(encoding="utf-8")


@pytest.mark.skipif(BASH is None, reason="no bash")
def test_what_cannot_be_installed_ends_it(tmp_path: Path) -> None:
    program(tmp_path, "python", "#!/bin/sh\nexit 7\n")
    program(tmp_path, "lean_automl", "#!/bin/sh\ntouch ran\n")
    assert run_action(ROOT / "action.yml", tmp_path, tmp_path, model="model.lam").returncode == 7
    assert not (tmp_path / "ran").exists()
    assert run_action(ROOT / "action.yml", tmp_path, tmp_path, model="model.lam", install="false").returncode == 0
    assert (tmp_path / "ran").exists()
