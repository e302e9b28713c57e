"""Reports hold every check, whatever their text is."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree

import pytest

from lean_automl.gate.count import Conditions, Counts
from lean_automl.gate.figures import Figures, GateCheck, GateResult
from lean_automl.gate.reports import github_benchmark, junit, markdown

CONDITIONS = Conditions("cc 12", "-O2", "valgrind-3.19.0", "x86_64", 1000, "synthetic")
COUNTS = Counts(1200.5, 80.25, 3.0, CONDITIONS)
ODD = 'a|b <i> & \x00 "c" `d`'


@pytest.fixture
def result() -> GateResult:
    scores = {"roc_auc": 0.9, "neg_log_loss": -0.25, "rmse": -2.0}
    checks = (
        GateCheck("size", 30.5, 64.0, "kB"),
        GateCheck(f"score {ODD}", 0.5, 0.9, least=True, detail=ODD),
        GateCheck("instructions per row", 1200.5),
        GateCheck("p99 latency, upper bound", 7.5, 100.0, "us", detail="p50 5 us"),
    )
    return GateResult(Figures("model.lam", "0" * 64, "1" * 64, 30_500, COUNTS, scores, "x"), checks, (ODD,))


def test_junit_has_a_case_for_each_limit(result: GateResult) -> None:
    root = ElementTree.fromstring(junit(result))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    cases = {case.get("name"): case.findall("failure") for case in suite}
    assert len(cases) == 3
    ((failure,),) = [found for found in cases.values() if found]
    assert "wanted at least 0.9" in str(failure.get("message"))
    assert '<i> & ? "c"' in str(failure.text)


def test_markdown_is_one_table(result: GateResult) -> None:
    text = markdown(result)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(result.checks)
    assert all(row.replace("\\|", "").count("|") == 6 for row in rows)
    assert text.count("**failed**") == 1
    assert text.startswith("### model.lam: 1 of the checks failed\n")
    assert "\\<i\\>" in text


def test_figures_where_less_is_better(result: GateResult) -> None:
    found = {entry["name"]: (entry["value"], entry["unit"]) for entry in json.loads(github_benchmark(result))}
    assert found == {
        "model.lam: size": (30_500, "bytes"),
        "model.lam: instructions": (1200.5, "per row"),
        "model.lam: branches": (80.25, "per row"),
        "model.lam: p99 latency, upper bound": (7.5, "us"),
        "model.lam: log_loss": (0.25, "loss"),
        "model.lam: rmse": (2.0, "loss"),
    }


def test_what_is_infinite_is_no_json_number() -> None:
    figures = Figures("model.onnx", "0" * 64, None, 1)
    checks = (GateCheck("p99 latency, upper bound", math.inf, 1.0, "us"),)
    result = GateResult(figures, checks, ())
    json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert [entry["name"] for entry in json.loads(github_benchmark(result))] == ["model.onnx: size"]
    assert [check.name for check in result.failed] == ["p99 latency, upper bound"]


def test_figures_come_back_from_json(result: GateResult) -> None:
    assert Figures.from_json(json.loads(json.dumps(result.figures.to_json()))) == result.figures
