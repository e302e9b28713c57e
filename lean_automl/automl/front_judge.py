"""What lets a student of the front be made smaller later: rows that it was not fitted on, with their answers.

A fit with a limit on size lets what ships go through lossy passes, judged on the first fold's validation rows
(`shrink_files`). The students of a front are fits of that fold, so the same rows judge them when one is picked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.engines import make_engine
from lean_automl_runtime.ir import PREDICTION, PROBABILITIES
from lean_automl_runtime.records import RecordReader

from lean_automl.automl.shrink_files import LOSS, gains, judging_metric
from lean_automl.compiler.passes import Budget, Judge, choose, loss_of, noted
from lean_automl.data import Task
from lean_automl.data.records import to_records
from lean_automl.search.metrics import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

    from lean_automl.student.trial import Workbench

MOST_ROWS: Final = 5_000
SECONDS: Final = 20.0  # no pass is begun that would probably end later


def evidence_of(bench: Workbench) -> dict[str, Any]:
    """Validation rows of the first fold and how they judge, as JSON holds them."""
    fold, table = bench.folds[0], bench.valid_tables[0]
    kept = np.linspace(0, table.rows - 1, min(table.rows, MOST_ROWS)).astype(np.int64)
    metric, weight = judging_metric(bench), bench.rows.weight
    return {
        "records": to_records(table.take(kept)),
        "y": np.asarray(bench.rows.y[fold.valid[kept]]).tolist(),
        "weight": None if weight is None else np.asarray(weight[fold.valid[kept]]).tolist(),
        "metric": metric.name,
        "task": metric.task.value,
        "outputs": metric.outputs,
        "quantiles": list(metric.quantiles),
        "has_signs": any(bench.problem.signs),
    }


def smaller(
    program: Program, evidence: dict[str, Any], records: Sequence[dict[str, Any]]
) -> tuple[Program, dict[str, Any]]:
    """A student after the lossy passes that it bears, and what files say of that; as it is if it does not gain.

    Args:
        program: It.
        evidence: As `evidence_of` gives it.
        records: Other rows, which show what values columns hold.
    """
    begin = time.monotonic()
    reader = RecordReader(program.columns)
    arrays = reader.table(evidence["records"])
    metric = Metric(
        evidence["metric"], Task(evidence["task"]), evidence["outputs"], tuple(map(float, evidence["quantiles"]))
    )

    def predict(changed: Program) -> Any:
        found = make_engine(changed).run(arrays)
        return np.asarray(found.get(PROBABILITIES, found.get(PREDICTION)), dtype=np.float64)

    def loss(y: Any, predicted: Any, weight: Any) -> float:
        return loss_of(metric(y, predicted, weight), metric.name)

    weight = None if evidence["weight"] is None else np.array(evidence["weight"])
    judge = Judge(predict, loss, np.array(evidence["y"]), weight)
    # As in a fit: without rows numbers are rounded and nothing more, as pruning could turn round what may only rise.
    shown = None if evidence["has_signs"] else reader.table(records)
    found = choose(program, judge, Budget(LOSS, LOSS, SECONDS - (time.monotonic() - begin)), rows=shown)
    return (found.program, {"passes": noted(found.reports)}) if gains(found.reports) else (program, {})
