"""What a gate may be asked for, and how its figures are judged."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from lean_automl.errors import ConfigError
from lean_automl.gate.figures import GateCheck
from lean_automl.gate.limits import GateRequest, Limits, is_loss, scores_of, share

MODEL = Path("model.lam")


@pytest.mark.parametrize(("text", "value"), [("5%", 0.05), ("0.05", 0.05), ("0%", 0.0), ("0", 0.0), ("12.5%", 0.125)])
def test_a_regression_is_a_percentage_or_a_share(text: str, value: float) -> None:
    assert share(text) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("text", ["", "%", "five", "5 %%"])
def test_a_regression_that_is_neither(text: str) -> None:
    with pytest.raises(ConfigError, match="--max-regression"):
        share(text)


def test_least_scores() -> None:
    assert scores_of(["roc_auc=0.9", "log_loss=-0.3"]) == {"roc_auc": 0.9, "log_loss": -0.3}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["roc_auc"], "not METRIC=VALUE"),
        (["=0.9"], "not METRIC=VALUE"),
        (["roc_auc=high"], "not METRIC=VALUE"),
        (["roc_auc=nan"], "not METRIC=VALUE"),
        (["roc_auc=0.9", "roc_auc=0.8"], "given twice"),
        (["rmse=1.5"], "Write rmse=-1.5"),
        (["neg_log_loss=0.3"], "Write neg_log_loss=-0.3"),
    ],
)
def test_least_scores_that_are_none(texts: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        scores_of(texts)


def test_short_names_of_losses_are_those_of_the_metrics() -> None:
    from lean_automl.search.metrics import ALIASES

    assert {name for name in ALIASES if is_loss(name)} == {n for n, s in ALIASES.items() if s.startswith("neg_")}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_p99_us", 0.0),
        ("max_size_kb", -1.0),
        ("max_instructions", math.inf),
        ("max_memory_mb", 0.0),
        ("max_regression", -0.1),
    ],
)
def test_limits_that_are_none(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')}"):
        Limits(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"limits": Limits(max_p99_us=10)}, "--max-p99-us needs real rows"),
        ({"limits": Limits(min_scores={"roc_auc": 0.9})}, "--min-score needs rows"),
        ({"limits": Limits(max_instructions=10), "instructions": False}, "exclude each other"),
        ({"wall_clock": True, "data": Path("rows.csv")}, "compares with a baseline"),
        ({"wall_clock": True, "baseline": Path("gate.json")}, "needs real rows"),
        ({"seconds": math.nan}, "--seconds"),
    ],
)
def test_what_does_not_go_together(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        GateRequest(model=MODEL, **settings)


def test_a_limit_is_met_at_its_edge_and_not_beyond() -> None:
    assert GateCheck("size", 10.0, 10.0).met
    assert not GateCheck("size", math.nextafter(10.0, 11), 10.0).met
    assert GateCheck("score", 0.9, 0.9, least=True).met
    assert not GateCheck("score", math.nextafter(0.9, 0), 0.9, least=True).met


@pytest.mark.parametrize("least", [True, False])
def test_what_is_no_number_meets_no_limit(least: bool) -> None:
    assert not GateCheck("size", math.nan, 1.0, least=least).met
    assert GateCheck("size", math.nan, None, least=least).met
    assert not GateCheck("p99", math.inf, 1.0).met


def test_a_check_in_words() -> None:
    check = GateCheck("score", 0.5, 0.9, least=True)
    assert (check.state, check.wanted) == ("failed", "at least 0.9")
    assert GateCheck("size", 12_345_678.9, unit="kB").shown(12_345_678.9) == "12,345,679 kB"
    assert GateCheck("p99", math.inf, 1.0, "us").to_json()["value"] is None
