from __future__ import annotations

import json
import math

import numpy as np
import pytest
from lean_automl_runtime.errors import ConfigError
from lean_automl_runtime.measure.order_statistics import bound_ranks, independent_samples, samples_to_bound
from lean_automl_runtime.measure.statistics import QUANTILES, Latency, Quantile, nested, quantile_name
from scipy.stats import binom


@pytest.mark.parametrize("samples", [1, 5, 59, 367, 368, 1000, 10_000, 123_457])
@pytest.mark.parametrize("quantile", [0.01, 0.5, 0.9, 0.99, 0.999])
def test_ranks_are_the_tightest_that_keep_the_confidence(samples, quantile):
    lower, upper = bound_ranks(samples, quantile)
    tail = 0.025
    if lower is not None:  # rank l fails if at most l - 1 samples lie below the quantile
        assert binom.cdf(lower - 1, samples, quantile) <= tail
        assert binom.cdf(lower, samples, quantile) > tail
    else:
        assert binom.cdf(0, samples, quantile) > tail
    if upper is not None:  # rank u fails if u or more do
        assert binom.sf(upper - 1, samples, quantile) <= tail * (1 + 1e-9)
        assert binom.sf(upper - 2, samples, quantile) > tail
    else:
        assert binom.sf(samples - 1, samples, quantile) > tail


def test_known_ranks():
    assert bound_ranks(100, 0.5) == (40, 61)  # the classical interval for a median of 100
    assert bound_ranks(10, 0.5) == (2, 9)
    assert bound_ranks(0, 0.5) == (None, None)
    assert bound_ranks(77, 1.0) == (77, None)


@pytest.mark.parametrize(("quantile", "needed"), [(0.5, 6), (0.9, 36), (0.99, 368), (0.999, 3688)])
def test_samples_to_bound_is_the_least_number_that_has_an_upper_bound(quantile, needed):
    assert samples_to_bound(quantile) == needed
    assert bound_ranks(needed, quantile)[1] == needed
    assert bound_ranks(needed - 1, quantile)[1] is None


@pytest.mark.parametrize(("quantile", "confidence"), [(0.0, 0.95), (1.1, 0.95), (-1, 0.95), (0.5, 1.0), (0.5, 0.0)])
def test_impossible_quantiles_are_refused(quantile, confidence):
    with pytest.raises(ConfigError):
        bound_ranks(10, quantile, confidence)


@pytest.mark.parametrize(("quantile", "samples"), [(0.5, 200), (0.99, 1000)])
def test_intervals_cover_the_true_quantile_as_often_as_they_promise(quantile, samples):
    rng = np.random.default_rng(3)
    truth = math.exp(2 + 0.5 * _normal_quantile(quantile))
    runs, above, below = 2000, 0, 0
    for _ in range(runs):
        times_us = rng.lognormal(2, 0.5, size=samples)
        found = Latency.from_samples_ns(times_us * 1000, (quantile,)).at(quantile)
        below += found.upper_us < truth
        above += found.lower_us > truth
    # Each side promises at most 2.5 %; three standard errors of 2,000 runs are about 1 %.
    assert below / runs <= 0.025 + 0.0105
    assert above / runs <= 0.025 + 0.0105
    assert (below + above) / runs >= 0.015  # no wider than need be


def _normal_quantile(quantile: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(quantile)


def test_latency_of_known_samples():
    samples_ns = np.random.default_rng(0).permutation(np.arange(1, 1001)) * 1000  # 1 .. 1000 us
    latency = Latency.from_samples_ns(samples_ns)
    assert latency.samples == 1000
    assert latency.mean_us == 500.5
    assert [q.value_us for q in latency.quantiles] == [500, 900, 990, 999, 1000]
    assert [q.name for q in latency.quantiles] == ["p50", "p90", "p99", "p99.9", "max"]
    assert 600 <= latency.p50.independent <= 1000
    lower, upper = bound_ranks(latency.p50.independent, 0.5)
    scale = 1000 / latency.p50.independent
    assert latency.p50.lower_us == pytest.approx(lower * scale, abs=1)
    assert latency.p50.upper_us == pytest.approx(upper * scale, abs=1)
    assert latency.p99.lower_us < 990 < latency.p99.upper_us < 1000
    assert latency.p999.upper_us == math.inf
    assert (latency.max.lower_us, latency.max.upper_us) == (1000, math.inf)


def test_too_few_samples_give_no_bounds():
    latency = Latency.from_samples_ns([1000, 2000, 3000])
    assert (latency.p50.lower_us, latency.p50.value_us, latency.p50.upper_us) == (0.0, 2.0, math.inf)


def test_no_samples_are_an_error():
    with pytest.raises(ConfigError, match="no latency samples"):
        Latency.from_samples_ns([])


def test_a_quantile_that_was_not_asked_for_is_an_error_that_names_the_others():
    latency = Latency.from_samples_ns([1, 2, 3], (0.5, 0.95))
    assert latency.at(0.95).value_us == 0.003
    with pytest.raises(ConfigError, match=r"0\.99 was not measured, only: 0\.5, 0\.95"):
        latency.at(0.99)


def test_per_row_divides_everything():
    latency = Latency.from_samples_ns(np.arange(1, 1001) * 1000).per_row(10)
    assert latency.p50.value_us == 50
    assert latency.p999.upper_us == math.inf
    assert latency.samples == 1000


def test_json_round_trip_writes_infinity_as_null():
    latency = Latency.from_samples_ns(np.arange(1, 1001) * 1000)
    text = json.dumps(latency.to_json(), allow_nan=False)
    assert '"upper_us": null' in text
    assert Latency.from_json(json.loads(text)) == latency


def test_names():
    assert [quantile_name(q) for q in (*QUANTILES, 0.95, 0.9999)] == [
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "p95",
        "p99.99",
    ]


def bursts(rng, samples, burst, share=0.1):
    """Times of a machine that is slow for about `burst` calls in a row, a `share` of the time."""
    slow = np.repeat(rng.random(-(-samples // burst)) < share, burst)[:samples]
    return np.where(slow, 200.0, 100.0) + rng.random(samples)


def test_independent_samples_count_as_what_they_are():
    rng = np.random.default_rng(0)
    found = [independent_samples(rng.random(10_000) > 0.9, 0.9) for _ in range(50)]
    assert np.median(found) > 9000
    assert min(found) > 4000


@pytest.mark.parametrize("burst", [20, 100])
def test_samples_in_bursts_are_worth_about_one_a_burst(burst):
    rng = np.random.default_rng(0)
    found = [independent_samples(bursts(rng, 40_000, burst) > 150, 0.9) for _ in range(50)]
    assert 0.5 * 40_000 / burst < np.median(found) < 1.5 * 40_000 / burst


def test_intervals_hold_for_bursts_that_would_refute_independent_ones():
    """How many calls in a hundred are slow varies from run to run; p90 lies inside or outside the slow part."""
    rng = np.random.default_rng(1)
    missed, naive, runs = 0, 0, 400
    for _ in range(runs):
        times_us = bursts(rng, 5000, 50, share=0.2) + 50 * rng.random(5000)
        p90 = Latency.from_samples_ns(times_us * 1000).p90
        truth_us = 225.5  # half of the slow calls, which are a fifth of all, are slower
        missed += not p90.lower_us <= truth_us <= p90.upper_us
        lower, upper = bound_ranks(5000, 0.9)
        ordered = np.sort(times_us)
        naive += not ordered[lower - 1] <= truth_us <= ordered[upper - 1]
    assert naive / runs > 0.4
    assert missed / runs < 0.10


def test_bounds_of_a_higher_quantile_bound_a_lower_one():
    """In one long burst p99 is worth so little that its bound is the greatest sample; that of p99.9 is nearer."""
    p90 = Quantile(0.9, 5.0, 4.0, 6.0, 900)
    p99 = Quantile(0.99, 7.0, 3.0, 900.0, 368)
    p999 = Quantile(0.999, 8.0, 7.5, 9.0, 5000)
    highest = Quantile(1.0, 900.0, 900.0, math.inf, 9000)
    found = nested([p90, p99, p999, highest])
    assert [(q.lower_us, q.upper_us) for q in found] == [(4.0, 6.0), (4.0, 9.0), (7.5, 9.0), (900.0, math.inf)]
    assert [q.value_us for q in found] == [5.0, 7.0, 8.0, 900.0]


def test_a_run_never_counts_so_little_that_its_greatest_sample_is_no_bound():
    half = np.arange(4000) >= 2000
    assert independent_samples(half, 0.99) == 368
    latency = Latency.from_samples_ns(np.where(half, 2000, 1000))
    assert latency.p99.upper_us == 2.0
    assert independent_samples(np.arange(60) >= 30, 0.99) == 60
