"""The one-standard-error rule, from made-up models to a whole run and a pick from its front."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tables import mixed_frame_for

from lean_automl.automl import select as picking
from lean_automl.automl.front import Point, Students, read_front
from lean_automl.automl.one_se import cheapest_first, cost_of
from lean_automl.automl.pipeline import FitRequest, fit
from lean_automl.automl.select import Wish, select
from lean_automl.cli.progress import Silent
from lean_automl.config import Budget, Constraints, FitConfig
from lean_automl.data import Task
from lean_automl.search.decision import Judged
from lean_automl.search.metrics import make_metric
from lean_automl.student.deploy import Deployment

RMSE = make_metric("rmse", Task.REGRESSION, 1)
Y = np.random.default_rng(0).normal(size=1_000)
NOISE = np.random.default_rng(1).normal(size=1_000)


def ordered(models: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Models as cost and noise, in the order in which they should ship."""

    def judged(model: tuple[float, float]) -> list[Judged]:
        own = np.random.default_rng(int(100 * model[1])).normal(size=Y.size)
        return [Judged(Y, (Y + 0.5 * NOISE + model[1] * own)[:, None], None)]

    return cheapest_first(models, lambda model: model[0], judged, RMSE)


def test_the_cheapest_of_those_that_are_near_goes_first() -> None:
    best, near, nearer, far = (100.0, 0.0), (40.0, 0.002), (60.0, 0.001), (10.0, 0.5)
    assert ordered([best, nearer, near, far]) == [near, nearer, best, far]


def test_what_is_far_or_dear_stays_where_it_was() -> None:
    best, dear, far = (50.0, 0.0), (90.0, 0.001), (10.0, 0.5)
    assert ordered([best, dear, far]) == [best, dear, far]
    assert ordered([best]) == [best]
    assert ordered([]) == []


def test_cost_is_what_is_limited() -> None:
    took = {"model.lam": 2.0, "model.onnx": 9.0}
    assert cost_of(Constraints(max_latency_us=20.0), 5_000, took) == 9.0
    assert cost_of(Constraints(max_latency_us=20.0, max_size_bytes=1e6), 5_000, took) == 5_000
    assert cost_of(Constraints(), 5_000, {}) == 5_000


def test_what_does_not_ship_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best is slower in the file that ships, and quicker in the one that does not."""
    best, other = (
        Point(trial, "any", 1.0 - trial, 1, {"model.lam": 100}, {"model.lam": lam_us, "model.onnx": onnx_us})
        for trial, lam_us, onnx_us in ((0, 5.0, 40.0), (1, 1.0, 90.0))
    )
    monkeypatch.setattr(picking, "read_artifact", lambda content: SimpleNamespace(program=content))
    monkeypatch.setattr(picking, "judged", lambda *_: Judged(Y, (Y + NOISE)[:, None], None))
    monkeypatch.setattr(picking, "scoring_metric", lambda _: RMSE)
    students = Students([], {0: b"", 1: b""}, {})
    limits, native = Constraints(max_latency_us=50.0), Deployment({"model.lam": "native"})
    assert picking._cheapest_first([best, other], students, limits, native) == [other, best]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """A run by the rule and one without, of the same trials."""
    folders = {}
    frame, target = mixed_frame_for("binary", 300)
    for one_se in (False, True):
        folders[one_se] = tmp_path_factory.mktemp("one-se") / "model"
        config = FitConfig(
            budget=Budget(time_limit_s=60.0, max_trials=8, teacher=False, measure=False, feature_search=False),
            families=("linear", "oblivious", "additive"),
            folds=2,
            one_se=one_se,
        )
        fit(FitRequest(frame, target, folders[one_se]), config, Silent())
    return folders


def test_a_run_by_the_rule_ships_less_than_one_without(runs: dict[bool, Path]) -> None:
    sizes = {one_se: (folder / "model.lam").stat().st_size for one_se, folder in runs.items()}
    assert sizes[True] < sizes[False]
    described = json.loads((runs[True] / "run.json").read_text())
    assert described["asked"]["settings"]["one_se"] is True


def test_a_pick_by_the_rule_is_smaller_and_never_dearer(runs: dict[bool, Path], tmp_path: Path) -> None:
    points = read_front(runs[False])
    plain, small = (
        select(runs[False], Wish(Constraints(), one_se=rule), tmp_path / str(rule), overwrite=False).point
        for rule in (False, True)
    )
    assert plain == max(points, key=lambda point: point.score)
    assert small.bytes <= plain.bytes
    least = min(points, key=lambda point: point.bytes)
    limits = Constraints(max_size_bytes=least.bytes * 1.01)
    assert select(runs[False], Wish(limits, one_se=True), tmp_path / "least", overwrite=False).checks[0].met
