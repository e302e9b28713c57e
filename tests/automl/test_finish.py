import contextlib
import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from benches import make_bench
from lean_automl_runtime.ir import Program, digest
from lean_automl_runtime.ir import ops as o
from lean_automl_runtime.measure import Latency, MeasureOptions
from lean_automl_runtime.measure.order_statistics import samples_to_bound

from lean_automl.automl.finish import MissError, check_sizes, refit, write_files
from lean_automl.automl.last_fit import MOST_LAST_FITS, most_last_fits
from lean_automl.automl.measure_files import Measured, MeasurePlan, check_time, measure_files, measuring_s
from lean_automl.config import Constraints
from lean_automl.errors import MeasurementError
from lean_automl.learners.base import FitOptions
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.search.workers import Workers
from lean_automl.student.blend import Blend
from lean_automl.student.deploy import Deployment, Footprint
from lean_automl.student.trial import Workbench, predict_with


def test_the_size_that_counts_is_that_of_the_file_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model.lam").write_bytes(bytes(1_000))
    deployment, limit = Deployment({"model.lam": "reference"}), Constraints(max_size_bytes=1_000)
    assert [check.met for check in check_sizes(tmp_path, deployment, limit)] == [True]
    (tmp_path / "model.lam").write_bytes(bytes(1_001))
    with pytest.raises(MissError, match=r"size of model.lam is 1.001 kB \(limit 1 kB\)"):
        check_sizes(tmp_path, deployment, limit)
    assert check_sizes(tmp_path, deployment, Constraints())[0].limit is None


class Refitted(LightGBM):
    """Fits on all rows with another number of trees and another rate than on the folds."""

    def for_all_rows(self, fitted: Any, growth: float) -> LightGBM:  # noqa: ARG002
        return LightGBM(**self.extra["last"])


GOOD = {"trees": 40, "learning_rate": 0.1}
RUNAWAY = {"trees": 40, "learning_rate": 60.0}


@pytest.mark.parametrize(("last", "is_kept"), [(GOOD, True), (RUNAWAY, False)], ids=["sound", "runaway"])
def test_a_last_fit_that_has_run_away_is_not_taken(last: dict[str, Any], is_kept: bool) -> None:
    bench = make_bench("binary", rows=600, count=1, metric="neg_log_loss")
    fold = bench.folds[0]
    model = LightGBM(**GOOD).fit(bench.rows.take(fold.train), None, bench.problem, FitOptions())
    program = bench.compile([(model, 1.0)])
    score = bench.metric(bench.rows.y[fold.valid], predict_with(program, bench.valid_tables[0]))
    student = Refitted(extra={"last": last})
    candidate: Any = SimpleNamespace(student=student, fitted=(model,), fold_scores=(score,))
    blend = Blend(((candidate, 1.0),), score, Footprint({}, {}), {})
    with Workers(1) as workers:
        made, refitted = refit(blend, bench, bench.rows, FitOptions(), workers)
    assert refitted is is_kept
    assert (digest(made) == digest(program)) is not is_kept


def blend_of(bench: Workbench, footprint: Footprint, *students: LightGBM) -> Blend:
    """Equal parts of students, each fitted on the first fold."""
    fold = bench.folds[0]
    members: list[Any] = []
    for student in students:
        model = student.fit(bench.rows.take(fold.train), None, bench.problem, FitOptions())
        score = bench.metric(bench.rows.y[fold.valid], model.predict(bench.rows.frame.take(fold.valid)))
        members.append((SimpleNamespace(student=student, fitted=(model,), fold_scores=(score,)), 1 / len(students)))
    return Blend(tuple(members), 0.0, footprint, {})


def last_predictions(blend: Blend, bench: Workbench, most: int, deadline: float = float("inf")) -> tuple[Any, Any]:
    """The Program of so many last fits at most, and what it says of the first fold's validation rows."""
    with Workers(1) as workers:
        program, refitted = refit(blend, bench, bench.rows, FitOptions(5, 1, deadline), workers, most)
    assert refitted
    return program, predict_with(program, bench.valid_tables[0])


def blends_in(program: Program) -> list[int]:
    """How many scores each average of a Program has."""
    return [len(op.inputs) for op in program.ops if isinstance(op, o.Blend)]


RANDOM = LightGBM(trees=30, learning_rate=0.1, feature_fraction=0.5)
OTHER = LightGBM(trees=20, learning_rate=0.2, feature_fraction=0.7)


def test_several_last_fits_of_each_member_are_averaged() -> None:
    bench = make_bench("regression", rows=400, count=1)
    blend = blend_of(bench, Footprint({"model.lam": 1}, {}), RANDOM, OTHER)
    program, predicted = last_predictions(blend, bench, 3)
    assert blends_in(program) == [6]
    growth = bench.rows.frame.rows / bench.folds[0].train.size
    last = [candidate.student.for_all_rows(candidate.fitted, growth) for candidate, _ in blend.members]
    fits = [one.fit(bench.rows, None, bench.problem, FitOptions(seed)) for one in last for seed in (5, 6, 7)]
    frame = bench.rows.frame.take(bench.folds[0].valid)
    wanted = np.mean([fit.predict(frame) for fit in fits], axis=0)
    assert predicted == pytest.approx(wanted, rel=1e-4)
    one, _ = last_predictions(blend, bench, 1)
    assert blends_in(one) == [2]


@pytest.mark.parametrize(
    ("kilobytes", "limits"),
    [(1e12, Constraints()), (1, Constraints(max_latency_us=1e-3))],
    ids=["no time to export them", "a limit in the way"],
)
def test_several_last_fits_are_not_forced(kilobytes: int, limits: Constraints) -> None:
    bench = make_bench("regression", rows=300, count=1, constraints=limits)
    blend = blend_of(bench, Footprint({"model.lam": int(1_000 * kilobytes)}, {}), RANDOM)
    program, _ = last_predictions(blend, bench, 3, time.monotonic() + 600.0)
    assert blends_in(program) == []


def test_several_last_fits_are_for_numbers_without_a_limit_on_size() -> None:
    tight, wide = Constraints(max_latency_us=1.0), Constraints(max_size_bytes=1e7)
    wanted = [most_last_fits(make_bench("regression", constraints=limits)) for limits in (Constraints(), tight, wide)]
    assert wanted == [MOST_LAST_FITS, 1, 1]
    assert most_last_fits(make_bench("binary")) == 1


def finished(tmp_path: Path, longest_s: float | None = None, **limits: float) -> Measured:
    """What measuring finds of the files of a small student."""
    bench = make_bench("binary", rows=300, count=1)
    fold = bench.folds[0]
    program = bench.compile([(LightGBM(**GOOD).fit(bench.rows.take(fold.train), None, bench.problem, FitOptions()), 1)])
    deployment = Deployment({"model.lam": "reference"})
    write_files(tmp_path, program, deployment, {})
    plan = MeasurePlan(0.05, unasked=False, longest_s=longest_s)
    return measure_files(tmp_path, bench.records, deployment, Constraints(**limits), plan)  # type: ignore[arg-type]


def test_a_limit_may_be_for_a_batch_and_for_memory(tmp_path: Path) -> None:
    # A bound of the median needs a handful of calls; one of p99 needs hundreds, which a busy machine may not get done.
    limits = {"max_latency_us": 1e7, "max_memory_bytes": 1e9, "batch_size": 50, "latency_quantile": 0.5}
    found = finished(tmp_path, **limits)
    assert found.measurements[0].options.batch_size == 50
    assert [(check.name, check.unit, check.met) for check in found.checks] == [
        ("p50 latency of 50 rows, upper bound", "ms", True),
        ("memory of a process", "MB", True),
    ]
    assert 1 < found.checks[1].value < 1000
    with pytest.raises(MissError, match=r"memory of a process of model.lam with reference is .* \(limit 2 MB\)"):
        finished(tmp_path, max_memory_bytes=2e6)


def test_a_batch_is_timed_as_one_call_in_a_quick_look_too() -> None:
    bench = make_bench("binary", rows=300, count=1)
    fold = bench.folds[0]
    program = bench.compile([(LightGBM(**GOOD).fit(bench.rows.take(fold.train), None, bench.problem, FitOptions()), 1)])
    deployment = Deployment({"model.lam": "reference"})
    one, batch = (
        deployment.footprint(program, bench.records, Constraints(max_latency_us=1e7, batch_size=rows)).latency_us
        for rows in (1, 2_000)
    )
    assert batch["model.lam"] > 2 * one["model.lam"]


def test_a_limit_that_could_not_be_checked_is_not_called_broken(tmp_path: Path) -> None:
    limits = {"batch_size": 100, "latency_quantile": 0.999}
    with pytest.raises(MeasurementError, match=r"could not be checked: an upper bound of p99.9 takes 3,688 calls"):
        finished(tmp_path, longest_s=0.05, max_latency_us=1e7, **limits)
    with pytest.raises(MissError, match=r"p99.9 latency of 100 rows, lower bound of .* \(limit 1e-06 ms\)"):
        finished(tmp_path, longest_s=0.05, max_latency_us=1e-3, **limits)


def test_sampling_goes_on_until_there_is_a_bound(tmp_path: Path) -> None:
    found = finished(tmp_path, longest_s=60.0, max_latency_us=1e7, batch_size=20, latency_quantile=0.9)
    assert found.measurements[0].total.samples >= samples_to_bound(0.9)
    assert found.checks[0].name == "p90 latency of 20 rows, upper bound"


def test_time_that_cannot_be_enough_is_told_before_the_search() -> None:
    slow = Deployment({"model.lam": "native", "model.onnx": "onnx"}, {"model.lam": 1e5, "model.onnx": 2e5})
    limits = Constraints(max_latency_us=1e6, batch_size=100_000)
    with pytest.raises(MeasurementError, match=r"takes 368 calls, and on a batch of 100,000 rows .* 184 or more"):
        check_time(slow, limits, 60.0)
    check_time(slow, limits, 600.0)
    high = Constraints(max_latency_us=100.0, latency_quantile=0.999997)
    with pytest.raises(MeasurementError, match=r"0\.999997 cannot be checked, .* takes 1,\d+,\d+ calls"):
        check_time(Deployment({"model.lam": "native"}, {"model.lam": 0.1}), high, 600.0)
    check_time(Deployment({"model.lam": "native"}), Constraints(latency_quantile=0.999997), 5.0)
    check_time(Deployment({"model.lam": "native"}), Constraints(), 5.0)
    assert measuring_s(slow, limits, 1.0) == pytest.approx(368 * 0.3)


def fake_measure(uppers_us: dict[str, float]) -> Any:
    """Stands for `measure`: files of which the p99 is known."""

    def measured(path: Path, _: Any, options: MeasureOptions) -> Any:
        us = uppers_us[path.name]
        if us < 0:
            raise MeasurementError(f"{path.name}: crashed")
        times_ns = np.full(1_000, 1_000 * us)
        total = Latency.from_samples_ns(times_ns, options.quantiles)
        upper = total.at(0.99).upper_us
        cold = SimpleNamespace(memory_mb=50.0)
        return SimpleNamespace(
            artifact=path.name, engine=options.engine, total=total, cold=cold, upper_us=lambda _: upper
        )

    return measured


BOTH = Deployment({"model.lam": "native", "model.onnx": "onnx"}, sheds=True)
TEN = Constraints(max_latency_us=10.0)


@pytest.mark.parametrize(
    ("uppers_us", "why"),
    [
        ({"model.lam": 2.0, "model.onnx": 12.0}, r"model.onnx with onnx is 0.012 ms \(limit 0.01 ms\)"),
        ({"model.lam": 2.0, "model.onnx": -1.0}, "model.onnx is left out: model.onnx: crashed"),
    ],
)
def test_a_file_that_cannot_keep_the_limit_is_left_out_where_another_can(
    uppers_us: dict[str, float], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lean_automl.automl.measure_files.measure", fake_measure(uppers_us))
    plan = MeasurePlan(0.1, unasked=False)
    found = measure_files(tmp_path, [], BOTH, TEN, plan)
    assert [(check.file, check.met) for check in found.checks] == [("model.lam with native", True)]
    (name, line), *_ = found.left_out.items()
    assert name == "model.onnx"
    assert re.search(why, line)
    with pytest.raises((MissError, MeasurementError), match=r"model\.onnx"):
        measure_files(tmp_path, [], replace(BOTH, sheds=False), TEN, plan)


@pytest.mark.parametrize(
    ("second_us", "outcome"),
    [(8.4, "kept, by the first"), (8.9, "kept, by the second"), (9.3, "too near"), (10.5, "broken")],
)
def test_near_the_limit_the_worse_of_two_processes_counts(
    second_us: float, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launches = iter([8.6, second_us])

    def measured(path: Path, records: Any, options: MeasureOptions) -> Any:
        return fake_measure({"model.lam": next(launches)})(path, records, options)

    monkeypatch.setattr("lean_automl.automl.measure_files.measure", measured)
    files, plan = Deployment({"model.lam": "native"}), MeasurePlan(0.1, unasked=False)
    if "kept" not in outcome:
        said = {"broken": r"0\.0105 ms \(limit 0\.01 ms\)", "too near": r"0\.0093 ms \(limit 0\.01 ms, and so near"}
        with pytest.raises(MissError, match=said[outcome]):
            measure_files(tmp_path, [], files, TEN, plan)
        return
    (check,) = measure_files(tmp_path, [], files, TEN, plan).checks
    assert check.value * 1000 == pytest.approx(max(8.6, second_us))


@pytest.mark.parametrize(("slow", "is_kept"), [(400, True), (800, False)])
def test_few_enough_calls_are_slow_that_the_limit_is_kept_again(
    slow: int, is_kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """p99 is far below the limit, but of the calls that may be above it too many are."""

    def measured(path: Path, _: Any, options: MeasureOptions) -> Any:
        times_ns = np.full(100_000, 4_000.0)
        times_ns[np.random.default_rng(0).choice(times_ns.size, slow, replace=False)] = 30_000.0
        total = Latency.from_samples_ns(times_ns, options.quantiles)
        cold = SimpleNamespace(memory_mb=9.0)
        return SimpleNamespace(artifact=path.name, engine=options.engine, total=total, cold=cold)

    monkeypatch.setattr("lean_automl.automl.measure_files.measure", measured)
    files, plan = Deployment({"model.lam": "native"}), MeasurePlan(0.1, unasked=False)
    if is_kept:
        (check,) = measure_files(tmp_path, [], files, TEN, plan).checks
        assert check.value == pytest.approx(0.004)
        return
    said = r"p99\.3 latency, which must keep it so that p99 does again, of model\.lam with native is 0\.03 ms \(limit"
    with pytest.raises(MissError, match=said) as caught:
        measure_files(tmp_path, [], files, TEN, plan)
    assert caught.value.is_of_latency
    assert caught.value.excess == pytest.approx(2.0)


@pytest.mark.parametrize(("limit_us", "launches"), [(10.0, 1), (6.0, 2), (4.0, 1)])
def test_far_from_the_limit_one_process_is_enough(
    limit_us: float, launches: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def measured(path: Path, records: Any, options: MeasureOptions) -> Any:
        asked.append(path)
        return fake_measure({"model.lam": 5.0})(path, records, options)

    monkeypatch.setattr("lean_automl.automl.measure_files.measure", measured)
    files, limits = Deployment({"model.lam": "native"}), Constraints(max_latency_us=limit_us)
    with contextlib.suppress(MissError):
        measure_files(tmp_path, [], files, limits, MeasurePlan(0.1, unasked=False))
    assert len(asked) == launches


def test_one_file_at_least_must_keep_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uppers_us = {"model.lam": 11.0, "model.onnx": 12.0}
    monkeypatch.setattr("lean_automl.automl.measure_files.measure", fake_measure(uppers_us))
    with pytest.raises(MissError, match=r"model.lam .* is 0.011 ms .*; .*model.onnx .* is 0.012 ms") as caught:
        measure_files(tmp_path, [], BOTH, TEN, MeasurePlan(0.1))
    assert caught.value.excess == pytest.approx(0.2)
