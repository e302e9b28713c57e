from __future__ import annotations

import json

import numpy as np
import pytest
from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.measure.cost import CostModel, CostSample, errors_on, fit_cost_model
from lean_automl_runtime.measure.least_squares import non_negative_least_squares
from lean_automl_runtime.measure.op_counts import features
from lean_automl_runtime.measure.reference_programs import make_program
from lean_automl_runtime.measure.reference_shapes import HELD_OUT_SHAPES, REFERENCE_SHAPES
from scipy.optimize import nnls

TRUE_US = {
    "calls": 5.0,
    "numeric_columns": 0.3,
    "string_columns": 0.5,
    "bin_steps": 0.01,
    "trees": 0.004,
    "levels": 0.002,
    "ragged_steps": 0.02,
    "table_terms": 0.003,
    "dense_macs": 0.001,
    "exponentials": 0.05,
}


def samples_of(shapes, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    made = []
    for shape in shapes:
        counts = features(make_program(shape))
        time_us = sum(TRUE_US.get(name, 0.0) * count for name, count in counts.items())
        time_us *= 1 + noise * rng.normal()
        made.append(CostSample(shape.name, counts, time_us, 1.5 * time_us))
    return made


@pytest.mark.parametrize("seed", range(40))
def test_least_squares_agree_with_scipy(seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(3, 40), rng.integers(2, 25)
    matrix = rng.normal(size=(rows, columns)) if seed % 2 else np.abs(rng.normal(size=(rows, columns)))
    if seed % 5 == 0:
        matrix[:, 0] = matrix[:, -1] = 0.0
        matrix *= 10.0 ** rng.integers(-6, 6, size=columns)
    target = rng.normal(size=rows) + 1
    found = non_negative_least_squares(matrix, target)
    expected, residual = nnls(matrix, target)
    assert (found >= 0).all()
    assert np.linalg.norm(matrix @ found - target) == pytest.approx(residual, rel=1e-6, abs=1e-9)
    if rows > columns and seed % 5:
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_least_squares_of_nothing():
    assert non_negative_least_squares(np.zeros((3, 2)), np.ones(3)).tolist() == [0, 0]
    assert non_negative_least_squares(-np.ones((3, 1)), np.ones(3)).tolist() == [0]


def test_a_fit_recovers_what_made_the_times():
    model = fit_cost_model(samples_of(REFERENCE_SHAPES), "numba")
    assert model.engine == "numba"
    assert model.margin < 1e-6
    assert model.tail == pytest.approx(1.5)
    assert errors_on(model, samples_of(HELD_OUT_SHAPES)).p95 < 1e-6
    for name in ("trees", "levels", "ragged_steps", "calls"):
        assert model.coefficients[name] == pytest.approx(TRUE_US[name], rel=1e-3)


def test_a_fit_on_noisy_times_predicts_and_knows_its_error():
    model = fit_cost_model(samples_of(REFERENCE_SHAPES, noise=0.03), "numba")
    found = errors_on(model, samples_of(HELD_OUT_SHAPES, noise=0.0))
    assert found.programs == len(HELD_OUT_SHAPES)
    assert found.median < 0.03
    assert 0.02 < model.margin < 0.4
    assert all(value > 0 for value in model.coefficients.values())


def test_bounds_lie_around_the_prediction():
    model = CostModel("numba", {"calls": 2.0, "trees": 0.1}, margin=0.25, tail=2.0)
    counts = {"calls": 1.0, "trees": 80.0, "levels": 400.0}
    assert model.predict_us(counts) == pytest.approx(10.0)
    assert model.upper_us(counts) == pytest.approx(25.0)
    assert model.lower_us(counts) == pytest.approx(8.0)
    program = make_program(REFERENCE_SHAPES[0])
    assert model.predict_us(program) == model.predict_us(features(program))


def test_the_worst_error_is_named_with_its_sign():
    model = CostModel("numba", {"calls": 1.0}, 0.0, 1.0)
    samples = [CostSample("good", {"calls": 10.0}, 10.0, 10.0), CostSample("bad", {"calls": 5.0}, 10.0, 10.0)]
    found = errors_on(model, samples)
    assert found.worst == ("bad", -0.5)
    assert found.median == 0.25


def test_too_few_samples_are_refused():
    with pytest.raises(ConfigError, match="at least 4"):
        fit_cost_model(samples_of(REFERENCE_SHAPES[:3]), "numba")
    with pytest.raises(ConfigError, match="took no time"):
        fit_cost_model([CostSample("x", {"calls": 1.0}, 0.0, 0.0)] * 5, "numba")


def test_json_round_trip():
    model = fit_cost_model(samples_of(REFERENCE_SHAPES, noise=0.03), "numba")
    assert CostModel.from_json(json.loads(json.dumps(model.to_json()))) == model
