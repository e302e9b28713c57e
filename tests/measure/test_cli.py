from __future__ import annotations

import json

import pytest
from lean_automl_runtime.measure import Measurement
from lean_automl_runtime.measure.__main__ import main


@pytest.fixture
def arguments(artifact, rows_file):
    return [str(artifact), "--rows", str(rows_file), "--engine", "reference", "--budget-s", "0.05"]


def test_table(arguments, capsys):
    assert main(arguments) == 0
    said = capsys.readouterr().out
    for word in ("tiny.lam", "reference engine", "total", "assembly", "model", "call (rest)", "cold: import", "clock"):
        assert word in said


def test_json_and_a_limit_that_is_not_met(arguments, capsys):
    assert main([*arguments, "--json", "--limit-us", "0.001", "--quantile", "0.95"]) == 4
    said = capsys.readouterr()
    found = Measurement.from_json(json.loads(said.out))
    assert found.total.at(0.95).value_us > 0
    assert "limit not met: p95 is shown to be at most" in said.err


def test_a_limit_that_is_met(arguments):
    assert main([*arguments, "--limit-us", "1e9", "--batch-size", "3", "--quantile", "0.5"]) == 0


def test_errors_are_one_line(arguments, capsys):
    assert main([*arguments, "--engine", "warp"]) == 1
    assert capsys.readouterr().err.startswith("error: engine 'warp' is not one of")
    assert main([*arguments, "--mode", "open_loop"]) == 1
    assert capsys.readouterr().err == "error: rate_hz: None must be given with mode open_loop only\n"


def test_usage_errors_end_with_2(arguments):
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--mode", "hot"])
    assert ended.value.code == 2
