"""Both wheels: what is in them, and what the runtime's brings into an empty environment."""

from __future__ import annotations

import json
import venv
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from lean_automl_runtime.ir import LABEL, PROBABILITIES
from lean_automl_runtime.records import RecordReader
from lean_automl_runtime.reference import evaluate
from quality.project import PACKAGES, ROOT
from quality.small_model import COLUMNS, small_program, small_records, write_small_model
from quality.wheels import build_wheel, contents, copy_sources, metadata, pip, repack, run

# In a process that sees nothing but the new environment: every engine that is there, row by row and as a table.
PREDICT: Final = """
import json, sys
import lean_automl_runtime
from lean_automl_runtime import load
from lean_automl_runtime.engines import ENGINES, available

path, records = sys.argv[1], json.loads(sys.argv[2])
found = {}
for engine in [name for name in ENGINES if available(name)]:
    model = load(path, engine)
    found[engine] = [[p.value, list(p.probabilities)] for p in map(model.predict_one, records)]
    assert model.predict(records).tolist() == [value for value, _ in found[engine]]
    assert model.predict_proba(records).tolist() == [probabilities for _, probabilities in found[engine]]
print(json.dumps({"file": lean_automl_runtime.__file__, "auto": load(path).engine, "found": found}))
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources") / "copy"
    copy_sources(folder)
    return folder


@pytest.fixture(scope="module")
def runtime_wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(sources / "runtime", tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="module")
def trainer_wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(sources, tmp_path_factory.mktemp("trainer"))


def modules(package: str) -> set[str]:
    """Every module of a package, as a wheel names it."""
    folder = PACKAGES[package]
    return {f"{package}/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*.py")}


def tops(names: set[str]) -> set[str]:
    """Top-level folders, without that of the metadata."""
    return {name.partition("/")[0] for name in names if ".dist-info/" not in name}


def test_the_runtimes_wheel_holds_the_runtime(runtime_wheel: Path) -> None:
    names = contents(runtime_wheel)
    assert tops(names) == {"lean_automl_runtime"}
    assert names >= modules("lean_automl_runtime") | {"lean_automl_runtime/py.typed"}
    folder = PACKAGES["lean_automl_runtime"]
    headers = {f"lean_automl_runtime/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*.h")}
    assert names >= headers
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if "test" in name.split("/") or "__pycache__" in name]


def test_the_runtimes_wheel_needs_numpy_alone(runtime_wheel: Path) -> None:
    needs = [line for line in metadata(runtime_wheel) if line.startswith("Requires-Dist:")]
    assert [line.split()[1] for line in needs if "extra ==" not in line] == ["numpy>=1.26"]
    extras = {line.split()[1] for line in metadata(runtime_wheel) if line.startswith("Provides-Extra:")}
    assert extras == {"numba", "onnx"}


def test_the_trainers_wheel_holds_the_trainer_and_the_exporters(trainer_wheel: Path) -> None:
    names = contents(trainer_wheel)
    assert tops(names) == {"lean_automl", "lean_automl_exporters"}
    for package in ("lean_automl", "lean_automl_exporters"):
        assert names >= modules(package) | {f"{package}/py.typed"}
    assert {Path(name).name for name in names if ".dist-info/licenses/" in name} == {"LICENSE", "NOTICE"}
    lines = metadata(trainer_wheel)
    assert "Requires-Dist: lean-automl-runtime==0.1.0" in lines
    assert "License-Expression: Apache-2.0" in lines
    assert (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[-1] in lines


def test_an_empty_environment_gets_numpy_alone_and_predicts(
    runtime_wheel: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    assert json.loads(pip(python, "list", "--format", "json")) == []
    # numpy as it is installed here, packed again: no index is asked, so the test runs anywhere, and fast. Anything
    # else that the runtime would ask for is not to be found, and would fail the installation.
    shelf = tmp_path_factory.mktemp("shelf")
    repack("numpy", shelf)
    pip(python, "install", "--no-index", "--find-links", shelf, runtime_wheel)
    brought = {package["name"] for package in json.loads(pip(python, "list", "--format", "json"))}
    assert brought == {"lean-automl-runtime", "numpy"}

    write_small_model(tmp_path / "model.lam")
    records = small_records()
    report = json.loads(run(python, "-I", "-c", PREDICT, tmp_path / "model.lam", json.dumps(records), cwd=tmp_path))
    assert Path(report["file"]).is_relative_to(tmp_path / "venv")
    compiled = any("/_native." in name for name in contents(runtime_wheel))
    assert report["auto"] == ("native" if compiled else "reference")
    expected = evaluate(small_program(), RecordReader(COLUMNS).table(records))
    assert set(report["found"]) >= {report["auto"], "reference"}
    for engine, answers in report["found"].items():
        assert [value for value, _ in answers] == expected[LABEL].tolist(), engine
        probabilities = np.array([p for _, p in answers], dtype=np.float32)
        assert np.array_equal(probabilities, expected[PROBABILITIES]), engine
