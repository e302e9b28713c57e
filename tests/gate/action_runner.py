"""Runs the steps of a composite GitHub action as a runner does, as far as this project's action goes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

INPUT: Final = re.compile(r"\$\{\{ inputs\.([a-z0-9-]+) \}\}")
ONLY_IF: Final = re.compile(r"inputs\.([a-z0-9-]+) == '(\w+)'")
BASH: Final = shutil.which("bash")


def run_action(path: Path, folder: Path, programs: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run every step whose condition holds; what the last one did, or the first that failed.

    Args:
        path: Of `action.yml`.
        folder: To run in, and for the step summary.
        programs: Folder that is searched for programs first.
        given: Inputs, with `_` for `-`.
    """
    action: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    inputs = {name: str(about.get("default", "")) for name, about in action["inputs"].items()}
    unknown = {name.replace("_", "-") for name in given} - set(inputs)
    assert not unknown
    inputs |= {name.replace("_", "-"): value for name, value in given.items()}
    assert all(inputs[name] for name, about in action["inputs"].items() if about.get("required"))
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", "")]),
        "GITHUB_ACTION_PATH": str(path.parent),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }
    done = subprocess.CompletedProcess[str]([], 0, "", "")
    for step in action["runs"]["steps"]:
        assert step["shell"] == "bash"
        if "if" in step:
            condition = ONLY_IF.fullmatch(step["if"])
            assert condition is not None, step["if"]
            if inputs[condition[1]] != condition[2]:
                continue
        own = {name: INPUT.sub(lambda match: inputs[match[1]], value) for name, value in step.get("env", {}).items()}
        command = [str(BASH), "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=folder, env=environment | own, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            break
    return done
