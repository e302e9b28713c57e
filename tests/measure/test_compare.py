from __future__ import annotations

import math
from dataclasses import replace

import pytest
from lean_automl_runtime.errors import ArtifactError, DataError
from lean_automl_runtime.measure.compare import COMPARISON, Ratio, compare
from lean_automl_runtime.measure.compare_child import BLOCK_CALLS, FEWEST_PAIRS, paired_blocks
from lean_automl_runtime.measure.options import MeasureOptions

OPTIONS = MeasureOptions(budget_s=0.01)


def test_the_interval_is_that_of_launches():
    ratio = Ratio.of([1.0, 1.3, 0.9, 1.1, 1.05, 1.2, 0.95, 1.02, 1.01], (2.0, 1.9))
    assert (ratio.value, ratio.lower, ratio.upper) == (1.02, 0.95, 1.2)  # the second and the last but one of nine


def test_too_few_launches_exceed_nothing():
    ratio = Ratio.of([9.0] * 5, (9.0, 1.0))
    assert (ratio.lower, ratio.upper) == (0.0, math.inf)
    assert not ratio.exceeds(1.0)
    assert ratio.to_json()["upper"] is None
    assert Ratio.of([9.0] * COMPARISON.launches, (9.0, 1.0)).exceeds(8.9)
    with pytest.raises(DataError, match="no launches"):
        Ratio.of([], (1.0, 1.0))


def test_one_slow_launch_does_not_move_the_interval_above_one():
    assert not Ratio.of([5.0, *[1.0] * 8], (1.0, 1.0)).exceeds(1.0)
    assert not Ratio.of([*[5.0] * 7, 1.0, 1.0], (1.0, 1.0)).exceeds(1.0)


def test_a_machine_that_slows_down_slows_both(clock, tools):
    speed = {"factor": 1.0}

    def call(cost):
        def work(_):
            speed["factor"] *= 1.0001
            clock.advance(int(cost * speed["factor"]))

        return work

    pairs = paired_blocks((call(3000), call(2000)), list(range(7)), OPTIONS, tools)
    ratios = sorted(a / b for a, b in pairs)
    assert len(pairs) >= FEWEST_PAIRS
    assert ratios[len(ratios) // 2] == pytest.approx(1.5, rel=0.01)


def test_who_begins_changes_and_both_see_the_same_items(clock, tools):
    seen = []

    def call(name):
        def work(item):
            seen.append((name, item))
            clock.advance(1000)

        return work

    pairs = paired_blocks((call("new"), call("old")), list(range(5)), replace(OPTIONS, budget_s=1e-4), tools)
    timed = seen[-2 * BLOCK_CALLS * len(pairs) :]
    begins = [timed[number][0] for number in range(0, len(timed), 2 * BLOCK_CALLS)]
    assert begins[:4] == ["new", "old", "new", "old"]
    items = {name: [item for who, item in timed if who == name] for name in ("new", "old")}
    assert items["new"] == items["old"]


def test_real_models_are_compared(artifact, records):
    ratio = compare(artifact, artifact, records, replace(COMPARISON, budget_s=0.01, launches=2, engine="reference"))
    assert len(ratio.launches) == 2
    assert all(one > 0 for one in (*ratio.launches, *ratio.us))


def test_what_cannot_be_compared(artifact, records, tmp_path):
    with pytest.raises(ArtifactError, match=r"absent\.lam: no such file"):
        compare(artifact, tmp_path / "absent.lam", records)
    with pytest.raises(DataError, match="no records"):
        compare(artifact, artifact, [])
    (tmp_path / "damaged.lam").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="magic number"):
        compare(artifact, tmp_path / "damaged.lam", records)
