"""Makes what ships smaller at next to no loss: passes are chosen where they can be judged, and repeated on what ships.

The last fit knows all rows, so nothing is left to judge it by. The same student fitted on the first fold does not know
that fold's validation rows: passes are chosen with it. They are for runs with a limit on size, whether a student is
near it or not: who sets one cares for bytes, and what the passes may cost is far below what a run can tell from luck.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lean_automl.compiler.passes import Budget, Judge, choose, loss_of, noted, repeat
from lean_automl.compiler.unread import without_unread
from lean_automl.search.metrics import make_metric
from lean_automl.student.trial import predict_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lean_automl_runtime.ir import Program

    from lean_automl.automl.run import Run
    from lean_automl.compiler.passes import Pass, PassReport
    from lean_automl.data import Table
    from lean_automl.search.metrics import Metric
    from lean_automl.student.blend import Blend
    from lean_automl.student.trial import Workbench

MOST_ROWS: Final = 20_000  # that judge, and that show what rows look like
LOSS: Final = 0.002  # most that all passes may add to the loss, relative to it
PROPER: Final = "neg_log_loss"


@dataclass(frozen=True)
class Chosen:
    """Lossy passes that a student bears.

    Attributes:
        passes: In order.
        seconds: What they take, about.
    """

    passes: tuple[Pass, ...] = ()
    seconds: float = 0.0


def passes_for(run: Run, blend: Blend) -> Chosen:
    """Lossy passes that a student of a run bears; none where there is no time to judge them."""
    if not run.time.shrink_s:
        return Chosen()
    left = run.clock.left_s - run.time.final_s
    if run.interrupted or left <= 0:
        run.watcher.step("note", "no time to look for smaller files")
        return Chosen()
    return choose_passes(blend, run.bench, run.dataset.table, min(left, run.time.choice_s))


def choose_passes(blend: Blend, bench: Workbench, table: Table, seconds: float) -> Chosen:
    """Lossy passes that the fit of the first fold bears.

    Args:
        blend: What will ship.
        bench: Its folds and their validation rows.
        table: Raw columns of the rows that the folds divide.
        seconds: No pass is begun that would probably end later.
    """
    begin = time.monotonic()
    fold, valid = bench.folds[0], bench.valid_tables[0]
    program = bench.shortened(blend.first_fits)[1]
    shown = table.take(fold.train[spread(fold.train.size)]).by_name
    kept = spread(valid.rows)
    own = fold.valid[kept]
    check = judge_on(valid.take(kept), bench.rows.y[own], weight_of(bench, own), judging_metric(bench))
    budget = Budget(LOSS, LOSS, seconds - (time.monotonic() - begin))
    # Without rows, numbers are rounded and nothing more: pruning could turn round what may only rise.
    found = choose(program, check, budget, rows=None if any(bench.problem.signs) else shown)
    return Chosen(found.passes, sum(report.seconds for report in found.reports if report.kept or report.exact))


def shrunk(program: Program, chosen: Chosen, seconds: float) -> tuple[Program, dict[str, Any]]:
    """The Program of the last fit after the same passes, and what files say of that; as it is if it does not gain.

    Args:
        program: It.
        chosen: The passes.
        seconds: Time for them; where they take longer, the Program stays as it is.
    """
    if not chosen.passes or chosen.seconds > seconds:
        return program, {}
    smaller, reports = repeat(program, chosen.passes)
    return (without_unread(smaller), {"passes": noted(reports)}) if gains(reports) else (program, {})


def gains(reports: Sequence[PassReport]) -> bool:
    """Whether the files are smaller after the passes."""
    before, after = reports[0].before, reports[-1].after
    return after.lam + after.onnx < before.lam + before.onnx


def judging_metric(bench: Workbench) -> Metric:
    """What tells whether predictions changed: for classes the logarithmic loss, which a label or a rank hides."""
    problem = bench.problem
    if problem.task.is_classification:
        return make_metric(PROPER, problem.task, problem.outputs)
    return bench.metric


def judge_on(table: Table, y: Any, weight: Any, metric: Metric) -> Judge:
    """The loss of a Program on some rows."""

    def loss(y: Any, predicted: Any, weight: Any) -> float:
        return loss_of(metric(y, predicted, weight), metric.name)

    return Judge(lambda program: predict_with(program, table), loss, y, weight)


def weight_of(bench: Workbench, rows: Any) -> Any:
    """Weights of some of the bench's rows, if they have any."""
    return None if bench.rows.weight is None else bench.rows.weight[rows]


def spread(rows: int, most: int = MOST_ROWS) -> Any:
    """Positions of as many rows as are looked at, evenly spread."""
    return np.linspace(0, rows - 1, min(rows, most)).astype(np.int64)
