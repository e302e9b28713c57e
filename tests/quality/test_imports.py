"""Imports stay light: seen in a fresh process, since this one has loaded everything."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest

REPORT: Final = """
import json, sys
before = {m.partition(".")[0] for m in sys.modules}
%s
after = {m.partition(".")[0] for m in sys.modules} - before - set(sys.stdlib_module_names)
print(json.dumps(sorted(m for m in after if not m.startswith("_"))))
"""
HEAVY: Final = {"catboost", "chimeraboost", "lightgbm", "numba", "onnx", "onnxruntime", "optuna", "sklearn", "torch"}
SHOW_HELP: Final = """
from contextlib import suppress
from lean_automl.cli.main import main
with suppress(SystemExit):
    main(%r)
"""

FIT: Final = """
import lean_automl.search.workers as workers
def stop(preload):
    raise KeyboardInterrupt
workers.start_server = stop
from lean_automl.cli.main import main
assert main(["fit", "no.csv", "--target", "y"]) == 130
"""


def loaded_by(code: str) -> set[str]:
    """Third-party modules that the code loads."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT % code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_runtime_loads_no_other_package() -> None:
    assert loaded_by("import lean_automl_runtime") == {"lean_automl_runtime"}


def test_the_trainer_loads_nothing_until_it_is_used() -> None:
    assert loaded_by("import lean_automl") == {"lean_automl"}


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["--version"]])
def test_help_loads_no_learner(arguments: list[str]) -> None:
    assert loaded_by(SHOW_HELP % arguments).isdisjoint(HEAVY)


def test_fit_loads_nothing_slow_before_it_lets_the_learners_load() -> None:
    assert loaded_by(FIT).isdisjoint(HEAVY | {"pandas", "scipy"})
