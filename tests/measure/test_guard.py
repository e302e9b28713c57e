from __future__ import annotations

import math

import numpy as np
import pytest
from lean_automl_runtime.measure.guard import (
    BOUNDS,
    FEWEST_CONTROLS,
    Control,
    NoiseBounds,
    control_kernel,
    differing_speeds,
)

QUIET_NS = np.tile([25_000, 25_100, 24_900, 25_050], 100)


def test_a_quiet_run_has_no_problems():
    control = Control.from_samples_ns(QUIET_NS, 1.0)
    assert control.samples == 400
    assert control.p50_us == pytest.approx(25, rel=0.01)
    assert control.problems() == ()
    assert control.severity() < 0.5


def test_a_run_that_slows_down_halfway_is_noisy():
    slow = QUIET_NS.copy()
    slow[200:] = slow[200:] * 1.5
    control = Control.from_samples_ns(slow, 1.0)
    assert control.wander == pytest.approx(0.5, abs=0.02)
    assert "wandered by 50%" in control.problems()[0]
    assert control.severity() > 3


def test_wander_within_the_bound_is_not_noise():
    slow = QUIET_NS.astype(float)
    slow[:200] *= 1.10
    assert Control.from_samples_ns(slow, 1.0).problems() == ()


def test_interruptions_show_in_the_tail():
    interrupted = QUIET_NS.copy()
    interrupted[::50] = 4_000_000  # 2 % of the controls lose a time slice
    problems = Control.from_samples_ns(interrupted, 1.0).problems()
    assert len(problems) == 1
    assert "control p99 was 159.7 x its median" in problems[0]


def test_one_interruption_in_a_thousand_is_allowed():
    interrupted = np.tile(QUIET_NS, 5)
    interrupted[777] = interrupted[1777] = 4_000_000
    assert Control.from_samples_ns(interrupted, 1.0).problems() == ()


def test_a_shared_core_is_noise():
    control = Control.from_samples_ns(QUIET_NS, 0.8)
    assert control.problems() == ("on the core for 80% of the time only (bound 95%)",)
    assert control.severity() == pytest.approx(4)


def test_too_few_controls_cannot_vouch_for_a_run():
    control = Control.from_samples_ns(QUIET_NS[: FEWEST_CONTROLS - 1], 1.0)
    assert "too few to judge" in control.problems()[0]
    assert control.severity() == math.inf
    assert "ran 0 times" in Control.from_samples_ns([], 1.0).problems()[0]


def test_bounds_are_the_callers():
    control = Control.from_samples_ns(QUIET_NS, 0.8)
    assert control.problems(NoiseBounds(cpu_share=0.5)) == ()
    assert control.severity(NoiseBounds(cpu_share=0.5)) < 1


def test_a_steady_low_speed_shows_only_if_full_speed_is_known():
    slow = Control.from_samples_ns(QUIET_NS * 1.4, 1.0)
    known = NoiseBounds(full_speed_us=25.0)
    assert slow.problems() == ()
    assert slow.problems(known) == ("control median was 40% above full speed (bound 15%)",)
    assert slow.severity(known) == pytest.approx(0.4 / 0.15, rel=0.01)
    assert Control.from_samples_ns(QUIET_NS, 1.0).problems(known) == ()


def test_launches_at_different_speeds():
    slow = Control.from_samples_ns(QUIET_NS * 1.4, 1.0)
    fast = Control.from_samples_ns(QUIET_NS, 1.0)
    assert differing_speeds([fast, fast]) == ()
    assert differing_speeds([fast]) == ()
    assert "differed by 40% between launches" in differing_speeds([fast, slow])[0]
    assert BOUNDS.wander < 0.4


def test_the_control_kernel_always_does_the_same():
    assert control_kernel() == control_kernel()
