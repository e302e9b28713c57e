"""`load` and `Model` as a serving process uses them, with every engine that is installed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conformance.programs import hostile_inputs, random_program
from lean_automl_runtime import Artifact, Model, Prediction, load, write_artifact
from lean_automl_runtime import engines as table
from lean_automl_runtime.engines import ENGINES, available, make_engine
from lean_automl_runtime.errors import (
    ArtifactError,
    ConfigError,
    CorruptArtifactError,
    LeanAutoMLError,
    MissingDependencyError,
    SchemaError,
)
from lean_automl_runtime.ir import MISSING_TIME, Program
from lean_automl_runtime.reference import evaluate

INSTALLED = [name for name in ENGINES if available(name)]
# Worked out by hand: bins (2, 1, 1, 2, 1), leaves 3 and 3, scores (-2 + 100) / 8 - 1 / 4.
SCORE = 12.0


@pytest.fixture(params=INSTALLED)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(lam: Path, engine: str) -> Model:
    return load(lam, engine)


@pytest.fixture
def regression(tmp_path: Path, regressor: Program, engine: str) -> Model:
    path = tmp_path / "regression.lam"
    path.write_bytes(write_artifact(Artifact(regressor)))
    return load(path, engine)


def test_what_a_model_says_about_itself(model: Model, engine: str) -> None:
    assert model.engine == engine
    assert model.classes == ("no", "yes")
    assert [column.name for column in model.columns] == ["age", "member", "job", "since", "id"]
    assert model.metadata == {"note": "né"}
    assert repr(model) == f"<Model: 5 columns, 2 classes, {engine} engine>"


def test_a_classifier(model: Model, record: dict[str, Any]) -> None:
    one = model.predict_one(record)
    assert one == ("yes", one.probabilities)
    assert isinstance(one, Prediction)
    assert one.probabilities[1] == pytest.approx(1 / (1 + np.exp(-SCORE)), rel=1e-6)
    assert {type(p) for p in one.probabilities} == {float}
    rows = [record, record | {"job": None, "age": 20}]
    labels, probabilities = model.predict(rows), model.predict_proba(rows)
    assert labels.shape == (2,)
    assert labels.tolist() == ["yes", model.predict_one(rows[1]).value]
    assert (probabilities.shape, probabilities.dtype) == ((2, 2), np.float32)
    assert tuple(probabilities[0].tolist()) == one.probabilities


def test_a_regressor(regression: Model, record: dict[str, Any]) -> None:
    assert regression.predict_one(record) == (SCORE, ())
    assert type(regression.predict_one(record).value) is float
    found = regression.predict(pd.DataFrame([record, record]))
    assert found.dtype == np.float32
    assert found.tolist() == [SCORE, SCORE]
    assert "regression" in repr(regression)
    with pytest.raises(ConfigError, match="a regressor has no probabilities: use predict"):
        regression.predict_proba([record])


@pytest.mark.parametrize("classes", [(False, True), (10, -20), ("a", "b")])
def test_labels_have_the_type_of_the_classes(engine: str, classes: tuple[Any, ...]) -> None:
    program = next(
        p
        for p in (random_program(seed) for seed in range(400))
        if len(p.classes) == 2 and type(p.classes[0]) is type(classes[0])
    )
    model = Model(make_engine(program, engine), program.columns, program.classes, {})
    inputs = hostile_inputs(program, np.random.default_rng(0), 5)
    expected = evaluate(program, inputs)["label"]
    for row in range(5):
        record = {column.name: x[row] for column, x in zip(program.columns, inputs, strict=True)}
        answer = model.predict_one(record).value
        assert type(answer) is type(classes[0])
        assert answer == expected[row]


@pytest.mark.parametrize("seed", range(15))
def test_one_record_is_a_table_of_one_row(engine: str, seed: int) -> None:
    program = random_program(seed)
    model = Model(make_engine(program, engine), program.columns, program.classes, {})
    inputs = hostile_inputs(program, np.random.default_rng(seed), 40)
    names = [column.name for column in program.columns]
    columns = [[None if value == MISSING_TIME else value for value in x.tolist()] for x in inputs]
    records = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    whole = model.predict(records)
    proba = model.predict_proba(records) if program.classes else None
    for row, record in enumerate(records):
        one = model.predict_one(record)
        np.testing.assert_equal(one.value, whole[row].item() if isinstance(whole[row], np.generic) else whole[row])
        assert one.probabilities == (tuple(proba[row].tolist()) if proba is not None else ())
    np.testing.assert_array_equal(model.predict(dict(zip(names, columns, strict=True))), whole)
    np.testing.assert_array_equal(model.predict(pd.DataFrame(records, columns=names, dtype=object)), whole)


def test_no_rows(model: Model, regression: Model, record: dict[str, Any]) -> None:
    empty = pd.DataFrame([record]).iloc[:0]
    assert model.predict(empty).shape == (0,)
    assert model.predict_proba([]).shape == (0, 2)
    assert regression.predict([]).shape == (0,)


def test_typed_arrays(model: Model) -> None:
    arrays = [
        np.float32([41]),
        np.float32([1]),
        np.array(["clerk"], dtype=object),
        np.array([981_158_400]),
        np.array([1e9 + 4]),
    ]
    outputs = model.run(arrays)
    assert set(outputs) == {"label", "probabilities"}
    assert outputs["label"].tolist() == ["yes"]


def test_a_number_too_large_for_float32_is_infinite(regression: Model, record: dict[str, Any]) -> None:
    huge = record | {"age": 1e300, "id": -1e300}
    endless = record | {"age": float("inf"), "id": float("-inf")}
    assert regression.predict_one(huge) == regression.predict_one(endless)
    assert regression.predict([huge]).tolist() == regression.predict([endless]).tolist()


def test_errors_of_rows_name_the_column(model: Model, record: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match=r"column 'job' is absent\. Did you mean 'jobs'\?"):
        model.predict_one({"jobs" if k == "job" else k: v for k, v in record.items()})
    with pytest.raises(SchemaError, match="column 'age': 'old' is not a number"):
        model.predict_one(record | {"age": "old"})
    with pytest.raises(SchemaError, match="column 'age', row 1: 'old' is not a number"):
        model.predict([record, record | {"age": "old"}])
    assert model.predict_one(record).value == "yes"  # an error leaves the model as it was


# --- load and the table of engines --------------------------------------------------------------------------


def test_auto_takes_the_first_that_is_installed(lam: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(lam).engine == INSTALLED[0]
    monkeypatch.setattr(table, "installed", lambda _: False)
    assert load(lam).engine == "reference"


def test_an_engine_that_is_not_installed(lam: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "installed", lambda _: False)
    install = re.escape("the numba engine needs numba: pip install 'lean-automl-runtime[numba]'")
    with pytest.raises(MissingDependencyError, match=install):
        load(lam, "numba")


def test_an_engine_that_does_not_exist(lam: Path) -> None:
    with pytest.raises(ConfigError, match="engine 'cuda' is not one of: auto, "):
        load(lam, "cuda")


def test_engines_and_files_that_do_not_fit(lam: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="engine 'onnx' runs ONNX files"):
        load(lam, "onnx")
    with pytest.raises(ConfigError, match="is an ONNX file, which engine 'numba' does not run"):
        load(tmp_path / "model.onnx", "numba")


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"not onnx"])
def test_a_broken_onnx_file(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("onnxruntime")
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ArtifactError):
        load(path)


def test_a_broken_artifact(tmp_path: Path, lam: Path) -> None:
    path = tmp_path / "broken.lam"
    path.write_bytes(lam.read_bytes()[:100])
    with pytest.raises(CorruptArtifactError, match=r"broken\.lam: "):
        load(path)
    with pytest.raises(LeanAutoMLError):
        load(tmp_path / "absent.lam")


def test_public_names() -> None:
    import lean_automl_runtime as package

    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing
