"""The examples that pages include, on a small model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from lean_automl_exporters.onnx import export_onnx
from lean_automl_runtime import load
from quality.project import ROOT
from quality.small_model import small_program, write_small_model
from quality.test_docs import load_script

EXAMPLES = ROOT / "examples"
ROW = {"age": 39.0, "job": "clerk"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_small_model(tmp_path / "model.lam")
    return tmp_path / "model.lam"


def test_the_endpoint_answers_and_says_whose_mistake_it_was(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL", str(model))
    client = TestClient(load_script(EXAMPLES / "fastapi" / "app.py").app)
    wanted = load(model).predict_one(ROW)
    answer = client.post("/predict", json=ROW)
    assert answer.status_code == 200
    assert answer.json()["prediction"] == wanted.value
    assert answer.json()["probabilities"]["yes"] == pytest.approx(float(wanted.probabilities[1]))
    assert client.post("/predict", json={"age": None, "job": None}).status_code == 200
    refused = client.post("/predict", json={"age": 39.0})
    assert refused.status_code == 422
    assert "job" in refused.json()["detail"]
    assert client.post("/predict", content="no JSON").status_code == 422


def test_the_function_answers_and_refuses(model: Path) -> None:
    shutil.copy(EXAMPLES / "function" / "handler.py", model.parent)
    handler = load_script(model.parent / "handler.py").handler
    answer = handler({"body": json.dumps(ROW)}, None)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["prediction"] == load(model).predict_one(ROW).value
    for body in ("{", "[]", '{"age": "x", "job": 1}'):
        assert handler({"body": body}, None)["statusCode"] == 422, body


def test_the_page_in_the_browser_predicts_what_the_runtime_predicts(model: Path) -> None:
    node, package = shutil.which("node"), os.environ.get("ONNXRUNTIME_WEB")
    if node is None or package is None:
        pytest.skip("needs node, and in ONNXRUNTIME_WEB the folder of the package onnxruntime-web")
    (model.parent / "model.onnx").write_bytes(export_onnx(small_program()))
    script = model.parent / "run.mjs"
    script.write_text(
        f"""
        import {{ readFileSync }} from "node:fs";
        const ort = await import({json.dumps(str(Path(package, "dist", "ort.wasm.min.mjs")))});
        const {{ predict }} = await import({json.dumps(str(EXAMPLES / "browser" / "predict.mjs"))});
        ort.env.wasm.numThreads = 1;
        const session = await ort.InferenceSession.create(readFileSync("model.onnx"));
        console.log(JSON.stringify(await predict(ort, session, {json.dumps(ROW)})));
        console.log(JSON.stringify(await predict(ort, session, {{}})));
        """,
        encoding="utf-8",
    )
    done = subprocess.run([node, script], cwd=model.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runtime = load(model)
    for line, row in zip(done.stdout.splitlines(), (ROW, {"age": None, "job": None}), strict=True):
        found, wanted = json.loads(line), runtime.predict_one(row)
        assert found["label"] == wanted.value
        assert found["probabilities"] == pytest.approx([float(p) for p in wanted.probabilities], abs=1e-5)
