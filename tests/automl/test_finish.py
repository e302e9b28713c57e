from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benches import make_bench
from lean_automl_runtime.ir import digest

from lean_automl.automl.finish import MissError, check_sizes, refit
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
