"""Which finalists are tried, and which are not worth it."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from lean_automl.automl import ship
from lean_automl.automl.finish import MissError
from lean_automl.automl.result import Check
from lean_automl.student.deploy import Footprint


def miss(value: float) -> MissError:
    return MissError([Check("p99 latency", "model.lam with native", value, 1.0, "ms", met=False)])


class Run:
    """A run whose finalists take a known time when they are finished, in turn."""

    def __init__(self, finished: dict[str, list[float]], left_s: float = 10.0) -> None:
        self.finished, self.tried = finished, list[str]()
        self.bench, self.interrupted, self.passed_over = "bench", False, list[str]()
        self.clock = SimpleNamespace(start=0.0, limit_s=60.0, left_s=left_s, at=lambda s: s)
        self.watcher = SimpleNamespace(step=lambda *_: None)
        self.reporter = SimpleNamespace(timed=lambda _: nullcontext())
        self.spared = list[float]()
        self.publisher = SimpleNamespace(shipped=None, publish=self._publish, publish_spare=self.spared.append)

    def _publish(self, blend: Any, *_: object) -> str:
        self.tried.append(blend.name)
        took = self.finished[blend.name].pop(0)
        if took > 1.0:
            raise miss(took)
        return str(blend.name)


def finalist(name: str, quick_us: float, rounds: bool, takes_time: bool = True) -> Any:
    return SimpleNamespace(
        name=name,
        can_be_shortened=rounds,
        rounds_take_time=takes_time,
        footprint=Footprint({"model.lam": 1}, {"model.lam": quick_us}),
    )


@pytest.fixture(autouse=True)
def _no_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ship, "passes_for", lambda *_: "passes")
    monkeypatch.setattr(ship, "last_fits", lambda *_: ["joined", "without the hold-out"])
    monkeypatch.setattr(ship, "tightened", lambda *_: "tighter")


def shipped(run: Run, *finalists: Any) -> Any:
    return ship.ship_first(run, finalists, [])  # type: ignore[arg-type]


def test_one_of_which_too_little_would_be_left_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ship, "tightened", lambda *_: None)
    run = Run({"trees": [1.5, 0.9], "linear": [0.8]})
    assert shipped(run, finalist("trees", 500.0, True), finalist("linear", 100.0, False)) == "linear"


def test_one_that_fewer_rounds_do_not_make_quicker_is_not_tried_again() -> None:
    run = Run({"additive": [1.5, 0.9], "linear": [0.8]})
    finalists = [finalist("additive", 500.0, True, takes_time=False), finalist("linear", 100.0, False)]
    assert shipped(run, *finalists) == "linear"
    assert run.tried == ["additive", "linear"]


def test_one_that_can_be_shortened_is_tried_again() -> None:
    run = Run({"trees": [1.5, 1.1, 0.9]})
    assert shipped(run, finalist("trees", 500.0, True)) == "trees"
    assert run.tried == ["trees"] * 3
    assert len(run.passed_over) == 2


def test_what_takes_as_long_as_one_that_was_too_slow_is_left_out() -> None:
    run = Run({"network": [1.2], "slower": [], "quicker": [0.8]})
    finalists = [finalist("network", 500.0, False), finalist("slower", 600.0, False), finalist("quicker", 300.0, False)]
    assert shipped(run, *finalists) == "quicker"
    assert run.tried == ["network", "quicker"]


def test_a_wide_miss_is_not_shortened() -> None:
    run = Run({"trees": [2.5], "others": [0.5]})
    assert shipped(run, finalist("trees", 500.0, True), finalist("others", 500.0, True)) == "others"
    assert run.tried == ["trees", "others"]


@pytest.mark.parametrize(("left_s", "tries"), [(0.05, 1), (10.0, 3)])
def test_no_try_is_begun_that_would_end_too_late(left_s: float, tries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try takes 4 s; without a model they may end 3 s after the limit."""
    now = iter(range(0, 1_000, 4))
    monkeypatch.setattr(ship.time, "monotonic", lambda: float(next(now)))
    run = Run({"trees": [1.5, 1.4, 1.3]}, left_s)
    assert shipped(run, finalist("trees", 500.0, True)) is None
    assert len(run.tried) == tries


@pytest.mark.parametrize(("left_s", "tries"), [(-4.0, 1), (-2.0, 3), (5.0, 3)])
def test_without_a_model_tries_end_a_little_after_the_limit(left_s: float, tries: int) -> None:
    run = Run({"trees": [1.5, 1.4, 1.3], "others": [1.5]}, left_s)
    finalists = [finalist("trees", 500.0, True), *([finalist("others", 500.0, True)] if tries == 1 else [])]
    assert shipped(run, *finalists) is None
    assert len(run.tried) == tries


@pytest.mark.parametrize(("left_s", "tried"), [(-2.0, []), (2.0, ["trees"])])
def test_a_first_model_stays_where_there_is_no_time_for_another(left_s: float, tried: list[str]) -> None:
    """The first took 4 s; another may end 3 s after the limit."""
    run = Run({"trees": [0.5]}, left_s)
    run.publisher = SimpleNamespace(shipped="first", seconds=4.0, publish=run._publish)
    assert shipped(run, finalist("trees", 500.0, True)) == (tried[0] if tried else None)
    assert run.tried == tried
    assert run.passed_over == ([] if tried else [ship.NO_TIME])


def test_the_first_model_of_a_short_run_is_asked_for_last_and_told_what_was_too_slow() -> None:
    run = Run({"quick": [1.5], "slow": [2.5], "good": [0.5]})
    assert shipped(run, finalist("slow", 500.0, False), finalist("quick", 400.0, False)) is None
    assert run.tried == ["slow", "quick"]
    assert run.spared == [400.0]
    assert shipped(run, finalist("good", 300.0, False)) == "good"
    assert run.spared == [400.0]
