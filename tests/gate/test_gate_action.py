"""The GitHub action passes every option on, and nothing that was not given."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest
from quality.project import ROOT

from lean_automl.cli.main import build_parser

ACTION: Final = (ROOT / "action.yml").read_text(encoding="utf-8")
WORKFLOW: Final = (ROOT / "examples" / "gate" / "workflow.yml").read_text(encoding="utf-8")
INPUTS: Final = set(re.findall(r"^  ([a-z0-9-]+):$", ACTION.split("\nruns:")[0], re.MULTILINE))
NOT_PASSED: Final = {"--help", "--json", "--markdown"}  # the summary is the action's own
BASH: Final = shutil.which("bash")


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
