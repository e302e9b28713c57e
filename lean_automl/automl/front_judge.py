"""What lets a student of the front be made smaller later: rows that it was not fitted on, with their answers.

A fit with a limit on size lets what ships go through lossy passes, judged on the first fold's validation rows
(`shrink_files`). The students of a front are fits of that fold, so the same rows judge them when one is picked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from lean_automl_runtime.records import RecordReader

from lean_automl.automl.shrink_files import LOSS, gains, judge_on, judging_metric, spread, weight_of
from lean_automl.compiler.passes import Budget, choose, noted
from lean_automl.compiler.unread import without_unread
from lean_automl.data import Table, Task
from lean_automl.data.records import to_records
from lean_automl.search.decision import Judged
from lean_automl.search.metrics import Metric
from lean_automl.student.trial import predict_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

    from lean_automl.student.trial import Workbench

MOST_ROWS: Final = 5_000
FEWEST_ROWS: Final = 100
MOST_CELLS: Final = 500_000
SECONDS: Final = 20.0  # no pass is begun that would probably end later


def fewer_rows(columns: int, most: int) -> int:
    """Rows that a front keeps of so many columns: JSON of more values takes seconds to write."""
    return min(most, max(FEWEST_ROWS, MOST_CELLS // max(1, columns)))


def evidence_of(bench: Workbench) -> dict[str, Any]:
    """Validation rows of the first fold and how they judge, as JSON holds them."""
    fold, table = bench.folds[0], bench.valid_tables[0]
    kept = spread(table.rows, fewer_rows(len(table.columns), MOST_ROWS))
    own = fold.valid[kept]
    metric, weight = judging_metric(bench), weight_of(bench, own)
    return {
        "records": to_records(table.take(kept)),
        "y": np.asarray(bench.rows.y[own]).tolist(),
        "weight": None if weight is None else np.asarray(weight).tolist(),
        "metric": metric.name,
        "scored_by": bench.metric.name,
        "task": metric.task.value,
        "outputs": metric.outputs,
        "quantiles": list(metric.quantiles),
        "has_signs": any(bench.problem.signs),
    }


def judged(program: Program, evidence: dict[str, Any]) -> Judged:
    """What a student of the front says of the rows, with their answers."""
    predicted = predict_with(program, _table(program, evidence["records"]))
    return Judged(np.array(evidence["y"]), predicted, _weight(evidence))


def scoring_metric(evidence: dict[str, Any]) -> Metric:
    """What the run scored students by; what judges passes in a front that an earlier version wrote."""
    return _metric(evidence, evidence.get("scored_by", evidence["metric"]))


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
    metric = _metric(evidence, evidence["metric"])
    judge = judge_on(_table(program, evidence["records"]), np.array(evidence["y"]), _weight(evidence), metric)
    # As in a fit: without rows numbers are rounded and nothing more, as pruning could turn round what may only rise.
    shown = None if evidence["has_signs"] else _table(program, records).by_name
    found = choose(program, judge, Budget(LOSS, LOSS, SECONDS - (time.monotonic() - begin)), rows=shown)
    return (without_unread(found.program), {"passes": noted(found.reports)}) if gains(found.reports) else (program, {})


def _table(program: Program, records: Sequence[dict[str, Any]]) -> Table:
    """What a Program reads of records."""
    return Table(program.columns, tuple(RecordReader(program.columns).table(records)))


def _metric(evidence: dict[str, Any], name: str) -> Metric:
    quantiles = tuple(map(float, evidence["quantiles"]))
    return Metric(name, Task(evidence["task"]), evidence["outputs"], quantiles)


def _weight(evidence: dict[str, Any]) -> Any:
    return None if evidence["weight"] is None else np.array(evidence["weight"])
