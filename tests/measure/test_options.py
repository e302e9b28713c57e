from __future__ import annotations

import json
import math

import pytest
from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.measure.options import MeasureOptions, Mode
from lean_automl_runtime.measure.statistics import QUANTILES


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget_s": 0.0},
        {"budget_s": math.nan},
        {"timeout_s": math.inf},
        {"min_samples": 0},
        {"launches": 0},
        {"max_attempts": 0},
        {"max_rows": 0},
        {"threads": 0},
        {"batch_size": 0},
        {"tightness": -1.0},
        {"full_speed_us": 0.0},
        {"quantiles": (1.5,)},
        {"mode": "hot"},
        {"rate_hz": 10.0},
        {"mode": Mode.OPEN_LOOP},
        {"mode": Mode.OPEN_LOOP, "rate_hz": 0.0},
        {"mode": Mode.OPEN_LOOP, "rate_hz": math.nan},
    ],
)
def test_impossible_values_are_refused_by_name(wrong):
    with pytest.raises(ConfigError, match="|".join(wrong) + "|rate_hz"):
        MeasureOptions(**wrong)


def test_quantiles_are_added_to_those_that_are_always_reported():
    assert MeasureOptions(quantiles=(0.95, 0.5)).quantiles == (0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
    assert MeasureOptions().quantiles == QUANTILES


def test_json_round_trip():
    options = MeasureOptions(mode=Mode.OPEN_LOOP, rate_hz=100.0, engine="reference", core=1, quantiles=(0.95,))
    assert MeasureOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
