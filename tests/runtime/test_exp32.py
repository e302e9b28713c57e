"""The exponential of the IR against the one of float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conformance.compare import ulps_between
from lean_automl_runtime.exp32 import HIGHEST, LOWEST, exp32


def test_error_is_at_most_one_unit_in_the_last_place() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            rng.uniform(-87, 88, 1_000_000),
            np.linspace(-1, 1, 200_001),
            rng.normal(0, 1, 100_000) * 10.0 ** rng.integers(-40, 1, 100_000),
            np.arange(-87, 88) * math.log(2),  # where the range is reduced to about 0
            (np.arange(-87, 88) + 0.5) * math.log(2),  # where the power of two changes
        ]
    ).astype(np.float32)
    x = x[(x >= LOWEST) & (x <= HIGHEST)]
    with np.errstate(under="ignore"):
        correct = np.exp(x.astype(np.float64)).astype(np.float32)
    assert int(ulps_between(exp32(x), correct).max()) <= 1


@pytest.mark.parametrize(
    ("x", "same_as"),
    [(-np.inf, LOWEST), (-1e30, LOWEST), (-87.1, LOWEST), (np.inf, HIGHEST), (88.5, HIGHEST), (3.4e38, HIGHEST)],
)
def test_arguments_are_limited(x: float, same_as: np.float32) -> None:
    found = exp32(np.array([x], dtype=np.float32))
    np.testing.assert_array_equal(found, exp32(np.array([same_as])))
    assert np.isfinite(found).all()
    assert float(found[0]) >= np.finfo(np.float32).tiny


def test_nan_stays_nan_and_zero_gives_one() -> None:
    found = exp32(np.array([np.nan, 0.0, -0.0, 1e-45, -1e-45], dtype=np.float32))
    np.testing.assert_array_equal(found, np.array([np.nan, 1, 1, 1, 1], dtype=np.float32))


def test_shape_and_type_are_kept() -> None:
    for shape in ((0,), (3,), (2, 0), (4, 5)):
        found = exp32(np.zeros(shape, dtype=np.float32))
        assert (found.shape, found.dtype) == (shape, np.float32)


def test_known_bits() -> None:
    x = np.array([-87, -10.5, -1, -0.1, 0.1, 0.5, 1, 2, 10.5, 88], dtype=np.float32)
    assert exp32(x).view(np.uint32).tolist() == [
        11744903,
        937885203,
        1052531378,
        1063756653,
        1066235454,
        1070795084,
        1076754516,
        1089237798,
        1192090497,
        2130215607,
    ]
