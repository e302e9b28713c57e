from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benches import make_bench
from lean_automl_runtime.ir import digest

from lean_automl.automl.finish import MeasurePlan, MissError, check_sizes, measure_files, refit, write_files
from lean_automl.config import Constraints
from lean_automl.learners.base import FitOptions
from lean_automl.learners.lightgbm import LightGBM
from lean_automl.search.workers import Workers
from lean_automl.student.blend import Blend
from lean_automl.student.deploy import Deployment, Footprint
from lean_automl.student.trial import predict_with


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


def finished(tmp_path: Path, **limits: float) -> tuple[Any, Any]:
    """Measured files of a small student."""
    bench = make_bench("binary", rows=300, count=1)
    fold = bench.folds[0]
    program = bench.compile([(LightGBM(**GOOD).fit(bench.rows.take(fold.train), None, bench.problem, FitOptions()), 1)])
    deployment = Deployment({"model.lam": "reference"})
    write_files(tmp_path, program, deployment, {})
    plan = MeasurePlan(0.05, unasked=False)
    return measure_files(tmp_path, bench.records, deployment, Constraints(**limits), plan)  # type: ignore[arg-type]


def test_a_limit_may_be_for_a_batch_and_for_memory(tmp_path: Path) -> None:
    # A bound of the median needs a handful of calls; one of p99 needs hundreds, which a busy machine may not get done.
    limits = {"max_latency_us": 1e7, "max_memory_bytes": 1e9, "batch_size": 50, "latency_quantile": 0.5}
    measurements, checks = finished(tmp_path, **limits)
    assert measurements[0].options.batch_size == 50
    assert [(check.name, check.unit, check.met) for check in checks] == [
        ("p50 latency of 50 rows, upper bound", "ms", True),
        ("memory of a process", "MB", True),
    ]
    assert 1 < checks[1].value < 1000
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
